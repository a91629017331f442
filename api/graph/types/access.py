"""Looks at personal data: a person's own question who used theirs and why, and what they are not told for a time."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.graph.queries.connections import Connection, Listing, Order, conditions, part
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, described
from api.graph.queries.visibility import accesses_told_to
from api.graph.types.organisations import Organisation, organisation_of
from api.web.errors import Problem
from application.ports import Role
from domain.access.access import AccessOutcome, Category
from projections import access_suppressions, accesses

TABLE, SUPPRESSIONS = accesses.TABLE, access_suppressions.TABLE

NEWEST_FIRST = Order(
    tuple(TABLE.c[name] for name in ("accessed_at", "access_id", "subject_id", "category")), newest_first=True
)
NEWEST_ORDER_FIRST = Order((SUPPRESSIONS.c.ordered_at, SUPPRESSIONS.c.suppression_id), newest_first=True)

strawberry.enum(Category, name="AccessCategory")
strawberry.enum(AccessOutcome)


@strawberry.type(description="One look at one kind of data of one person.")
class Access:
    access_id: strawberry.ID
    subject_id: strawberry.ID = strawberry.field(name="personId")
    category: Category
    organisation_id: strawberry.ID = strawberry.field(description="On whose behalf was looked.")
    supplier_id: strawberry.ID | None = strawberry.field(description="Who looked for them, if not they themselves.")
    automated: bool = strawberry.field(description="Whether a program of the platform looked, and nobody at work.")
    activity: str = strawberry.field(description="Why: an entry in the record of processing activities.")
    outcome: AccessOutcome
    accessed_at: datetime

    @described("The pseudonym of the officer or the program; for auditors only.", name="actingId")
    def who_acted(self, info: Info) -> str | None:
        # A person is told which organisation looked, not who works there: Court of Justice of the European Union,
        # C-579/21 (Pankki S).
        acting_id: str = self.acting_id  # type: ignore[attr-defined]
        return acting_id if info.context.caller.role is Role.AUDITOR else None

    @described("Of its own among all, for the caches of clients.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"{self.access_id}.{self.subject_id}.{self.category}")

    @strawberry.field
    async def organisation(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.organisation_id)


@strawberry.type(description="An order that a person is not told of the looks of an organisation at them, for a time.")
class AccessSuppression:
    suppression_id: strawberry.ID = strawberry.field(name="id")
    person_id: strawberry.ID
    organisation_id: strawberry.ID
    since: datetime = strawberry.field(description="Looks from then on are not told ...")
    until: datetime = strawberry.field(description="... until then.")
    ground: str
    ordered_by: str
    ordered_at: datetime
    lifted_ground: str | None
    lifted_by: str | None
    lifted_at: datetime | None


@strawberry.type
class AccessConnection(Connection[Access]):
    pass


@strawberry.type
class AccessSuppressionConnection(Connection[AccessSuppression]):
    pass


@strawberry.input
class AccessFilter:
    subject_id: strawberry.ID | None = strawberry.field(name="personId", default=None)
    organisation_id: strawberry.ID | None = None
    category: list[Category] | None = None
    activity: str | None = None
    accessed_at: During | None = None


@strawberry.input
class AccessSuppressionFilter:
    person_id: strawberry.ID | None = None
    organisation_id: strawberry.ID | None = None
    ordered_at: During | None = None


@strawberry.type
class AccessQueries:
    @described("Looks at personal data, the newest first: of the person in a session; to auditors, of anybody.")
    async def accesses(
        self,
        info: Info,
        *,
        session_id: strawberry.ID | None = None,
        where: AccessFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> AccessConnection:
        wanted, asking = part(first, after, last, before), info.context
        kept = conditions(TABLE, where)
        if asking.caller.role is not Role.AGENCY and session_id is None:
            return AccessConnection(listing=Listing(asking, TABLE, NEWEST_FIRST, kept, wanted))
        if session_id is None:
            raise Problem(422, "session-missing", "Name the session in which the person asks.")
        person_id = await asking.person_in(session_id)
        if asking.person_id not in {"", person_id}:
            raise Problem(403, "not-the-person", "One request asks on behalf of one person.")
        asking.person_id = person_id
        # The question itself is on record, also if nobody ever looked.
        asking.held.looks.note(person_id, Category.ACCESSES)
        told = accesses_told_to(person_id, asking.now)
        return AccessConnection(listing=Listing(asking, TABLE, NEWEST_FIRST, kept, wanted, told=told))

    @described("What persons are not told for a time, the newest first.")
    async def access_suppressions(
        self,
        info: Info,
        *,
        where: AccessSuppressionFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> AccessSuppressionConnection:
        wanted = part(first, after, last, before)
        kept = conditions(SUPPRESSIONS, where)
        return AccessSuppressionConnection(
            listing=Listing(info.context, SUPPRESSIONS, NEWEST_ORDER_FIRST, kept, wanted)
        )
