"""What the figures of the platform must say on the sample, beside what was published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction
from domain.organisations.values import OrganisationType
from sample import civil, published
from sample.plan import volumes
from sample.plan.consents import consent_plan
from sample.plan.open_rates import PlannedCohort, cohorts, outside_government
from sample.plan.scale import COARSE, FINE, scale_of
from sample.plan.use import belgian_uses, dutch_authentications


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
        return published.figure(self.published_id).value

    @property
    def quality(self) -> str:
        return published.figure(self.published_id).quality

    @property
    def published_growth_pct(self) -> int | None:
        return published.figure(self.published_id).growth_pct


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedOpenRate:
    """One row of the open-rate table in one year: what the events say, and what is printed."""

    year: int
    kind: OrganisationType
    cohort: PlannedCohort
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
    return published.index_values()


def _expected(
    published_id: str,
    definition: str,
    count: int,
    *,
    previous: int | None = None,
    stands_for: int = 1,
    means: frozenset[Means] = frozenset(),
) -> ExpectedFigure:
    """Expect a count for a published figure, whose id begins with its jurisdiction and ends with its period."""
    return ExpectedFigure(
        published_id=published_id,
        definition=definition,
        jurisdiction=Jurisdiction(published_id.split(".", maxsplit=1)[0]),
        period=published_id.rsplit(".", maxsplit=1)[-1],
        count=count,
        previous=previous,
        stands_for=stands_for,
        means=means,
    )


def _identity(scale: Fraction) -> Iterator[ExpectedFigure]:
    uses, dutch = belgian_uses(scale), dutch_authentications(scale)

    def fas(year: int) -> int:
        return sum(use.authentications for month in civil.year(year) for use in uses[month].values())

    def of_dutch(year: int, attribute: str) -> int:
        return sum(getattr(dutch[month], attribute) for month in civil.year(year))

    for published_id, count, previous, means in (
        ("be.fas.authentications.2016", fas(2016), None, ()),
        ("be.fas.authentications.2021", fas(2021), fas(2020), ()),
        ("nl.digid.authentications.2018", of_dutch(2018, "citizens"), None, set(Means) - {Means.EHERKENNING}),
        ("nl.digid.app_authentications.2018", of_dutch(2018, "by_app"), None, {Means.MOBILE_APP}),
        (
            "nl.eherkenning.authentications.2018",
            of_dutch(2018, "companies"),
            of_dutch(2017, "companies"),
            {Means.EHERKENNING},
        ),
    ):
        yield _expected(
            published_id, "authentications", count, previous=previous, stands_for=COARSE, means=frozenset(means)
        )


def _mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    post, plan = volumes.belgian_post(scale), consent_plan(scale)
    nov_2020, nov_2021 = civil.month(2020, 11), civil.month(2021, 11)
    for year in (2020, 2021):
        sent = sum(post[month].sent for month in civil.year(year))
        yield _expected(f"be.ebox.messages_sent.{year}", "messages_sent", sent, stands_for=FINE)
    yield _expected(
        "be.ebox.messages_to_active_mailboxes.2021-11",
        "messages_to_active_mailboxes",
        post[nov_2021].delivered,
        previous=post[nov_2020].delivered,
        stands_for=FINE,
    )
    for year in (2020, 2021):
        active = plan.active(civil.month(year, 11))
        yield _expected(f"be.ebox.active_consents.{year}-11", "active_consents", active, stands_for=FINE)
    for period, month in (("2021-11", nov_2021), ("2022-H1", civil.month(2022, 6))):
        users = plan.users(month)
        yield _expected(f"be.ebox.unique_users.{period}", "unique_mailbox_users", users, stands_for=FINE)
    for period, month in (("2020-11", nov_2020), ("2021-11", nov_2021)):
        yield _expected(f"be.ebox.senders.{period}", "sending_organisations", post[month].senders)
    for year in (2021, 2022):
        senders = volumes.belgian_senders(civil.month(year, 6))
        yield _expected(f"be.ebox.senders.{year}-06", "senders_connected", senders)


def _dutch_mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    messages: list[int] = []
    senders: list[int] = []
    for place, year in enumerate(published.YEARS):
        rows = {**cohorts(year, scale), OrganisationType.PENSION_FUND: outside_government(year, scale)}
        messages.append(sum(row.messages for row in rows.values()))
        senders.append(sum(min(volumes.DUTCH_SENDERS[kind][place], row.messages) for kind, row in rows.items()))
    yield _expected(
        "nl.berichtenbox.messages.2018", "messages_sent", messages[1], previous=messages[0], stands_for=FINE
    )
    yield _expected("nl.berichtenbox.organisations.2018", "sending_organisations", senders[1], previous=senders[0])


def _exchange(scale: Fraction) -> Iterator[ExpectedFigure]:
    transactions, invoices = volumes.bus_transactions(scale), volumes.invoices(scale)
    before, now = civil.months((2021, 1), (2021, 6)), civil.months((2022, 1), (2022, 6))

    def received(jurisdiction: Jurisdiction, months: range) -> int:
        return sum(invoices[jurisdiction, month] for month in months)

    yield _expected(
        "be.fsb.transactions.2022-H1",
        "bus_transactions",
        sum(transactions[month] for month in now),
        previous=sum(transactions[month] for month in before),
        stands_for=COARSE,
    )
    yield _expected(
        "be.mercurius.invoices.2022-H1",
        "invoices_received",
        received(Jurisdiction.BE, now),
        previous=received(Jurisdiction.BE, before),
        stands_for=FINE,
    )
    yield _expected(
        "nl.digipoort.invoices.2018",
        "invoices_received",
        received(Jurisdiction.NL, civil.year(2018)),
        previous=received(Jurisdiction.NL, civil.year(2017)),
        stands_for=FINE,
    )


def _registers() -> Iterator[ExpectedFigure]:
    end_of_2017 = civil.month(2017, 12)
    yield _expected("be.fas.services.2017", "connected_services", volumes.belgian_services(end_of_2017))
    yield _expected("be.mercurius.institutions.2017", "invoice_receivers", volumes.belgian_receivers(end_of_2017))
