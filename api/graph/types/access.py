"""Accesses to personal data: who used a person's data and why, and which of it is hidden from them for a time."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.filters import Filters
from api.graph.queries.query_context import Info, QueryContext
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from api.graph.queries.sources import Argument
from api.graph.queries.values import described
from api.graph.types.organisations import organisation_in
from api.web.errors import Problem
from application.ports import Role
from domain.access.access import AccessOutcome, Category
from projections import access_suppressions, accesses
from projections.access_suppressions import Row as SuppressionRow
from projections.accesses import Row
from projections.row_security import Viewer


@of_row(
    accesses.READ_MODEL,
    "Access",
    "One access to one kind of data of one person.",
    hide=(Row.acting_id,),
    id_of_key=True,
)
class AccessNode:
    subject_id: strawberry.ID = strawberry.field(name="personId")
    category: Category
    organisation_id: strawberry.ID = strawberry.field(description="On whose behalf the data were used.")
    supplier_id: strawberry.ID | None = strawberry.field(
        description="The supplier that used them for the organisation, if one did."
    )
    automated: bool = strawberry.field(description="Whether a program of the platform used them, and no officer.")
    activity: str = strawberry.field(description="Why: an entry in the record of processing activities.")
    outcome: AccessOutcome

    @described("The pseudonym of the officer or the program; for auditors only.", name="actingId")
    def who_acted(self, info: Info, row: strawberry.Parent[Row]) -> str | None:
        # A person learns which organisation used their data, not which of its officers did: Court of Justice of the
        # European Union, C-579/21 (Pankki S).
        return row.acting_id if info.context.request.caller.role is Role.AUDITOR else None

    organisation = organisation_in(Row.organisation_id)


@of_row(
    access_suppressions.READ_MODEL,
    "AccessSuppression",
    "An order that accesses of an organisation to a person's data are hidden from the person for a time.",
)
class AccessSuppressionNode:
    since: datetime = strawberry.field(description="Accesses from then on are hidden ...")
    until: datetime = strawberry.field(description="... until then.")
    lifted_ground: str | None
    lifted_by: str | None


async def accesses_shown(context: QueryContext, session_id: object) -> tuple[Viewer, Filters]:
    """Show a person in a session the accesses to their data, but for those under a suppression; others, all."""
    if session_id is None and context.request.caller.role is not Role.AGENCY:
        return context.viewer, Filters()
    viewer = context.viewer if session_id is None else await context.viewer_in_session(str(session_id))
    if not viewer.person_id:
        raise Problem(422, "session-missing", "Name the session in which the person asks.")
    # The question itself is on record, also if nobody ever accessed the data.
    context.disclosure.accessed.note(viewer.person_id, Category.ACCESSES)
    return viewer, Filters(fixed=[accesses.visible_to(viewer.person_id, context.request.now)])


@strawberry.type
class AccessQueries:
    accesses = Listed(
        AccessNode, (Row.subject_id, Row.organisation_id, Row.activity, Row.accessed_at), any_of=(Row.category,)
    ).field(
        "newest",
        "Accesses to personal data, the newest first: of the person in a session; to auditors, of anybody.",
        [Argument("session_id", strawberry.ID, lambda _: Filters())],
        prepare=accesses_shown,
    )
    access_suppressions = Listed(
        AccessSuppressionNode, (SuppressionRow.person_id, SuppressionRow.organisation_id, SuppressionRow.ordered_at)
    ).field("newest", "What is hidden from persons for a time, the newest first.")
