"""What administrators ordered for the read models; for those who run the platform and those who look over it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.connections import Connection, Listing, Order, part
from api.graph.queries.query_context import Info
from api.graph.queries.values import Long, described
from projections.projection_acts import TABLE, ProjectionActKind

NEWEST_FIRST = Order((TABLE.c.act_position,), newest_first=True)

strawberry.enum(ProjectionActKind, name="ProjectionActKind")


@strawberry.type(description="An act of an administrator on a read model: who ordered what, and why.")
class ProjectionAct:
    act_position: Long = strawberry.field(description="The place of the act in the log.")
    projection: str
    act: ProjectionActKind
    event_position: Long = strawberry.field(
        description="The event that it is about; 0 where it is about no single one."
    )
    why: str
    acting_id: str
    organisation_id: strawberry.ID | None
    acted_at: datetime


@strawberry.type
class ProjectionActConnection(Connection[ProjectionAct]):
    pass


@strawberry.type
class OperationQueries:
    @described("Acts on all projections or on one, the newest first.")
    async def projection_acts(
        self,
        info: Info,
        *,
        projection: str | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ProjectionActConnection:
        wanted = part(first, after, last, before)
        kept = [] if projection is None else [TABLE.c.projection == projection]
        return ProjectionActConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, kept, wanted))
