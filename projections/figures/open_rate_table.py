"""The open-rate table: the messages of each type of organisation that were opened within 3 and 6 weeks."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal

from domain.kernel import Jurisdiction
from domain.organisations.values import OrganisationType
from projections.figures.figure_values import Provenance, Quality, percentage
from projections.figures.period import Period
from projections.figures.shares import MIN_CELL
from projections.open_rates import final_from

APART = frozenset({OrganisationType.TAX_ADMINISTRATION.value, OrganisationType.EMPLOYEE_INSURANCE_AGENCY.value})
"""The subtotal leaves out these two: their volume would hide everybody else's rate."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """The messages published in a year, and how many of them were first opened within 3 and 6 weeks.

    `estimated` of them went to accounts not yet taken into use, `notifications` were notifications only.
    """

    published: int = 0
    opened_3_weeks: int = 0
    opened_6_weeks: int = 0
    estimated: int = 0
    notifications: int = 0

    def __add__(self, other: Cohort) -> Cohort:
        return Cohort(*map(operator.add, astuple(self), astuple(other)))

    def opened(self, weeks: int) -> int:
        return {3: self.opened_3_weeks, 6: self.opened_6_weeks}[weeks]

    def rate(self, weeks: int) -> Decimal | None:
        """Return the open rate in whole percent; None of so few messages that it would be about their readers."""
        return percentage(self.opened(weeks), self.published) if self.published >= MIN_CELL else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRateRow:
    """One type of organisation, the subtotal or the total; a cohort for each year of the table."""

    sender_type: str
    cohorts: tuple[Cohort, ...]

    def difference(self, weeks: int) -> Decimal | None:
        """Return the change of the shown rate from the first year to the last, in percentage points."""
        first, last = self.cohorts[0].rate(weeks), self.cohorts[-1].rate(weeks)
        return None if first is None or last is None else last - first

    @property
    def quality(self) -> Quality:
        """How far the rates can be relied on; nothing published in any year has no rate."""
        if not any(cohort.published for cohort in self.cohorts):
            return Quality.NO_DATA
        return Quality.APPROXIMATE if any(cohort.estimated for cohort in self.cohorts) else Quality.EXACT

    @property
    def notifications_only(self) -> bool:
        published = sum(cohort.published for cohort in self.cohorts)
        return bool(published) and published == sum(cohort.notifications for cohort in self.cohorts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRateTable:
    """The table of some years side by side. `subtotal` leaves out the two organisations with the largest volume."""

    jurisdiction: Jurisdiction
    years: tuple[Period, ...]
    rows: tuple[OpenRateRow, ...]
    subtotal: OpenRateRow
    total: OpenRateRow
    provenance: Provenance

    def is_provisional(self, year: Period, weeks: int) -> bool:
        """Whether a message of the year may still be opened within the window."""
        return self.provenance.computed_at < final_from(year.year, weeks)


def build_table(
    jurisdiction: Jurisdiction,
    years: Sequence[Period],
    counts: Iterable[tuple[Period, str, Cohort]],
    provenance: Provenance,
) -> OpenRateTable:
    """Lay counts by year and sender type side by side; types in alphabetical order, the two apart at the end."""
    cohorts: dict[tuple[str, Period], Cohort] = {}
    for year, sender_type, cohort in counts:
        cohorts[sender_type, year] = cohorts.get((sender_type, year), Cohort()) + cohort
    kinds = sorted({sender_type for sender_type, _ in cohorts}, key=lambda kind: (kind in APART, kind))
    rows = tuple(
        OpenRateRow(sender_type=kind, cohorts=tuple(cohorts.get((kind, year), Cohort()) for year in years))
        for kind in kinds
    )
    return OpenRateTable(
        jurisdiction=jurisdiction,
        years=tuple(years),
        rows=rows,
        subtotal=_sum("subtotal", [row for row in rows if row.sender_type not in APART], len(years)),
        total=_sum("total", rows, len(years)),
        provenance=provenance,
    )


def _sum(name: str, rows: Sequence[OpenRateRow], years: int) -> OpenRateRow:
    columns = (sum((row.cohorts[at] for row in rows), Cohort()) for at in range(years))
    return OpenRateRow(sender_type=name, cohorts=tuple(columns))
