"""Transactions on the bus, each seen by its parties, and the public counts by month and service family."""

from __future__ import annotations

import strawberry

from api.graph.queries.groups import counted, month_of, summed
from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed, groups_of, one_of
from api.graph.queries.row_types import by_columns, filter_on, grouping_of, grouping_of_counts, of_counts, of_row
from api.graph.types.organisations import OrganisationNode, organisation_of
from domain.bus import FaultOrigin
from domain.kernel import Jurisdiction
from projections import bus_counts
from projections.bus_counts import Row as CountRow
from projections.bus_transactions import READ_MODEL, BusTransactionStatus, Row

strawberry.enum(BusTransactionStatus)


@of_row(
    READ_MODEL,
    "BusTransaction",
    "A request of one organisation for a service of another. What it said stays with them.",
)
class BusTransactionNode:
    legal_basis: str | None
    fault_origin: FaultOrigin | None
    fault_code: str | None
    response_sha256: str | None

    @strawberry.field
    async def source(self, info: Info, row: strawberry.Parent[Row]) -> OrganisationNode | None:
        return await organisation_of(info, row.source_id)

    @strawberry.field
    async def target(self, info: Info, row: strawberry.Parent[Row]) -> OrganisationNode | None:
        return await organisation_of(info, row.target_id)


@of_counts(
    bus_counts.READ_MODEL,
    "BusCount",
    "Transactions of all organisations, each step counted in the month in which it happened.",
)
class BusCount:
    jurisdiction: Jurisdiction | None


TRANSACTIONS = Listed(
    BusTransactionNode,
    filter_on(
        BusTransactionNode,
        "BusTransactionFilter",
        (
            *(Row.jurisdiction, Row.source_id, Row.source_reference, Row.target_id),
            *(Row.accepted_at, Row.times_out_at, Row.finished_at),
        ),
        any_of=(Row.service_family, Row.status, Row.fault_code),
    ),
    grouping_of(
        BusTransactionNode,
        "BusTransaction",
        {
            "MONTH": month_of(Row.accepted_at),
            **by_columns(Row.service_family, Row.status, Row.source_id, Row.target_id),
        },
        {
            "transactions": counted(),
            "request_size_bytes": summed(Row.request_size_bytes),
            "response_size_bytes": summed(Row.response_size_bytes),
        },
    ),
)


@strawberry.type
class BusQueries:
    bus_transaction = one_of(BusTransactionNode)
    bus_transactions = TRANSACTIONS.field("newest", "Transactions, the newest first.")
    bus_counts = groups_of(
        BusCount,
        grouping_of_counts(BusCount, "BusCountDimension"),
        filter_on(
            BusCount,
            "BusCountFilter",
            (CountRow.jurisdiction,),
            any_of=(CountRow.service_family,),
            months=CountRow.month,
        ),
        "The public counts.",
    )
