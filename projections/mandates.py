"""Mandates: one row for each stretch of time between suspensions, so that the past is answered as it was.

May A act for B at service S at time T? `mandates_in_force` answers for any T, also after a suspension was lifted or the
mandate ended. A mandate without services reaches every service.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Select, and_, any_, exists, func, or_, select

from domain.access.access import Category
from domain.identity.mandate.model import (
    MandateAccepted,
    MandateConfirmed,
    MandateEvent,
    MandateExpired,
    MandateRejected,
    MandateRequested,
    MandateResumed,
    MandateSuspended,
    MandateWithdrawn,
)
from domain.identity.values import MandateKind, MandateStatus, PartyKind
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import About, Col, Effect, Effects, Key, ListOrder, ReadModel, RowBase, Rule, change, put
from projections.row_security import Seen
from projections.words import unique


class Row(RowBase):
    mandate_id: Key[str]
    period: Key[int]
    kind: Col[MandateKind]
    mandator_id: Col[str]
    mandator_kind: Col[PartyKind]
    mandatary_id: Col[str]
    grantor_id: Col[str]
    parent_mandate_id: Col[str]
    service_ids: Col[tuple[str, ...]]
    organisation_ids: Col[tuple[str, ...]]
    represented_id: Col[str]
    jurisdiction: Col[Jurisdiction]
    valid_from: Col[datetime]
    valid_until: Col[datetime]
    status: Col[MandateStatus]
    latest: Col[bool] = Col(True)
    began_at: Col[datetime]
    active_at: Col[datetime | None]
    suspended_at: Col[datetime | None] = Col(None)
    ended_at: Col[datetime | None] = Col(None)


def _requested(recorded: Recorded[MandateRequested]) -> Effects[Row]:
    yield _period(recorded, MandateStatus.REQUESTED, active_at=None)


def _resumed(recorded: Recorded[MandateResumed]) -> Effects[Row]:
    event = recorded.event
    yield change(Row, Row.mandate_id.to(event.mandate_id), Row.period.to(event.period - 1), Row.latest.to(False))
    yield _period(recorded, MandateStatus.ACTIVE, active_at=recorded.context.effective_at)


def _period(
    recorded: Recorded[MandateRequested | MandateResumed], status: MandateStatus, active_at: datetime | None
) -> Effect[Row]:
    event = recorded.event
    terms = event.terms
    return put(
        Row(
            mandate_id=event.mandate_id,
            period=event.period,
            kind=terms.kind,
            mandator_id=terms.mandator_id,
            mandator_kind=terms.mandator_kind,
            mandatary_id=terms.mandatary_id,
            grantor_id=terms.grantor_id,
            parent_mandate_id=terms.parent_mandate_id,
            service_ids=unique(scope.service_id for scope in terms.services),
            organisation_ids=unique(scope.organisation_id for scope in terms.services),
            represented_id="" if terms.services else terms.mandator_id,
            jurisdiction=terms.jurisdiction,
            valid_from=terms.valid_from,
            valid_until=terms.valid_until,
            status=status,
            began_at=recorded.context.effective_at,
            active_at=active_at,
        )
    )


def _moved(status: MandateStatus, instant: Col[datetime | None]) -> Rule[Row]:
    def rule(recorded: Recorded[MandateEvent]) -> Effects[Row]:
        event = recorded.event
        yield change(
            Row,
            Row.mandate_id.to(event.mandate_id),
            Row.period.to(event.period),
            Row.status.to(status),
            instant.to(recorded.context.effective_at),
        )

    return rule


READ_MODEL = ReadModel(
    name="mandates",
    version=3,
    row=Row,
    rules={
        MandateRequested: _requested,
        MandateAccepted: _moved(MandateStatus.ACTIVE, Row.active_at),
        MandateConfirmed: _moved(MandateStatus.ACTIVE, Row.active_at),
        MandateSuspended: _moved(MandateStatus.SUSPENDED, Row.suspended_at),
        MandateResumed: _resumed,
        MandateRejected: _moved(MandateStatus.REJECTED, Row.ended_at),
        MandateWithdrawn: _moved(MandateStatus.WITHDRAWN, Row.ended_at),
        MandateExpired: _moved(MandateStatus.EXPIRED, Row.ended_at),
    },
    indexes={
        "mandatary": (Row.mandatary_id, Row.mandator_id),
        "mandator": (Row.mandator_id, Row.began_at, Row.mandate_id, Row.period),
        "status": (Row.jurisdiction, Row.status),
    },
    lists={
        "newest": ListOrder(
            (Row.began_at, Row.mandate_id, Row.period), newest_first=True, where=(Row.latest.is_(True),)
        )
    },
    seen=Seen(
        parties=(Row.mandator_id, Row.mandatary_id, Row.organisation_ids),
        named=Row.represented_id,
    ),
    about={
        Row.mandator_id: About(Category.MANDATES, where={Row.mandator_kind: PartyKind.PERSON}),
        Row.mandatary_id: About(Category.MANDATES, or_organisation=True),
        Row.grantor_id: About(Category.MANDATES, or_organisation=True),
    },
)

# --- Queries --------------------------------------------------------------------------------------------------------


def mandates_in_force(
    *, at: datetime, mandatary_id: str, mandator_id: str, service_id: str
) -> Select[*tuple[object, ...]]:
    """Select the mandates in force at an instant, past or present, of these parties and at this service.

    May A act for B at S? Any row says yes. A chain mandate counts only while its parent is in force as well; it reaches
    no further than its parent, so the parent's services need no second check.
    """
    parent = Row.table.alias("parent")
    parent_in_force = exists(
        select(parent.c.mandate_id).where(
            parent.c.mandate_id == Row.parent_mandate_id,
            parent.c.mandator_id == Row.mandator_id,
            parent.c.mandatary_id == Row.grantor_id,
            _in_force(parent, at),
        )
    )
    return select(Row.table).where(
        Row.mandatary_id == mandatary_id,
        Row.mandator_id == mandator_id,
        _in_force(Row.table, at),
        or_(func.cardinality(Row.service_ids) == 0, any_(Row.table.c.service_ids) == service_id),
        or_(Row.kind != MandateKind.CHAIN.value, parent_in_force),
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
