"""Keys: one row for each means that an identity provider gave a person, with its status and its evidence."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, DateTime, Index, Text

from domain.identity import (
    KeyActivated,
    KeyExpired,
    KeyRegistered,
    KeyResumed,
    KeyRevoked,
    KeyStatus,
    KeySuspended,
)
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "keys",
    1,
    Column("key_id", Text, primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("means", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("evidence_kind", Text, nullable=False),
    Column("evidence_id", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("activated_at", DateTime(timezone=True), nullable=True),
    Column("suspended_at", DateTime(timezone=True), nullable=True),
    Column("ended_at", DateTime(timezone=True), nullable=True),
    Column("valid_until", DateTime(timezone=True), nullable=True),
)
Index("keys_v1_newest", TABLE.c.registered_at, TABLE.c.key_id)
Index("keys_v1_person", TABLE.c.person_id, TABLE.c.key_id)
Index("keys_v1_provider", TABLE.c.provider_id, TABLE.c.key_id)
Index("keys_v1_means", TABLE.c.jurisdiction, TABLE.c.means, TABLE.c.status)


def _registered(recorded: Recorded[KeyRegistered]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (event.key_id,),
        {
            "person_id": event.person_id,
            "provider_id": event.provider_id,
            "means": event.means.value,
            "level": event.level.value,
            "jurisdiction": event.jurisdiction.value,
            "status": KeyStatus.REGISTERED.value,
            "evidence_kind": "",
            "evidence_id": "",
            "registered_at": recorded.context.effective_at,
            "activated_at": None,
            "suspended_at": None,
            "ended_at": None,
            "valid_until": event.valid_until,
        },
    )


def _activated(recorded: Recorded[KeyActivated]) -> Iterable[Effect]:
    yield Set(
        (recorded.event.key_id,),
        {
            "status": KeyStatus.ACTIVE.value,
            "evidence_kind": recorded.event.evidence.kind.value,
            "evidence_id": recorded.event.evidence.evidence_id,
            "activated_at": recorded.context.effective_at,
        },
    )


def _suspended(recorded: Recorded[KeySuspended]) -> Iterable[Effect]:
    values = {"status": KeyStatus.SUSPENDED.value, "suspended_at": recorded.context.effective_at}
    yield Set((recorded.event.key_id,), values)


def _resumed(recorded: Recorded[KeyResumed]) -> Iterable[Effect]:
    yield Set((recorded.event.key_id,), {"status": KeyStatus.ACTIVE.value, "suspended_at": None})


def _revoked(recorded: Recorded[KeyRevoked]) -> Iterable[Effect]:
    values = {"status": KeyStatus.REVOKED.value, "ended_at": recorded.context.effective_at}
    yield Set((recorded.event.key_id,), values)


def _expired(recorded: Recorded[KeyExpired]) -> Iterable[Effect]:
    values = {"status": KeyStatus.EXPIRED.value, "ended_at": recorded.context.effective_at}
    yield Set((recorded.event.key_id,), values)


PROJECTION = Projection(
    name="keys",
    version=1,
    table=TABLE,
    rules={
        KeyRegistered: _registered,
        KeyActivated: _activated,
        KeySuspended: _suspended,
        KeyResumed: _resumed,
        KeyRevoked: _revoked,
        KeyExpired: _expired,
    },
)
