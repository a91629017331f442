"""Activity: how many events of each kind happened on each day, for each organisation."""

from __future__ import annotations

from datetime import date

import strawberry

from api.graph.queries.filters import at_least, at_most
from api.graph.queries.groups import by_columns, summed
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from api.graph.queries.sources import Argument
from api.graph.queries.values import Long
from api.graph.types.organisations import organisation_in
from projections.daily_counts import READ_MODEL, Row


@of_row(READ_MODEL, "DailyCount", "Events of one kind that happened on one civil day for one organisation.")
class DailyCountNode:
    name: str = strawberry.field(description="The name under which the events are stored.")
    organisation_id: strawberry.ID | None = strawberry.field(description="Empty where no organisation acted.")
    streams: Long = strawberry.field(description="How many streams they began: new messages, invoices, mandates.")

    organisation = organisation_in(Row.organisation_id)


@strawberry.type
class ActivityQueries:
    daily_counts = Listed(
        DailyCountNode,
        (Row.organisation_id,),
        any_of=(Row.name,),
        by=by_columns(Row.day, Row.name, Row.organisation_id),
        totals={"events": summed(Row.events), "streams": summed(Row.streams)},
    ).field(
        "newest",
        "Counts of days from `from` to `to`, both included, the newest first.",
        [
            Argument("first_day", date, at_least(Row.day), name="from"),
            Argument("last_day", date, at_most(Row.day), name="to"),
        ],
    )
