"""Mandates: one row for each stretch of time between suspensions, so that the past is answered as it was.

May A act for B at service S at time T? `mandates_in_force` answers for any T, also after a suspension was lifted or the
mandate ended. Services and organisations stand as `,id,id,`; an empty text means every service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    FromClause,
    Index,
    Select,
    Text,
    and_,
    exists,
    or_,
    select,
)

from domain.identity import (
    MandateAccepted,
    MandateConfirmed,
    MandateExpired,
    MandateKind,
    MandateRejected,
    MandateRequested,
    MandateResumed,
    MandateStatus,
    MandateSuspended,
    MandateTerms,
    MandateWithdrawn,
)
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Rule, Set, read_table

TABLE = read_table(
    "mandates",
    1,
    Column("mandate_id", Text, primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("mandator_id", Text, nullable=False),
    Column("mandator_kind", Text, nullable=False),
    Column("mandatary_id", Text, nullable=False),
    Column("grantor_id", Text, nullable=False),
    Column("parent_mandate_id", Text, nullable=False),
    Column("service_ids", Text, nullable=False),
    Column("organisation_ids", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_until", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("latest", Boolean, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("active_at", DateTime(timezone=True), nullable=True),
    Column("suspended_at", DateTime(timezone=True), nullable=True),
    Column("ended_at", DateTime(timezone=True), nullable=True),
)
Index("mandates_v1_newest", TABLE.c.began_at, TABLE.c.mandate_id, TABLE.c.period)
Index("mandates_v1_mandatary", TABLE.c.mandatary_id, TABLE.c.mandator_id)
Index("mandates_v1_mandator", TABLE.c.mandator_id, TABLE.c.mandate_id)
Index("mandates_v1_status", TABLE.c.jurisdiction, TABLE.c.status)


def _requested(recorded: Recorded[MandateRequested]) -> Iterable[Effect]:
    event = recorded.event
    now = {
        "status": MandateStatus.REQUESTED.value,
        "began_at": recorded.context.effective_at,
        "active_at": None,
    }
    yield Put((event.mandate_id, event.period), {**_terms(event.terms), **now})


def _resumed(recorded: Recorded[MandateResumed]) -> Iterable[Effect]:
    event = recorded.event
    now = {
        "status": MandateStatus.ACTIVE.value,
        "began_at": recorded.context.effective_at,
        "active_at": recorded.context.effective_at,
    }
    yield Set((event.mandate_id, event.period - 1), {"latest": False})
    yield Put((event.mandate_id, event.period), {**_terms(event.terms), **now})


def _terms(terms: MandateTerms) -> Mapping[str, Any]:
    return {
        "kind": terms.kind.value,
        "mandator_id": terms.mandator_id,
        "mandator_kind": terms.mandator_kind.value,
        "mandatary_id": terms.mandatary_id,
        "grantor_id": terms.grantor_id,
        "parent_mandate_id": terms.parent_mandate_id,
        "service_ids": _list(scope.service_id for scope in terms.services),
        "organisation_ids": _list(scope.organisation_id for scope in terms.services),
        "jurisdiction": terms.jurisdiction.value,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "latest": True,
        "suspended_at": None,
        "ended_at": None,
    }


def _list(ids: Iterable[str]) -> str:
    unique = dict.fromkeys(ids)
    return f",{','.join(unique)}," if unique else ""


def _status(status: MandateStatus, instant: str) -> Rule:
    def rule(recorded: Recorded[Any]) -> Iterable[Effect]:
        values = {"status": status.value, instant: recorded.context.effective_at}
        yield Set((recorded.event.mandate_id, recorded.event.period), values)

    return rule


PROJECTION = Projection(
    name="mandates",
    version=1,
    table=TABLE,
    rules={
        MandateRequested: _requested,
        MandateAccepted: _status(MandateStatus.ACTIVE, "active_at"),
        MandateConfirmed: _status(MandateStatus.ACTIVE, "active_at"),
        MandateSuspended: _status(MandateStatus.SUSPENDED, "suspended_at"),
        MandateResumed: _resumed,
        MandateRejected: _status(MandateStatus.REJECTED, "ended_at"),
        MandateWithdrawn: _status(MandateStatus.WITHDRAWN, "ended_at"),
        MandateExpired: _status(MandateStatus.EXPIRED, "ended_at"),
    },
)

# --- Queries --------------------------------------------------------------------------------------------------------


def mandates_in_force(*, at: datetime, mandatary_id: str, mandator_id: str, service_id: str) -> Select[Any]:
    """Select the mandates in force at an instant, past or present, of these parties and at this service.

    May A act for B at S? Any row says yes. A chain mandate counts only while its parent is in force as well; it reaches
    no further than its parent, so the parent's services need no second look.
    """
    parent = TABLE.alias("parent")
    parent_in_force = exists(
        select(parent.c.mandate_id).where(
            parent.c.mandate_id == TABLE.c.parent_mandate_id,
            parent.c.mandator_id == TABLE.c.mandator_id,
            parent.c.mandatary_id == TABLE.c.grantor_id,
            _in_force(parent, at),
        )
    )
    return select(TABLE).where(
        TABLE.c.mandatary_id == mandatary_id,
        TABLE.c.mandator_id == mandator_id,
        _in_force(TABLE, at),
        or_(TABLE.c.service_ids == "", TABLE.c.service_ids.contains(f",{service_id},", autoescape=True)),
        or_(TABLE.c.kind != MandateKind.CHAIN.value, parent_in_force),
    )


def _in_force(table: FromClause, at: datetime) -> ColumnElement[bool]:
    c = table.c
    return and_(
        c.active_at <= at,
        or_(c.suspended_at.is_(None), c.suspended_at > at),
        or_(c.ended_at.is_(None), c.ended_at > at),
        c.valid_from <= at,
        c.valid_until > at,
    )
