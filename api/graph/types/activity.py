"""Activity: how many events of each kind happened on each day, for each organisation."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import strawberry

from api.graph.queries.connections import Connection, Listing, Order, conditions, part, summed
from api.graph.queries.query_context import Info
from api.graph.queries.values import Long, described
from api.graph.types.organisations import Organisation, organisation_of
from projections.daily_counts import TABLE, within

NEWEST_FIRST = Order((TABLE.c.day, TABLE.c.name, TABLE.c.organisation_id), newest_first=True)


@strawberry.type(description="Events of one kind that happened on one civil day for one organisation.")
class DailyCount:
    day: date
    name: str = strawberry.field(description="The name under which the events are stored.")
    organisation_id: strawberry.ID | None = strawberry.field(description="Empty where nobody's organisation acted.")
    events: Long
    streams: Long = strawberry.field(description="How many streams they began: new messages, invoices, mandates.")

    @strawberry.field
    async def organisation(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.organisation_id)


@strawberry.enum
class DailyCountDimension(StrEnum):
    """By what the counts are cut."""

    DAY = "day"
    NAME = "name"
    ORGANISATION = "organisation_id"


DIMENSIONS = {it.value: TABLE.c[it.value] for it in DailyCountDimension}


@strawberry.type
class DailyCountTotal:
    day: date | None
    name: str | None
    organisation_id: strawberry.ID | None
    events: Long
    streams: Long


@strawberry.type
class DailyCountConnection(Connection[DailyCount]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[DailyCountDimension]) -> list[DailyCountTotal]:
        measures = (summed(TABLE.c.events), summed(TABLE.c.streams))
        found: list[DailyCountTotal] = await self.listing.totals(by, DIMENSIONS, *measures)
        return found


@strawberry.input
class DailyCountFilter:
    name: list[str] | None = None
    organisation_id: strawberry.ID | None = None


@strawberry.type
class ActivityQueries:
    @described("Counts of days from `from` to `to`, both included, the newest first.")
    async def daily_counts(
        self,
        info: Info,
        *,
        first_day: Annotated[date | None, strawberry.argument(name="from")] = None,
        last_day: Annotated[date | None, strawberry.argument(name="to")] = None,
        where: DailyCountFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> DailyCountConnection:
        wanted = part(first, after, last, before)
        kept = [*within(first_day, last_day), *conditions(TABLE, where)]
        return DailyCountConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, kept, wanted))
