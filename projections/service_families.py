"""Service families of the bus: one row for each code, with its names and the keeper of its authentic source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, DateTime, Select, Text, select

from domain.kernel import Recorded
from domain.organisations import ServiceFamilyRegistered
from projections.effects import Effect, Projection, Put, read_table

TABLE = read_table(
    "service_families",
    1,
    Column("code", Text, primary_key=True),
    Column("name_nl", Text, nullable=False),
    Column("name_fr", Text, nullable=False),
    Column("name_de", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("authentic_source_id", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
)


def _registered(recorded: Recorded[ServiceFamilyRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.code,),
        {
            "name_nl": event.names.nl,
            "name_fr": event.names.fr,
            "name_de": event.names.de,
            "name_en": event.names.en,
            "authentic_source_id": event.authentic_source_id,
            "registered_at": recorded.context.effective_at,
        },
    )


PROJECTION = Projection(name="service_families", version=1, table=TABLE, rules={ServiceFamilyRegistered: _registered})

# --- Queries --------------------------------------------------------------------------------------------------------


def service_family(code: str) -> Select[Any]:
    return select(TABLE).where(TABLE.c.code == code)


def service_families(*, authentic_source_id: str = "") -> Select[Any]:
    """Select service families, all or those whose authentic source one organisation keeps."""
    families = select(TABLE)
    return families.where(TABLE.c.authentic_source_id == authentic_source_id) if authentic_source_id else families
