"""Index of use per target group: base November/December 2014 = 100, by two months, chain-linked.

The link between two periods compares only the services that were there during the whole of both:
I(t) = I(t-1) * sum w(i) u(i, t) / sum w(i) u(i, t-1). A new service therefore counts after its first full period, and
joining alone does not move the index. The sums are whole numbers, the index an exact fraction; it is rounded to two
decimals only when shown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from math import lcm
from operator import sub

from projections.figures.figure_values import Growth, rounded
from projections.figures.period import TWO_MONTHS, Period

BASE = Period(2014, 11, TWO_MONTHS)
BASE_VALUE = Fraction(100)
DECIMALS = 2

WEIGHTS: Mapping[str, Fraction] = {}
"""The published weights by service id. A service without one weighs 1: each use counts the same."""

EVEN_WEIGHT = Fraction(1)
MAX_PERIODS = 480
"""A bound of the chain: eighty years."""


@dataclass(frozen=True, slots=True)
class ServiceLife:
    """From when to when a service was there; `closed_at` is empty while it still is."""

    service_id: str
    registered_at: datetime
    closed_at: datetime | None

    def covered(self, starts: Sequence[datetime], ends: Sequence[datetime]) -> tuple[int, int]:
        """Return the first and the last of the periods that it was there during the whole of; first > last for none.

        The periods follow each other, and are given by the instants at which they start and end.
        """
        last = len(ends) if self.closed_at is None else bisect_right(ends, self.closed_at)
        return bisect_left(starts, self.registered_at), last - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPoint:
    """The index in one period. `services` took part in the link to the period before; `uses` are theirs."""

    period: Period
    value: Fraction
    services: int
    uses: int

    @property
    def shown(self) -> Decimal:
        return rounded(self.value, DECIMALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSeries:
    """The index of one target group, oldest period first; empty if nothing was used in the base period."""

    audience: str
    points: tuple[IndexPoint, ...]

    def at(self, period: Period) -> IndexPoint | None:
        """Return the last point that lies wholly before the end of a period."""
        return next((point for point in reversed(self.points) if point.period.end <= period.end), None)

    def growth(self, point: IndexPoint) -> Growth | None:
        """Compare a point with the same two months a year earlier."""
        wanted = point.period.year_before()
        earlier = next((earlier for earlier in self.points if earlier.period == wanted), None)
        return Growth(previous=earlier.value, current=point.value) if earlier else None


def chain(
    audience: str,
    uses: Mapping[str, Mapping[str, int]],
    lives: Sequence[ServiceLife],
    now: datetime,
    weights: Mapping[str, Fraction] = WEIGHTS,
) -> IndexSeries:
    """Link the periods that are over. `uses` gives for each month (`2014-11`) the uses of each service.

    The series ends with the last period in which anything was used, or where no service spans two periods.
    """
    last_month = max((month for month, services in uses.items() if any(services.values())), default="")
    periods = _periods(last_month, now)
    base, *links = _links(periods, uses, lives, weights) if periods else (_Link(),)
    if not base.uses:
        return IndexSeries(audience=audience, points=())
    points = [IndexPoint(period=BASE, value=BASE_VALUE, services=base.services, uses=base.uses)]
    for period, link in zip(periods[1:], links, strict=True):
        if not link.before:
            break
        value = points[-1].value * Fraction(link.now, link.before)
        points.append(IndexPoint(period=period, value=value, services=link.services, uses=link.uses))
    return IndexSeries(audience=audience, points=tuple(points))


@dataclass(slots=True)
class _Link:
    """The services that were there during the whole of a period and of the one before it, and their uses.

    `before` and `now` are the weighted uses in the two periods, all in the same whole unit. The base period has no
    period before it.
    """

    services: int = 0
    uses: int = 0
    before: int = 0
    now: int = 0


_NEVER = (1, 0, 0)
"""The part of a service that takes part in no link."""


def _periods(last_month: str, now: datetime) -> Sequence[Period]:
    """Return the periods that are over, from the base up to the one with the last month."""
    periods: list[Period] = []
    period = BASE
    while len(periods) < MAX_PERIODS and period.is_over(now) and period.months[0] <= last_month:
        periods.append(period)
        period = period.next()
    return periods


def _links(
    periods: Sequence[Period],
    uses: Mapping[str, Mapping[str, int]],
    lives: Sequence[ServiceLife],
    weights: Mapping[str, Fraction],
) -> Sequence[_Link]:
    """Gather the links in whole numbers: one pass over the services, and one over their uses."""
    starts, ends = [period.start for period in periods], [period.end for period in periods]
    place = {month: at for at, period in enumerate(periods) for month in period.months}
    unit = lcm(*(weight.denominator for weight in weights.values()))
    # By service: the first link in which it takes part, the last one, and its weight in the unit.
    part: dict[str, tuple[int, int, int]] = {}
    joined, left = [0] * (len(periods) + 1), [0] * (len(periods) + 1)
    for life in lives:
        covered, last = life.covered(starts, ends)
        # In a later link than the base, a service takes part that was there in the period before too.
        first = covered + 1 if covered else 0
        if first <= last:
            part[life.service_id] = first, last, int(weights.get(life.service_id, EVEN_WEIGHT) * unit)
            joined[first] += 1
            left[last + 1] += 1
    links = [_Link(services=there) for there in accumulate(map(sub, joined[:-1], left[:-1]))]
    for month, at in place.items():
        here, following = links[at], links[at + 1] if at + 1 < len(links) else _Link()
        for service_id, count in uses.get(month, {}).items():
            first, last, weight = part.get(service_id, _NEVER)
            if first <= at <= last:
                here.uses += count
                here.now += weight * count
            if first <= at + 1 <= last:
                following.before += weight * count
    return links
