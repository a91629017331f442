"""Transactions on the bus, each seen by its parties, and the public counts by month and service family."""

from __future__ import annotations

import strawberry

from api.graph.queries.groups import by_columns, by_month, counted, summed
from api.graph.queries.row_queries import Listed, groups_of, one_of
from api.graph.queries.row_types import of_counts, of_row
from api.graph.types.organisations import organisation_in
from domain.bus import FaultOrigin
from projections import bus_counts
from projections.bus_counts import Row as CountRow
from projections.bus_transactions import READ_MODEL, Row


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

    source = organisation_in(Row.source_id)
    target = organisation_in(Row.target_id)


@of_counts(
    bus_counts.READ_MODEL,
    "BusCount",
    "Transactions of all organisations, each step counted in the month in which it happened.",
)
class BusCount:
    pass


@strawberry.type
class BusQueries:
    bus_transaction = one_of(BusTransactionNode)
    bus_transactions = Listed(
        BusTransactionNode,
        (
            *(Row.jurisdiction, Row.source_id, Row.source_reference, Row.target_id),
            *(Row.accepted_at, Row.times_out_at, Row.finished_at),
        ),
        any_of=(Row.service_family, Row.status, Row.fault_code),
        by=(by_month(Row.accepted_at), *by_columns(Row.service_family, Row.status, Row.source_id, Row.target_id)),
        totals={
            "transactions": counted(),
            "request_size_bytes": summed(Row.request_size_bytes),
            "response_size_bytes": summed(Row.response_size_bytes),
        },
    ).field("newest", "Transactions, the newest first.")
    bus_counts = groups_of(
        BusCount, "The public counts.", (CountRow.jurisdiction,), (CountRow.service_family,), months=CountRow.month
    )
