"""Computes figures on one connection: everything read through one `Reading` belongs to the same log position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel import Audience, Jurisdiction
from projections import authentications, bus_counts, invoice_counts, message_counts, open_rates, service_use, services
from projections.figures.definition import Definition
from projections.figures.figure_definitions import HEADLINES, OPEN_RATE
from projections.figures.figure_values import Figure, Growth, Point, Provenance, Quality, Share
from projections.figures.index import BASE, IndexSeries, ServiceLife, chain
from projections.figures.measures import MEASURES, as_of, counted
from projections.figures.open_rate_table import Cohort, OpenRateFilter, OpenRateTable, build_table
from projections.figures.period import Period
from projections.sums import total

COUNTS: tuple[Table, ...] = (
    authentications.TABLE,
    bus_counts.TABLE,
    invoice_counts.TABLE,
    message_counts.TABLE,
)
"""The read models that count by month: a month is worth showing if one of them has counted something in it."""

LAST_MONTH = "9999-12"

DIMENSIONS: Mapping[tuple[str, str], tuple[ColumnElement[str], ColumnElement[int], tuple[ColumnElement[bool], ...]]] = {
    ("authentications", "means"): (
        authentications.TABLE.c.means,
        authentications.TABLE.c.authentications,
        (authentications.TABLE.c.outcome == authentications.SUCCEEDED,),
    ),
    ("authentications", "level"): (
        authentications.TABLE.c.level,
        authentications.TABLE.c.authentications,
        (authentications.TABLE.c.outcome == authentications.SUCCEEDED,),
    ),
    ("bus_transactions", "service_family"): (bus_counts.TABLE.c.service_family, bus_counts.TABLE.c.accepted, ()),
}
"""By what a figure can be cut: the column of the dimension, the column that is summed, and what takes part."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A connection in a transaction that sees one state of the read models, and the position of that state.

    The transaction must be repeatable read, and `position` read in it; nothing here opens, commits or closes.
    """

    connection: AsyncConnection
    position: int

    async def months(self, jurisdiction: Jurisdiction) -> tuple[str, ...]:
        """Return the months in which anything was counted, oldest first."""
        queries = (select(table.c.month).where(table.c.jurisdiction == jurisdiction.value) for table in COUNTS)
        rows = await self.connection.execute(union(*queries))
        return tuple(sorted(rows.scalars()))

    async def figures(self, jurisdiction: Jurisdiction, period: Period, now: datetime) -> tuple[Figure, ...]:
        """Compute every headline figure of a period, with its growth against the year before."""
        wanted = [definition for definition in HEADLINES if jurisdiction in definition.jurisdictions]
        current = await self._values([(definition.id, jurisdiction, period) for definition in wanted], now)
        earlier = await self._values(
            [(definition.id, jurisdiction, period.year_before()) for definition in wanted], now
        )
        return tuple(
            self._figure(definition, jurisdiction, period, now, values)
            for definition, values in zip(wanted, zip(current, earlier, strict=True), strict=True)
        )

    async def series(
        self, figure_id: str, jurisdiction: Jurisdiction, periods: Sequence[Period], now: datetime
    ) -> tuple[Point, ...]:
        """Compute one headline figure for each of the periods."""
        values = await self._values([(figure_id, jurisdiction, period) for period in periods], now)
        return tuple(Point(period, value, _quality(period, now)) for period, value in zip(periods, values, strict=True))

    async def shares(
        self, figure_id: str, dimension: str, jurisdiction: Jurisdiction, period: Period
    ) -> tuple[Share, ...]:
        """Cut a headline figure by a dimension, largest share first; what has none of it is left out."""
        column, number, filters = DIMENSIONS[figure_id, dimension]
        number_of_part = total(number).label("total")
        query = (
            select(column.label("part"), number_of_part)
            .where(*counted(column.table, jurisdiction, period), *filters)
            .group_by(column)
            .having(func.sum(number) > 0)
            .order_by(number_of_part.desc(), column)
        )
        return tuple(Share(row.part, row.total) for row in await self.connection.execute(query))

    async def open_rates(
        self,
        jurisdiction: Jurisdiction,
        years: Sequence[Period],
        now: datetime,
        applied: OpenRateFilter = OpenRateFilter(),  # noqa: B008 - an immutable value
    ) -> OpenRateTable:
        """Compute the open rates of some years, side by side."""
        counts = [
            (year, row.sender_type, _cohort(row))
            for year in years
            for row in await self.connection.execute(_open_rates(jurisdiction, year, applied))
        ]
        return build_table(
            jurisdiction=jurisdiction,
            years=years,
            counts=counts,
            applied=applied,
            provenance=self._provenance(OPEN_RATE, now),
        )

    async def indices(self, jurisdiction: Jurisdiction, now: datetime) -> tuple[IndexSeries, ...]:
        """Compute the index of each target group over all periods that are over."""
        return tuple([await self._index(jurisdiction, audience, now) for audience in Audience])

    async def _index(self, jurisdiction: Jurisdiction, audience: Audience, now: datetime) -> IndexSeries:
        service = services.TABLE
        uses: dict[str, dict[str, int]] = {}
        of_audience = service_use.uses_by_service(jurisdiction.value, audience.value, BASE.months[0], LAST_MONTH)
        for row in await self.connection.execute(of_audience):
            uses.setdefault(row.month, {})[row.service_id] = row.uses
        rows = await self.connection.execute(
            select(service.c.service_id, service.c.registered_at, service.c.closed_at).where(
                service.c.jurisdiction == jurisdiction.value, service.c.audience == audience
            )
        )
        lives = [
            ServiceLife(service_id=row.service_id, registered_at=row.registered_at, closed_at=row.closed_at)
            for row in rows
        ]
        return chain(audience.value, uses, lives, now)

    async def _values(self, wanted: Sequence[tuple[str, Jurisdiction, Period]], now: datetime) -> tuple[int, ...]:
        """Compute many numbers in one round trip."""
        if not wanted:
            return ()
        numbers = [
            MEASURES[figure_id](jurisdiction, period, as_of(period, now)).scalar_subquery().label(f"n{at}")
            for at, (figure_id, jurisdiction, period) in enumerate(wanted)
        ]
        return tuple((await self.connection.execute(select(*numbers))).one())

    def _figure(
        self, definition: Definition, jurisdiction: Jurisdiction, period: Period, now: datetime, values: tuple[int, int]
    ) -> Figure:
        value, previous = values
        # A part of a period against the whole of an earlier one would be a false comparison.
        growth = Growth(Fraction(previous), Fraction(value)) if period.is_over(now) else None
        return Figure(
            definition=definition,
            jurisdiction=jurisdiction,
            period=period,
            value=value,
            quality=_quality(period, now),
            growth=growth,
            provenance=self._provenance(definition, now),
        )

    def _provenance(self, definition: Definition, now: datetime) -> Provenance:
        return Provenance(events=definition.events, position=self.position, computed_at=now)


def _quality(period: Period, now: datetime) -> Quality:
    return Quality.EXACT if period.is_over(now) else Quality.PROVISIONAL


def _open_rates(jurisdiction: Jurisdiction, year: Period, applied: OpenRateFilter) -> Select[Any]:
    return open_rates.open_rates_of_year(
        jurisdiction.value,
        year.year,
        outside_government=None if applied.outside_government else False,
        notification_only=None if applied.notification_only else False,
        taken_into_use=None if applied.not_taken_into_use else True,
    )


def _cohort(row: Any) -> Cohort:  # noqa: ANN401 - a row of the query above
    return Cohort(
        published=row.published,
        opened_3_weeks=row.opened_3_weeks,
        opened_6_weeks=row.opened_6_weeks,
        estimated=row.not_taken_into_use,
        notifications=row.notifications,
    )
