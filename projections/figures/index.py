"""Index of use per target group: base November/December 2014 = 100, by two months, chain-linked.

The link between two periods compares only the services that were there during the whole of both:
I(t) = I(t-1) * sum w(i) u(i, t) / sum w(i) u(i, t-1). A new service therefore counts after its first full period, and
joining alone does not move the index. Exact fractions throughout; rounded to two decimals only when shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

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

    def covers(self, period: Period) -> bool:
        return self.registered_at <= period.start and (self.closed_at is None or self.closed_at >= period.end)


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
        earlier = next((earlier for earlier in self.points if earlier.period == point.period.year_before()), None)
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
    points: list[IndexPoint] = []
    period = BASE
    while len(points) < MAX_PERIODS and period.is_over(now) and period.months[0] <= last_month:
        point = _link(points[-1], period, uses, lives, weights) if points else _base(uses, lives)
        if point is None:
            break
        points.append(point)
        period = period.next()
    return IndexSeries(audience=audience, points=tuple(points))


def _base(uses: Mapping[str, Mapping[str, int]], lives: Sequence[ServiceLife]) -> IndexPoint | None:
    there = [life.service_id for life in lives if life.covers(BASE)]
    used = sum(_uses(uses, BASE, service_id) for service_id in there)
    return IndexPoint(period=BASE, value=BASE_VALUE, services=len(there), uses=used) if used else None


def _link(
    before: IndexPoint,
    period: Period,
    uses: Mapping[str, Mapping[str, int]],
    lives: Sequence[ServiceLife],
    weights: Mapping[str, Fraction],
) -> IndexPoint | None:
    both = [life.service_id for life in lives if life.covers(before.period) and life.covers(period)]
    then, now = (
        sum(weights.get(service_id, EVEN_WEIGHT) * _uses(uses, when, service_id) for service_id in both)
        for when in (before.period, period)
    )
    if not then:
        return None
    used = sum(_uses(uses, period, service_id) for service_id in both)
    return IndexPoint(period=period, value=before.value * now / then, services=len(both), uses=used)


def _uses(uses: Mapping[str, Mapping[str, int]], period: Period, service_id: str) -> int:
    return sum(uses.get(month, {}).get(service_id, 0) for month in period.months)
