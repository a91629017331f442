"""What the figures of the platform must say on the sample history, beside what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction
from domain.organisations.values import OrganisationType
from projections.figures.period import Period
from sample import civil, published
from sample.arithmetic import half_up
from sample.plan import volumes
from sample.plan.consents import consent_plan
from sample.plan.open_rates import PlannedCohort, all_cohorts, cohorts
from sample.plan.scale import COARSE, FINE, scale_of
from sample.plan.use import belgian_uses, dutch_authentications

Count: TypeAlias = Callable[[Sequence[int]], int]
"""What the plan counts in the months of a period, or at the end of the last of them."""


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
    stands_for: int
    means: frozenset[Means]
    previous: int | None

    @property
    def printed(self) -> published.PublishedFigure:
        return published.figure(self.published_id)


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
        ExpectedOpenRate(year=year, kind=kind, cohort=cohort, printed=published.OPEN_RATES[kind])
        for year in published.YEARS
        for kind, cohort in cohorts(year, factor).items()
    )


def expected_index() -> dict[Audience, str]:
    """Return the index of September/October 2017 by target group, to two decimals."""
    return published.index_values()


def percent(part: int, whole: int) -> int:
    """Return `part` of `whole` in whole percent, halves up; nothing of nothing is 0."""
    return half_up(Fraction(100 * part, whole)) if whole else 0


def growth(previous: int, current: int) -> int:
    """Return the change in whole percent, halves away from zero."""
    change = Fraction(100 * (current - previous), previous)
    return half_up(change) if change >= 0 else -half_up(-change)


def _expected(
    published_id: str, definition: str, count: Count, stands_for: int = 1, means: Sequence[Means] = ()
) -> ExpectedFigure:
    """Expect a count for a published figure, whose id begins with its jurisdiction and ends with its period."""
    period = Period.parse(published_id.rsplit(".", maxsplit=1)[-1])
    grew = published.figure(published_id).growth_pct is not None
    return ExpectedFigure(
        published_id=published_id,
        definition=definition,
        jurisdiction=Jurisdiction(published_id.split(".", maxsplit=1)[0]),
        period=str(period),
        count=count(_months(period)),
        stands_for=stands_for,
        means=frozenset(means),
        previous=count(_months(period.year_before())) if grew else None,
    )


def _months(period: Period) -> Sequence[int]:
    return [civil.month(int(month[:4]), int(month[5:])) for month in period.months]


def _identity(scale: Fraction) -> Iterator[ExpectedFigure]:
    uses, dutch = belgian_uses(scale), dutch_authentications(scale)

    def fas(months: Sequence[int]) -> int:
        return sum(use.authentications for month in months for use in uses[month].values())

    def by_app(months: Sequence[int]) -> int:
        return sum(dutch[month].by_app for month in months)

    def citizens(months: Sequence[int]) -> int:
        return sum(dutch[month].citizens for month in months)

    def companies(months: Sequence[int]) -> int:
        return sum(dutch[month].companies for month in months)

    digid = [means for means in Means if means is not Means.EHERKENNING]
    yield _expected("be.fas.authentications.2016", "authentications", fas, COARSE)
    yield _expected("be.fas.authentications.2021", "authentications", fas, COARSE)
    yield _expected("nl.digid.authentications.2018", "authentications", citizens, COARSE, digid)
    yield _expected("nl.digid.app_authentications.2018", "authentications", by_app, COARSE, [Means.MOBILE_APP])
    yield _expected("nl.eherkenning.authentications.2018", "authentications", companies, COARSE, [Means.EHERKENNING])


def _mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    post, plan = volumes.belgian_post(scale), consent_plan(scale)

    def sent(months: Sequence[int]) -> int:
        return sum(post[month].sent for month in months)

    def delivered(months: Sequence[int]) -> int:
        return sum(post[month].delivered for month in months)

    def active(months: Sequence[int]) -> int:
        return plan.active(months[-1])

    def users(months: Sequence[int]) -> int:
        return plan.users(months[-1])

    def senders(months: Sequence[int]) -> int:
        return post[months[-1]].senders

    for year in (2020, 2021):
        yield _expected(f"be.ebox.messages_sent.{year}", "messages_sent", sent, FINE)
    to_active = "messages_to_active_mailboxes"
    yield _expected(f"be.ebox.{to_active}.2021-11", to_active, delivered, FINE)
    for period in ("2020-11", "2021-11"):
        yield _expected(f"be.ebox.active_consents.{period}", "active_consents", active, FINE)
        yield _expected(f"be.ebox.senders.{period}", "sending_organisations", senders)
    for period in ("2021-11", "2022-H1"):
        yield _expected(f"be.ebox.unique_users.{period}", "unique_mailbox_users", users, FINE)


def _dutch_mailbox(scale: Fraction) -> Iterator[ExpectedFigure]:
    def sent(months: Sequence[int]) -> int:
        return sum(row.messages for row in all_cohorts(_year(months), scale).values())

    def senders(months: Sequence[int]) -> int:
        rows, place = all_cohorts(_year(months), scale), published.YEARS.index(_year(months))
        return sum(min(volumes.DUTCH_SENDERS[kind][place], row.messages) for kind, row in rows.items())

    yield _expected("nl.berichtenbox.messages.2018", "messages_sent", sent, FINE)
    yield _expected("nl.berichtenbox.organisations.2018", "sending_organisations", senders)


def _year(months: Sequence[int]) -> int:
    return civil.year_and_month(months[0])[0]


def _exchange(scale: Fraction) -> Iterator[ExpectedFigure]:
    transactions, invoices = volumes.bus_transactions(scale), volumes.invoices(scale)

    def accepted(months: Sequence[int]) -> int:
        return sum(transactions[month] for month in months)

    def belgian(months: Sequence[int]) -> int:
        return sum(invoices[Jurisdiction.BE, month] for month in months)

    def dutch(months: Sequence[int]) -> int:
        return sum(invoices[Jurisdiction.NL, month] for month in months)

    yield _expected("be.fsb.transactions.2022-H1", "bus_transactions", accepted, COARSE)
    yield _expected("be.mercurius.invoices.2022-H1", "invoices_received", belgian, FINE)
    yield _expected("nl.digipoort.invoices.2018", "invoices_received", dutch, FINE)


def _registers() -> Iterator[ExpectedFigure]:
    def of_last(count: Callable[[int], int]) -> Count:
        return lambda months: count(months[-1])

    for period in ("2021-06", "2022-06"):
        yield _expected(f"be.ebox.senders.{period}", "senders_connected", of_last(volumes.belgian_senders))
    yield _expected("be.fas.services.2017", "connected_services", of_last(volumes.belgian_services))
    yield _expected("be.mercurius.institutions.2017", "invoice_receivers", of_last(volumes.belgian_receivers))
