"""The acts of administrators on read models; for those who run the platform and those who oversee it."""

from __future__ import annotations

import strawberry

from api.graph.queries.filters import equals
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from api.graph.queries.sources import Argument
from api.graph.queries.values import Long
from projections.projection_acts import READ_MODEL, ProjectionActKind, Row


@of_row(READ_MODEL, "ProjectionAct", "An act of an administrator on a read model: who ordered what, and why.")
class ProjectionActNode:
    act_position: Long = strawberry.field(description="The place of the act in the log.")
    act: ProjectionActKind
    event_position: Long = strawberry.field(
        description="The event that it is about; 0 where it is about no single one."
    )
    acting_id: str
    organisation_id: strawberry.ID | None


@strawberry.type
class OperationQueries:
    projection_acts = Listed(ProjectionActNode).field(
        "newest",
        "Acts on all projections or on one, the newest first.",
        [Argument("projection", str, equals(Row.projection))],
    )
