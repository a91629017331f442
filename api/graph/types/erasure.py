"""Erasures of persons with their progress for each purpose, and legal holds."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from api.graph.queries.query_context import Info
from api.graph.queries.row_queries import Listed
from api.graph.queries.row_types import of_row
from api.graph.queries.values import described
from api.rights.graph import asked_of, right_of_rows
from domain.erasure.model import ErasureGround, ErasureStatus
from domain.kernel import PurposeGroup
from projections import erasures, legal_holds
from projections.erasures import Row as ErasureRow
from projections.erasures import least_of, statuses_of
from projections.legal_holds import Row as HoldRow


@asked_of(right_of_rows(erasures.READ_MODEL))
@strawberry.type(description="How far the erasure of a person's data of one purpose is.")
class ErasureOfPurpose:
    purpose: PurposeGroup
    status: ErasureStatus


@of_row(
    erasures.READ_MODEL,
    "Erasure",
    "How far the erasure of a person is. Once keys are destroyed, nobody can read the data.",
    hide=(ErasureRow.identification, ErasureRow.correspondence, ErasureRow.invoicing, ErasureRow.held_groups),
)
class ErasureNode:
    ground: ErasureGround | None
    due_at: datetime | None = strawberry.field(
        description="Until then the person can withdraw what they asked for; then it is erased."
    )
    began_at: datetime = strawberry.field(description="When there was the first decision on it, or the first hold.")

    @described("As far as the least of what is being erased; kept where nothing is.")
    def status(self, row: strawberry.Parent[ErasureRow]) -> ErasureStatus:
        return least_of(statuses_of(row).values())

    @described("The same for each purpose.")
    def purposes(self, row: strawberry.Parent[ErasureRow]) -> list[ErasureOfPurpose]:
        return [ErasureOfPurpose(purpose=purpose, status=status) for purpose, status in statuses_of(row).items()]

    @described("What was asked for too at last, and was kept by a legal hold.")
    def held_purposes(self, row: strawberry.Parent[ErasureRow]) -> list[PurposeGroup]:
        return [PurposeGroup(group) for group in row.held_groups]


@of_row(
    legal_holds.READ_MODEL,
    "LegalHold",
    "What is kept of a person although it might be erased, on what ground and until when.",
    id_of_key=True,
)
class LegalHoldNode:
    until: date = strawberry.field(description="The last day, in civil time.")
    reference: str | None


async def erasure_of(info: Info, person_id: str) -> ErasureNode | None:
    """Return how far the erasure of a person is, if any of it was requested or asked for."""
    erasure = await info.context.load_linked(ErasureNode, ErasureRow.person_id, person_id)
    asked = erasure is not None and (getattr(erasure, "requested_at", None) or getattr(erasure, "due_at", None))
    return erasure if asked else None


@strawberry.type
class ErasureQueries:
    erasures = Listed(ErasureNode).field(
        "newest", "Persons of whom an erasure was requested or something is held, newest first."
    )
    legal_holds = Listed(LegalHoldNode, (HoldRow.person_id,), any_of=(HoldRow.purpose, HoldRow.ground)).field(
        "newest", "Legal holds, the newest first; for those who run the platform and oversee it."
    )
