"""Services: one row for each online service, from its registration to its closure."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, DateTime, Index, Text

from domain.kernel import Recorded
from domain.organisations import ServiceClosed, ServiceRegistered
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "services",
    1,
    Column("service_id", Text, primary_key=True),
    Column("organisation_id", Text, nullable=False),
    Column("name_nl", Text, nullable=False),
    Column("name_fr", Text, nullable=False),
    Column("name_de", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("minimum_level", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=True),
)
Index("services_v1_organisation", TABLE.c.organisation_id, TABLE.c.service_id)
Index("services_v1_registered", TABLE.c.jurisdiction, TABLE.c.registered_at)


def _registered(recorded: Recorded[ServiceRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.service_id,),
        {
            "organisation_id": event.organisation_id,
            "name_nl": event.names.nl,
            "name_fr": event.names.fr,
            "name_de": event.names.de,
            "name_en": event.names.en,
            "audience": event.audience.value,
            "minimum_level": event.minimum_level.value,
            "jurisdiction": event.jurisdiction.value,
            "registered_at": recorded.context.effective_at,
            "closed_at": None,
        },
    )


def _closed(recorded: Recorded[ServiceClosed]) -> Iterable[Effect]:
    yield Set((recorded.event.service_id,), {"closed_at": recorded.context.effective_at})


PROJECTION = Projection(
    name="services",
    version=1,
    table=TABLE,
    rules={ServiceRegistered: _registered, ServiceClosed: _closed},
)
