"""Services: one row for each online service, from its registration to its closure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, DateTime, Index, Select, Text, and_, func, or_, select

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

# --- Queries --------------------------------------------------------------------------------------------------------


def service(service_id: str) -> Select[Any]:
    return select(TABLE).where(TABLE.c.service_id == service_id)


def services(*, jurisdiction: str = "", organisation_id: str = "", audience: str = "") -> Select[Any]:
    """Select services, closed ones too; an empty filter lets all through. The reader orders and pages."""
    filters = {
        TABLE.c.jurisdiction: jurisdiction,
        TABLE.c.organisation_id: organisation_id,
        TABLE.c.audience: audience,
    }
    return select(TABLE).where(*(column == value for column, value in filters.items() if value))


def connected_services(jurisdiction: str, as_of: datetime) -> Select[int]:
    """Count the services that were open at an instant."""
    return select(func.count()).select_from(TABLE).where(_open(jurisdiction, as_of))


def connected_services_by_audience(jurisdiction: str, as_of: datetime) -> Select[str, int]:
    return (
        select(TABLE.c.audience, func.count().label("services"))
        .where(_open(jurisdiction, as_of))
        .group_by(TABLE.c.audience)
    )


def _open(jurisdiction: str, as_of: datetime) -> ColumnElement[bool]:
    return and_(
        TABLE.c.jurisdiction == jurisdiction,
        TABLE.c.registered_at <= as_of,
        or_(TABLE.c.closed_at.is_(None), TABLE.c.closed_at > as_of),
    )
