"""Legal holds: what is kept of whom although it might be erased, on what ground and until when; one row for each."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Date, DateTime, Index, Text

from domain.erasure import LegalHoldLifted, LegalHoldPlaced
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "legal_holds",
    1,
    Column("person_id", Text, primary_key=True),
    Column("hold_id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("until", Date, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("lifted_at", DateTime(timezone=True)),
)
Index("legal_holds_v1_newest", TABLE.c.placed_at, TABLE.c.person_id, TABLE.c.hold_id)


def _placed(recorded: Recorded[LegalHoldPlaced]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.person_id, event.hold_id),
        {
            "purpose": event.group.value,
            "ground": event.ground.value,
            "until": event.until,
            "reference": event.reference,
            "placed_at": recorded.context.effective_at,
            "lifted_at": None,
        },
    )


def _lifted(recorded: Recorded[LegalHoldLifted]) -> Iterable[Effect]:
    event = recorded.event
    yield Set((event.person_id, event.hold_id), {"lifted_at": recorded.context.effective_at})


PROJECTION = Projection(
    name="legal_holds",
    version=1,
    table=TABLE,
    rules={LegalHoldPlaced: _placed, LegalHoldLifted: _lifted},
)
