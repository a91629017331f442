"""Transactions on the bus, each seen by its parties, and the public counts by month and service family."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, month_of, part, summed, totals
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Id, Long, Months, described
from api.graph.types.organisations import Organisation, organisation_of
from domain.bus import FaultOrigin
from domain.kernel import Jurisdiction
from projections import bus_counts
from projections.bus_transactions import TABLE, BusTransactionStatus

COUNTS = bus_counts.TABLE
NEWEST_FIRST = Order((TABLE.c.accepted_at, TABLE.c.transaction_id), newest_first=True)


strawberry.enum(BusTransactionStatus)


@strawberry.type(description="A request of one organisation for a service of another. What it said stays with them.")
class BusTransaction:
    transaction_id: strawberry.ID = strawberry.field(name="id")
    jurisdiction: Jurisdiction
    source_id: strawberry.ID
    source_reference: str
    target_id: strawberry.ID
    service_family: str
    service: str
    activity: str
    legal_basis: str | None
    status: BusTransactionStatus
    attempts: Long
    fault_origin: FaultOrigin | None
    fault_code: str | None
    request_sha256: str
    request_size_bytes: Long
    response_sha256: str | None
    response_size_bytes: Long
    accepted_at: datetime
    times_out_at: datetime
    finished_at: datetime | None

    @strawberry.field
    async def source(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.source_id)

    @strawberry.field
    async def target(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.target_id)


@strawberry.enum
class BusTransactionDimension(StrEnum):
    """By what transactions are counted; the month is that of acceptance."""

    MONTH = "month"
    SERVICE_FAMILY = "service_family"
    STATUS = "status"
    SOURCE = "source_id"
    TARGET = "target_id"


DIMENSIONS = {
    "month": month_of(TABLE.c.accepted_at),
    **{name: TABLE.c[name] for name in ("service_family", "status", "source_id", "target_id")},
}


@strawberry.type
class BusTransactionTotal:
    month: str | None
    service_family: str | None
    status: BusTransactionStatus | None
    source_id: strawberry.ID | None
    target_id: strawberry.ID | None
    transactions: Long
    request_size_bytes: Long
    response_size_bytes: Long


@strawberry.type
class BusTransactionConnection(Connection[BusTransaction]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[BusTransactionDimension]) -> list[BusTransactionTotal]:
        sizes = (summed(TABLE.c.request_size_bytes), summed(TABLE.c.response_size_bytes))
        found: list[BusTransactionTotal] = await self.listing.totals(
            by, DIMENSIONS, func.count().label("transactions"), *sizes
        )
        return found


@strawberry.input
class BusTransactionFilter:
    jurisdiction: Jurisdiction | None = None
    source_id: strawberry.ID | None = None
    source_reference: str | None = None
    target_id: strawberry.ID | None = None
    service_family: list[str] | None = None
    status: list[BusTransactionStatus] | None = None
    fault_code: list[str] | None = None
    accepted_at: During | None = None
    times_out_at: During | None = None
    finished_at: During | None = None


@strawberry.enum
class BusCountDimension(StrEnum):
    """By what the public counts are cut."""

    MONTH = "month"
    SERVICE_FAMILY = "service_family"
    JURISDICTION = "jurisdiction"


@strawberry.type(description="Transactions of all organisations, each step counted in the month in which it happened.")
class BusCount:
    month: str | None
    service_family: str | None
    jurisdiction: Jurisdiction | None
    accepted: Long
    answered: Long
    faulted: Long
    timed_out: Long


@strawberry.input
class BusCountFilter:
    jurisdiction: Jurisdiction | None = None
    service_family: list[str] | None = None
    month: Months | None = strawberry.field(name="months", default=None)


@strawberry.type
class BusQueries:
    @strawberry.field
    async def bus_transaction(self, info: Info, transaction_id: Id) -> BusTransaction | None:
        found: BusTransaction | None = await info.context.one(TABLE, transaction_id=transaction_id)
        return found

    @described("Transactions, the newest first.")
    async def bus_transactions(
        self,
        info: Info,
        *,
        where: BusTransactionFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> BusTransactionConnection:
        wanted = part(first, after, last, before)
        kept = conditions(TABLE, where)
        return BusTransactionConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, kept, wanted))

    @described("The public counts.")
    async def bus_counts(
        self, info: Info, by: list[BusCountDimension], where: BusCountFilter | None = None
    ) -> list[BusCount]:
        dimensions = {it.value: COUNTS.c[it.value] for it in BusCountDimension}
        measures = [summed(COUNTS.c[name]) for name in ("accepted", "answered", "faulted", "timed_out")]
        kept = conditions(COUNTS, where)
        found: list[BusCount] = await totals(info.context, COUNTS, kept, by, dimensions, *measures)
        return found
