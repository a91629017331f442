"""Who was erased, for what purposes and how far; and what is kept because the law says so."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import strawberry

from api.graph.queries.connections import Connection, Listing, Order, conditions, part
from api.graph.queries.query_context import Info
from api.graph.queries.values import described
from domain.erasure.model import ErasureGround, ErasureStatus, HoldGround
from domain.kernel import PurposeGroup
from projections import erasures, legal_holds
from projections.erasures import least_of, statuses_of

ERASURES, HOLDS = erasures.TABLE, legal_holds.TABLE

NEWEST_ERASURE_FIRST = Order((ERASURES.c.began_at, ERASURES.c.person_id), newest_first=True)
NEWEST_HOLD_FIRST = Order((HOLDS.c.placed_at, HOLDS.c.person_id, HOLDS.c.hold_id), newest_first=True)

for _enum in (ErasureGround, ErasureStatus, HoldGround, PurposeGroup):
    strawberry.enum(_enum)

# --- Types ----------------------------------------------------------------------------------------------------------


@strawberry.type(description="How far the erasure of a person's data of one purpose is.")
class ErasureOfPurpose:
    purpose: PurposeGroup
    status: ErasureStatus


@strawberry.type(description="How far the erasure of a person is. Once keys are destroyed, nobody can read the data.")
class Erasure:
    person_id: strawberry.ID = strawberry.field(name="id")
    ground: ErasureGround | None
    requested_at: datetime | None
    destroyed_at: datetime | None
    shredded_at: datetime | None
    began_at: datetime = strawberry.field(description="When there was the first decision on it, or the first hold.")

    @described("As far as the least of what is being erased; kept where nothing is.")
    def status(self) -> ErasureStatus:
        return least_of(statuses_of(self).values())

    @described("The same for each purpose.")
    def purposes(self) -> list[ErasureOfPurpose]:
        return [ErasureOfPurpose(purpose=purpose, status=status) for purpose, status in statuses_of(self).items()]

    @described("What was asked for too at last, and was kept by a legal hold.", name="heldPurposes")
    def held(self) -> list[PurposeGroup]:
        groups: list[str] = self.held_groups  # type: ignore[attr-defined]
        return [PurposeGroup(group) for group in groups]


@strawberry.type(description="What is kept of a person although it might be erased, on what ground and until when.")
class LegalHold:
    person_id: strawberry.ID
    hold_id: strawberry.ID
    purpose: PurposeGroup
    ground: HoldGround
    until: date = strawberry.field(description="The last day, in civil time.")
    reference: str | None
    placed_at: datetime
    lifted_at: datetime | None

    @described("Of its own among all, for the caches of clients.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"{self.person_id}.{self.hold_id}")


@strawberry.input
class LegalHoldFilter:
    person_id: strawberry.ID | None = None
    purpose: list[PurposeGroup] | None = None
    ground: list[HoldGround] | None = None


@strawberry.type
class ErasureConnection(Connection[Erasure]):
    pass


@strawberry.type
class LegalHoldConnection(Connection[LegalHold]):
    pass


async def erasure_of(info: Info, person_id: str) -> Any:  # noqa: ANN401 - a row stands for its GraphQL type
    """Return how far the erasure of a person is, if any of it was requested."""
    row = await info.context.linked(ERASURES, "person_id", person_id)
    return None if row is None or row.requested_at is None else row


# --- Queries --------------------------------------------------------------------------------------------------------


@strawberry.type
class ErasureQueries:
    @described("Persons of whom an erasure was requested or something is held, the newest first.")
    async def erasures(
        self,
        info: Info,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ErasureConnection:
        wanted = part(first, after, last, before)
        return ErasureConnection(listing=Listing(info.context, ERASURES, NEWEST_ERASURE_FIRST, [], wanted))

    @described("Legal holds, the newest first; for those who run the platform and those who look over it.")
    async def legal_holds(
        self,
        info: Info,
        *,
        where: LegalHoldFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> LegalHoldConnection:
        wanted = part(first, after, last, before)
        kept = conditions(HOLDS, where)
        return LegalHoldConnection(listing=Listing(info.context, HOLDS, NEWEST_HOLD_FIRST, kept, wanted))
