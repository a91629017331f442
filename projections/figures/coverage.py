"""Which months each figure covers: a month outside them has no data, a month within them without an event is zero.

1. A month is active in a jurisdiction if an event that a figure of the jurisdiction counts took effect in it.
2. The history of a jurisdiction is its active months and the silent ones between them. Silence of two years or more is
   no history: nobody recorded anything.
3. The history of a figure is that of its jurisdiction from the month of the figure's own first event on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from projections.figures.definition import Definition, Window
from projections.figures.figure_values import Quality
from projections.figures.period import MONTHS_OF_YEAR, Period

MAX_SILENT_MONTHS = 2 * MONTHS_OF_YEAR - 1
"""Months in a row without any event of a jurisdiction that still belong to its history."""


@dataclass(frozen=True, slots=True)
class History:
    """The months that the figures of one jurisdiction cover, as `2021-11`, oldest first.

    `first` has the first month of each figure, by its id; a figure without any event has none.
    """

    months: Sequence[str] = ()
    first: Mapping[str, str] = field(default_factory=dict)

    def months_of(self, figure_id: str) -> Sequence[str]:
        """Return the months that a figure covers, oldest first."""
        first = self.first.get(figure_id)
        return [] if first is None else [month for month in self.months if month >= first]

    def quality(self, definition: Definition, period: Period, now: datetime) -> Quality:
        """Return how far a figure's value in a period can be relied on.

        The state at the end of a period is known if its last month is covered, a count if all of its months are.
        """
        covered = frozenset(self.months_of(definition.id))
        if covered.isdisjoint(period.months):
            return Quality.NO_DATA
        if not period.is_over(now):
            return Quality.PROVISIONAL
        needed = period.months[-1:] if definition.window is Window.AS_OF_END else period.months
        return Quality.EXACT if covered.issuperset(needed) else Quality.PARTIAL


def history_of(active: Iterable[tuple[str, str]]) -> History:
    """Return the history that follows from pairs of a figure's id and a month in which it has an event."""
    first: dict[str, str] = {}
    months: set[str] = set()
    for figure_id, month in active:
        first[figure_id] = min(month, first.get(figure_id, month))
        months.add(month)
    ordered = sorted(months)
    covered = [month for one, other in pairwise(ordered) for month in _until(one, other)]
    return History((*covered, *ordered[-1:]), first)


def _until(month: str, following: str) -> Sequence[str]:
    """Return an active month, and the silent ones up to the following active month if they are few enough."""
    begin, end = _number(month), _number(following)
    if end - begin - 1 > MAX_SILENT_MONTHS:
        end = begin + 1
    return [f"{at // MONTHS_OF_YEAR:04d}-{at % MONTHS_OF_YEAR + 1:02d}" for at in range(begin, end)]


def _number(month: str) -> int:
    return int(month[:4]) * MONTHS_OF_YEAR + int(month[5:]) - 1
