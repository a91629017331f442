"""Service families of the bus: one row for each code, with its names and the keeper of its authentic source."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, DateTime, Text

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
