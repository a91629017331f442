"""People: who is registered and by which route, with their number as the log has it: sealed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, DateTime, Index, Text

from domain.identity import PersonRegistered
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, read_table

TABLE = read_table(
    "people",
    2,
    Column("person_id", Text, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
)
Index("people_v2_newest", TABLE.c.registered_at, TABLE.c.person_id)
Index("people_v2_registered", TABLE.c.jurisdiction, TABLE.c.registered_at)


def _registered(recorded: Recorded[PersonRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.person_id,),
        {
            "jurisdiction": event.jurisdiction.value,
            "route": event.route.value,
            "number": event.number,
            "registered_at": recorded.context.effective_at,
        },
    )


PROJECTION = Projection(name="people", version=2, table=TABLE, rules={PersonRegistered: _registered})
