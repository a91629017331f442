"""Looks at personal data: a person's own question who used theirs and why, and what they are not told for a time."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.filters import Filters
from api.graph.queries.query_context import Info, QueryContext
from api.graph.queries.row_queries import Argument, Listed, RowAudience
from api.graph.queries.row_types import filter_on, of_row
from api.graph.queries.values import described
from api.graph.types.organisations import OrganisationNode, organisation_of
from api.web.errors import Problem
from application.ports import Role
from domain.access.access import AccessOutcome, Category
from projections import access_suppressions, accesses
from projections.access_suppressions import Row as SuppressionRow
from projections.accesses import Row

strawberry.enum(Category, name="AccessCategory")
strawberry.enum(AccessOutcome)


@of_row(
    accesses.READ_MODEL,
    "Access",
    "One look at one kind of data of one person.",
    hide=(Row.acting_id,),
    id_of_key=True,
)
class AccessNode:
    subject_id: strawberry.ID = strawberry.field(name="personId")
    category: Category
    organisation_id: strawberry.ID = strawberry.field(description="On whose behalf was looked.")
    supplier_id: strawberry.ID | None = strawberry.field(description="Who looked for them, if not they themselves.")
    automated: bool = strawberry.field(description="Whether a program of the platform looked, and nobody at work.")
    activity: str = strawberry.field(description="Why: an entry in the record of processing activities.")
    outcome: AccessOutcome

    @described("The pseudonym of the officer or the program; for auditors only.", name="actingId")
    def who_acted(self, info: Info, row: strawberry.Parent[Row]) -> str | None:
        # A person is told which organisation looked, not who works there: Court of Justice of the European Union,
        # C-579/21 (Pankki S).
        return row.acting_id if info.context.request.caller.role is Role.AUDITOR else None

    @strawberry.field
    async def organisation(self, info: Info, row: strawberry.Parent[Row]) -> OrganisationNode | None:
        return await organisation_of(info, row.organisation_id)


@of_row(
    access_suppressions.READ_MODEL,
    "AccessSuppression",
    "An order that a person is not told of the looks of an organisation at them, for a time.",
)
class AccessSuppressionNode:
    since: datetime = strawberry.field(description="Looks from then on are not told ...")
    until: datetime = strawberry.field(description="... until then.")
    lifted_ground: str | None
    lifted_by: str | None


async def told_to(context: QueryContext, session_id: object) -> RowAudience:
    """Tell a person in a session of the looks at their data, but for those under a suppression; others, of all."""
    if session_id is None and context.request.caller.role is not Role.AGENCY:
        return RowAudience(context.viewer)
    viewer = context.viewer if session_id is None else await context.viewer_in_session(str(session_id))
    if not viewer.person_id:
        raise Problem(422, "session-missing", "Name the session in which the person asks.")
    # The question itself is on record, also if nobody ever looked.
    context.disclosure.accessed.note(viewer.person_id, Category.ACCESSES)
    return RowAudience(viewer, Filters([accesses.told_to(viewer.person_id, context.request.now)]))


@strawberry.type
class AccessQueries:
    accesses = Listed(
        AccessNode,
        filter_on(
            AccessNode,
            "AccessFilter",
            (Row.subject_id, Row.organisation_id, Row.activity, Row.accessed_at),
            any_of=(Row.category,),
        ),
    ).field(
        "newest",
        "Looks at personal data, the newest first: of the person in a session; to auditors, of anybody.",
        [Argument("session_id", strawberry.ID, lambda _: Filters())],
        prepare=told_to,
    )
    access_suppressions = Listed(
        AccessSuppressionNode,
        filter_on(
            AccessSuppressionNode,
            "AccessSuppressionFilter",
            (SuppressionRow.person_id, SuppressionRow.organisation_id, SuppressionRow.ordered_at),
        ),
    ).field("newest", "What persons are not told for a time, the newest first.")
