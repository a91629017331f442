"""People: who is registered and by which route. No number, no name: only what a register of identities needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Index, Select, Text, func, select

from domain.identity import PersonRegistered
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, read_table

TABLE = read_table(
    "people",
    1,
    Column("person_id", Text, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
)
Index("people_v1_newest", TABLE.c.registered_at, TABLE.c.person_id)
Index("people_v1_registered", TABLE.c.jurisdiction, TABLE.c.registered_at)


def _registered(recorded: Recorded[PersonRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.person_id,),
        {
            "jurisdiction": event.jurisdiction.value,
            "route": event.route.value,
            "registered_at": recorded.context.effective_at,
        },
    )


PROJECTION = Projection(name="people", version=1, table=TABLE, rules={PersonRegistered: _registered})

# --- Queries --------------------------------------------------------------------------------------------------------


def person(person_id: str) -> Select[Any]:
    return select(TABLE).where(TABLE.c.person_id == person_id)


def people(*, jurisdiction: str = "", route: str = "") -> Select[Any]:
    """Select people; an empty filter lets all through. The reader orders and pages."""
    filters = {TABLE.c.jurisdiction: jurisdiction, TABLE.c.route: route}
    return select(TABLE).where(*(column == value for column, value in filters.items() if value))


def registered_people(jurisdiction: str, as_of: datetime) -> Select[str, int]:
    """Count the people registered at an instant, by route."""
    return (
        select(TABLE.c.route, func.count().label("people"))
        .where(TABLE.c.jurisdiction == jurisdiction, TABLE.c.registered_at <= as_of)
        .group_by(TABLE.c.route)
    )
