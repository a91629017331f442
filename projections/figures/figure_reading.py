"""Computes figures on one connection: everything read through one `Reading` belongs to the same log position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from projections import authentications, bus_counts, services
from projections.figures.computed import ComputedIndices, FiguresVersion
from projections.figures.coverage import History, history_of
from projections.figures.definition import Definition
from projections.figures.figure_definitions import DEFINITIONS, HEADLINES, OPEN_RATE
from projections.figures.figure_values import Figure, Growth, Point, Provenance, Quality
from projections.figures.index import BASE, IndexSeries, ServiceLife, chain
from projections.figures.measures import MEASURES, active_months, as_of
from projections.figures.open_rate_table import Cohort, OpenRateTable, build_table
from projections.figures.period import Period
from projections.figures.shares import Share, merge_small_parts
from projections.open_rates import BY_DEFAULT, OpenRateFilter, open_rates_of_year
from projections.read_model import Col
from projections.service_use import uses_by_month
from projections.words import CIVIL_TIME

LAST_MONTH = "9999-12"

DIMENSIONS: Mapping[tuple[str, str], Col[Means] | Col[LevelOfAssurance] | Col[str]] = {
    ("authentications", "means"): authentications.Row.means,
    ("authentications", "level"): authentications.Row.level,
    ("bus_transactions", "service_family"): bus_counts.Row.service_family,
}
"""The columns by which a figure can be cut, of the table in which it is counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A connection in a transaction that sees one state of the read models, and the position of that state.

    The transaction must be repeatable read, `position` and `version` read in it; nothing here opens, commits or closes.
    `sample`: the log holds a sample, a history that is made up. `computed_indices` were computed already.
    """

    connection: AsyncConnection
    position: int
    sample: bool = False
    version: FiguresVersion = FiguresVersion()
    computed_indices: ComputedIndices = field(default_factory=ComputedIndices)
    _histories: dict[Jurisdiction, History] = field(default_factory=dict, compare=False)

    async def history(self, jurisdiction: Jurisdiction) -> History:
        """Return the months that the figures of a jurisdiction cover."""
        if jurisdiction not in self._histories:
            rows = await self.connection.execute(active_months(jurisdiction))
            self._histories[jurisdiction] = history_of((figure_id, month) for figure_id, month in rows)
        return self._histories[jurisdiction]

    async def figures(self, jurisdiction: Jurisdiction, period: Period, now: datetime) -> tuple[Figure, ...]:
        """Compute every headline figure of a period, with its growth against the year before."""
        wanted = [definition for definition in HEADLINES if jurisdiction in definition.jurisdictions]
        periods = (period, period.year_before())
        points = await self._points(jurisdiction, [(it, when) for it in wanted for when in periods], now)
        return tuple(
            Figure(
                definition=definition,
                jurisdiction=jurisdiction,
                period=period,
                value=point.value,
                quality=point.quality,
                growth=_growth(earlier, point),
                provenance=self._provenance(definition, now),
            )
            for definition, point, earlier in zip(wanted, points[::2], points[1::2], strict=True)
        )

    async def series(
        self, figure_id: str, jurisdiction: Jurisdiction, periods: Sequence[Period], now: datetime
    ) -> tuple[Point, ...]:
        """Compute one headline figure for each of the periods."""
        return await self._points(jurisdiction, [(DEFINITIONS[figure_id], period) for period in periods], now)

    async def shares(
        self, figure_id: str, dimension: str, jurisdiction: Jurisdiction, period: Period
    ) -> tuple[Share, ...]:
        """Cut a headline figure by a dimension, largest part first; small parts are put together as one at the end."""
        column, whole = DIMENSIONS[figure_id, dimension], MEASURES[figure_id](jurisdiction, period, period.last_instant)
        (number,) = whole.selected_columns
        parts = whole.add_columns(column).group_by(column).having(number > 0).order_by(number.desc(), column)
        return merge_small_parts([Share(part, count) for count, part in await self.connection.execute(parts)])

    async def open_rates(
        self, jurisdiction: Jurisdiction, years: Sequence[Period], now: datetime, applied: OpenRateFilter = BY_DEFAULT
    ) -> OpenRateTable:
        """Compute the open rates of some years, side by side."""
        counts = [
            (year, sender_type, Cohort(*numbers))
            for year in years
            for sender_type, *numbers in await self.connection.execute(
                open_rates_of_year(jurisdiction.value, year.year, applied)
            )
        ]
        return build_table(jurisdiction, years, counts, self._provenance(OPEN_RATE, now))

    async def indices(self, jurisdiction: Jurisdiction, now: datetime) -> tuple[IndexSeries, ...]:
        """Compute the index of each target group over all periods that are over."""
        day = now.astimezone(CIVIL_TIME).date()
        indices = self.computed_indices.find(jurisdiction, day, self.version)
        if indices is None:
            indices = [await self._index(jurisdiction, audience, now) for audience in Audience]
            self.computed_indices.add(jurisdiction, day, self.version, indices)
        return tuple(indices)

    async def _index(self, jurisdiction: Jurisdiction, audience: Audience, now: datetime) -> IndexSeries:
        of_audience = uses_by_month(jurisdiction.value, audience.value, BASE.months[0], LAST_MONTH)
        months = await self.connection.execute(of_audience)
        uses = {month: dict(zip(services_used, counts, strict=True)) for month, services_used, counts in months}
        service = services.Row
        rows = await self.connection.execute(
            select(service.service_id, service.registered_at, service.closed_at).where(
                service.jurisdiction == jurisdiction.value, service.audience == audience
            )
        )
        return chain(audience.value, uses, [ServiceLife(*row) for row in rows], now)

    async def _points(
        self, jurisdiction: Jurisdiction, wanted: Sequence[tuple[Definition, Period]], now: datetime
    ) -> tuple[Point, ...]:
        """Compute the values of figures in periods; those with data in one round trip."""
        history = await self.history(jurisdiction)
        points = [Point(period, 0, history.quality(definition, period, now)) for definition, period in wanted]
        known = [at for at, point in enumerate(points) if point.quality is not Quality.NO_DATA]
        numbers = [
            MEASURES[definition.id](jurisdiction, period, as_of(period, now)).scalar_subquery().label(f"n{at}")
            for at, (definition, period) in ((at, wanted[at]) for at in known)
        ]
        values = (await self.connection.execute(select(*numbers))).one() if numbers else ()
        for at, value in zip(known, values, strict=True):
            points[at] = replace(points[at], value=value)
        return tuple(points)

    def _provenance(self, definition: Definition, now: datetime) -> Provenance:
        return Provenance(events=definition.events, position=self.position, computed_at=now, sample=self.sample)


def _growth(earlier: Point, point: Point) -> Growth | None:
    whole = earlier.quality is Quality.EXACT and point.quality is Quality.EXACT
    return Growth(Fraction(earlier.value), Fraction(point.value)) if whole else None
