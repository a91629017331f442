"""Consents: one row for each grant, so that a count as of any past date is a plain filter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Index, Select, Text, func, or_, select

from domain.consent import ConsentGranted, ConsentWithdrawn
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "consents",
    1,
    Column("consent_id", Text, primary_key=True),
    Column("grant_number", BigInteger, primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("notice_version", Text, nullable=False),
    Column("acting_person_id", Text, nullable=False),
    Column("mandate_id", Text, nullable=False),
    Column("granted_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True), nullable=True),
)
Index("consents_v1_newest", TABLE.c.granted_at, TABLE.c.consent_id, TABLE.c.grant_number)
Index("consents_v1_person", TABLE.c.person_id)
Index("consents_v1_provider", TABLE.c.provider_id, TABLE.c.granted_at)
Index("consents_v1_granted", TABLE.c.jurisdiction, TABLE.c.granted_at)


def _granted(recorded: Recorded[ConsentGranted]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (recorded.aggregate_id, event.grant_number),
        {
            "person_id": event.person_id,
            "provider_id": event.provider_id,
            "jurisdiction": event.jurisdiction.value,
            "status": "granted",
            "notice_version": event.notice_version,
            "acting_person_id": event.acting_person_id,
            "mandate_id": event.mandate_id,
            "granted_at": recorded.context.effective_at,
            "withdrawn_at": None,
        },
    )


def _withdrawn(recorded: Recorded[ConsentWithdrawn]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id, recorded.event.grant_number),
        {"status": "withdrawn", "withdrawn_at": recorded.context.effective_at},
    )


PROJECTION = Projection(
    name="consents",
    version=1,
    table=TABLE,
    rules={ConsentGranted: _granted, ConsentWithdrawn: _withdrawn},
)

# --- Queries --------------------------------------------------------------------------------------------------------


def active_consents(jurisdiction: str, as_of: datetime) -> Select[int, int]:
    """Count the grants in force at an instant, and the distinct persons who gave them."""
    return select(func.count(), func.count(func.distinct(TABLE.c.person_id))).where(
        TABLE.c.jurisdiction == jurisdiction,
        TABLE.c.granted_at <= as_of,
        or_(TABLE.c.withdrawn_at.is_(None), TABLE.c.withdrawn_at > as_of),
    )
