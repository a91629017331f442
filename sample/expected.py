"""What the figures of the platform must say on the sample, beside what was published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from domain.identity import Means
from domain.kernel import Audience, Jurisdiction
from domain.organisations import OrganisationType
from sample import civil, published
from sample.plan import volumes
from sample.plan.consents import ConsentPlan, consent_plan
from sample.plan.open_rates import Cohort, cohorts, outside_government
from sample.plan.scale import COARSE, FINE, scale_of
from sample.plan.use import belgian_uses, dutch_authentications

BE, NL = Jurisdiction.BE, Jurisdiction.NL
DIGID = frozenset(Means) - {Means.EHERKENNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFigure:
    """A published figure, and what its definition must count on the sample.

    `definition` and `period` are those of `projections.figures`; `published_id` names the fact in `published.json`.
    One of the sample stands for `stands_for` in reality, at scale 1. `means` narrows authentications; empty: all.
    `previous` is the expected count of the same period a year earlier, where a growth is printed.
    """

    published_id: str
    definition: str
    jurisdiction: Jurisdiction
    period: str
    count: int
    stands_for: int = 1
    means: frozenset[Means] = frozenset()
    previous: int | None = None

    @property
    def published(self) -> int:
        return published.value(self.published_id)

    @property
    def quality(self) -> str:
        return str(published.figure(self.published_id)["quality"])

    @property
    def published_growth_pct(self) -> int | None:
        growth: int | None = published.figure(self.published_id).get("growth_pct")
        return growth


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedOpenRate:
    """One row of the open-rate table in one year: what the events say, and what is printed."""

    year: int
    kind: OrganisationType
    cohort: Cohort
    printed: published.PublishedRow


def expected_figures(scale: float | Fraction = 1) -> tuple[ExpectedFigure, ...]:
    """Return every published figure that the sample shows."""
    factor = scale_of(scale)
    return (*_identity(factor), *_mailbox(factor), *_dutch_mailbox(factor), *_exchange(factor), *_registers())


def expected_open_rates(scale: float | Fraction = 1) -> tuple[ExpectedOpenRate, ...]:
    factor = scale_of(scale)
    return tuple(
        ExpectedOpenRate(year=year, kind=kind, cohort=cohort, printed=published.open_rate_rows(year)[kind])
        for year in published.YEARS
        for kind, cohort in cohorts(year, factor).items()
    )


def expected_index() -> dict[Audience, str]:
    """Return the index of September/October 2017 by target group, to two decimals."""
    return {Audience(audience): value for audience, value in published.index_values().items()}


def _identity(scale: Fraction) -> Iterator[ExpectedFigure]:
    uses, dutch = belgian_uses(scale), dutch_authentications(scale)

    def fas(year: int) -> int:
        return sum(use.authentications for month in civil.year(year) for use in uses[month].values())

    def of_dutch(year: int, attribute: str) -> int:
        return sum(getattr(dutch[month], attribute) for month in civil.year(year))

    common: dict[str, Any] = {"definition": "authentications", "stands_for": COARSE}
    of_nl: dict[str, Any] = {**common, "jurisdiction": NL, "period": "2018"}
    yield ExpectedFigure(
        published_id="be.fas.authentications.2016", jurisdiction=BE, period="2016", count=fas(2016), **common
    )
    yield ExpectedFigure(
        published_id="be.fas.authentications.2021",
        jurisdiction=BE,
        period="2021",
        count=fas(2021),
        previous=fas(2020),
        **common,
    )
    yield ExpectedFigure(
        published_id="nl.digid.authentications.2018", count=of_dutch(2018, "citizens"), means=DIGID, **of_nl
    )
    yield ExpectedFigure(
        published_id="nl.digid.app_authentications.2018",
        count=of_dutch(2018, "by_app"),
        means=frozenset({Means.MOBILE_APP}),
        **of_nl,
    )
    yield ExpectedFigure(
        published_id="nl.eherkenning.authentications.2018",
        count=of_dutch(2018, "companies"),
        previous=of_dutch(2017, "companies"),
        means=frozenset({Means.EHERKENNING}),
        **of_nl,
    )


def _mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    post, plan = volumes.belgian_post(scale), consent_plan(scale)
    nov_2020, nov_2021 = civil.month(2020, 11), civil.month(2021, 11)
    for year in (2020, 2021):
        sent = sum(post[month].sent for month in civil.year(year))
        yield _ebox(f"messages_sent.{year}", "messages_sent", str(year), sent, stands_for=FINE)
    yield _ebox(
        "messages_to_active_mailboxes.2021-11",
        "messages_to_active_mailboxes",
        "2021-11",
        post[nov_2021].delivered,
        previous=post[nov_2020].delivered,
        stands_for=FINE,
    )
    yield from _consents(plan)
    for month, period in ((nov_2020, "2020-11"), (nov_2021, "2021-11")):
        yield _ebox(f"senders.{period}", "sending_organisations", period, post[month].senders)
    for month, period in ((civil.month(2021, 6), "2021-06"), (civil.month(2022, 6), "2022-06")):
        yield _ebox(f"senders.{period}", "senders_connected", period, volumes.belgian_senders(month))


def _consents(plan: ConsentPlan) -> Iterator[ExpectedFigure]:
    for year in (2020, 2021):
        active = plan.active(civil.month(year, 11))
        yield _ebox(f"active_consents.{year}-11", "active_consents", f"{year}-11", active, stands_for=FINE)
    for name, period, month in (("2021-11", "2021-11", (2021, 11)), ("2022-H1", "2022-H1", (2022, 6))):
        users = plan.users(civil.month(*month))
        yield _ebox(f"unique_users.{name}", "unique_mailbox_users", period, users, stands_for=FINE)


def _ebox(
    name: str, definition: str, period: str, count: int, *, previous: int | None = None, stands_for: int = 1
) -> ExpectedFigure:
    return ExpectedFigure(
        published_id=f"be.ebox.{name}",
        definition=definition,
        jurisdiction=BE,
        period=period,
        count=count,
        previous=previous,
        stands_for=stands_for,
    )


def _dutch_mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    messages: dict[int, int] = {}
    senders: dict[int, int] = {}
    for place, year in enumerate(published.YEARS):
        rows = {**cohorts(year, scale), OrganisationType.PENSION_FUND: outside_government(year, scale)}
        messages[year] = sum(row.messages for row in rows.values())
        senders[year] = sum(min(volumes.DUTCH_SENDERS[kind][place], row.messages) for kind, row in rows.items())
    before, year = published.YEARS
    for name, definition, counts, stands_for in (
        ("messages", "messages_sent", messages, FINE),
        ("organisations", "sending_organisations", senders, 1),
    ):
        yield ExpectedFigure(
            published_id=f"nl.berichtenbox.{name}.{year}",
            definition=definition,
            jurisdiction=NL,
            period=str(year),
            count=counts[year],
            previous=counts[before],
            stands_for=stands_for,
        )


def _exchange(scale: Fraction) -> Iterator[ExpectedFigure]:
    transactions, invoices = volumes.bus_transactions(scale), volumes.invoices(scale)

    def half_year(year: int) -> range:
        return civil.months((year, 1), (year, 6))

    yield ExpectedFigure(
        published_id="be.fsb.transactions.2022-H1",
        definition="bus_transactions",
        jurisdiction=BE,
        period="2022-H1",
        count=sum(transactions[month] for month in half_year(2022)),
        previous=sum(transactions[month] for month in half_year(2021)),
        stands_for=COARSE,
    )
    for published_id, jurisdiction, period, months, months_before in (
        ("be.mercurius.invoices.2022-H1", BE, "2022-H1", half_year(2022), half_year(2021)),
        ("nl.digipoort.invoices.2018", NL, "2018", civil.year(2018), civil.year(2017)),
    ):
        yield ExpectedFigure(
            published_id=published_id,
            definition="invoices_received",
            jurisdiction=jurisdiction,
            period=period,
            count=sum(invoices[jurisdiction, month] for month in months),
            previous=sum(invoices[jurisdiction, month] for month in months_before),
            stands_for=FINE,
        )


def _registers() -> Iterator[ExpectedFigure]:
    end_of_2017 = civil.month(2017, 12)
    for published_id, definition, count in (
        ("be.fas.services.2017", "connected_services", volumes.belgian_services(end_of_2017)),
        ("be.mercurius.institutions.2017", "invoice_receivers", volumes.belgian_receivers(end_of_2017)),
    ):
        yield ExpectedFigure(
            published_id=published_id, definition=definition, jurisdiction=BE, period="2017", count=count
        )
