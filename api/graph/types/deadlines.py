"""Deadlines: what falls due when, and which command is sent then."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.groups import by_columns, counted
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from projections.deadlines.deadline import Row
from projections.deadlines.pending import READ_MODEL


@of_row(
    READ_MODEL,
    "Deadline",
    "What falls due once, and is carried out by the platform itself. It is gone when it was, or when nothing is due.",
    hide=(Row.person_id,),
    id_of_key=True,
)
class DeadlineNode:
    key: str = strawberry.field(description="The id of what it is about, such as a mandate or a message.")
    part: str | None = strawberry.field(description="An id within that, where it may have several deadlines.")
    due_at: datetime = strawberry.field(description="From this instant on the command is sent.")
    command: str = strawberry.field(description="The command, by its name to callers.")
    stream: str = strawberry.field(description="Where the event of the command will be.")
    organisation_id: strawberry.ID | None = strawberry.field(description="The organisation that it concerns first.")
    counterparty_id: strawberry.ID | None = strawberry.field(description="The other side.")
    supplier_number: str | None = strawberry.field(description="The supplier of an invoice, by its number.")
    since: datetime = strawberry.field(description="When it was last set.")


@strawberry.type
class DeadlineQueries:
    deadlines = Listed(
        DeadlineNode,
        (Row.key, Row.organisation_id, Row.due_at),
        any_of=(Row.kind,),
        by=by_columns(Row.kind, Row.organisation_id),
        totals={"deadlines": counted()},
    ).field("due", "Pending deadlines, those first that fall due first.")
