"""Projection acts: the orders of administrators for read models, one row for each, with who gave it and why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, exists, select

from domain.kernel import Recorded
from domain.operation import (
    ParkedEventSkipped,
    ParkedEventsRetried,
    PreviousRowsDropRequested,
    ProjectionEvent,
    ProjectionPaused,
    ProjectionResumed,
    RebuildCancelled,
    RebuildRequested,
    TakeoverUndoRequested,
    VerificationRequested,
)
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, Rule, put
from projections.row_security import OVERSEERS, Seen

MAX_ACTS = 500
"""Acts in one answer."""


class ProjectionActKind(StrEnum):
    """The orders that administrators can give."""

    REBUILD = "rebuild"
    CANCEL = "cancel"
    VERIFY = "verify"
    UNDO = "undo"
    DROP = "drop"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"


class Row(RowBase):
    act_position: Key[int]
    projection: Col[str]
    act: Col[str]
    event_position: Col[int]
    why: Col[str]
    acting_id: Col[str]
    organisation_id: Col[str]
    acted_at: Col[datetime]


_OF_EVENTS = (ParkedEventsRetried, ParkedEventSkipped)


def _ordered(act: ProjectionActKind) -> Rule[Row]:
    def rule(recorded: Recorded[ProjectionEvent]) -> Effects[Row]:
        event, context = recorded.event, recorded.context
        yield put(
            Row(
                act_position=recorded.position,
                projection=event.projection,
                act=act,
                event_position=event.event_position if isinstance(event, _OF_EVENTS) else 0,
                why=event.why,
                acting_id=context.acting_id,
                organisation_id=context.organisation_id,
                acted_at=context.effective_at,
            )
        )

    return rule


READ_MODEL = ReadModel(
    name="projection_acts",
    version=1,
    row=Row,
    rules={
        RebuildRequested: _ordered(ProjectionActKind.REBUILD),
        RebuildCancelled: _ordered(ProjectionActKind.CANCEL),
        VerificationRequested: _ordered(ProjectionActKind.VERIFY),
        TakeoverUndoRequested: _ordered(ProjectionActKind.UNDO),
        PreviousRowsDropRequested: _ordered(ProjectionActKind.DROP),
        ProjectionPaused: _ordered(ProjectionActKind.PAUSE),
        ProjectionResumed: _ordered(ProjectionActKind.RESUME),
        ParkedEventsRetried: _ordered(ProjectionActKind.RETRY),
        ParkedEventSkipped: _ordered(ProjectionActKind.SKIP),
    },
    indexes={
        "projection": (Row.projection, Row.act_position),
    },
    lists={"newest": ListOrder((Row.act_position,), newest_first=True)},
    seen=Seen(roles=OVERSEERS),
)

# --- Queries --------------------------------------------------------------------------------------------------------


def acts_after(position: int, limit: int = MAX_ACTS) -> Select[*tuple[object, ...]]:
    """Select the acts recorded after a position, in their order, at most `limit` of them."""
    return select(Row.table).where(Row.act_position > position).order_by(Row.act_position).limit(limit)


def paused() -> Select[str, str, str, datetime]:
    """Select the projections that are paused, with why, by whom and since when."""
    later = Row.table.alias("later")
    changed_since = exists(
        select(later.c.act_position).where(
            later.c.projection == Row.projection,
            later.c.act_position > Row.act_position,
            later.c.act.in_((ProjectionActKind.PAUSE.value, ProjectionActKind.RESUME.value)),
        )
    )
    return (
        select(Row.projection, Row.why, Row.acting_id, Row.acted_at)
        .where(Row.act == ProjectionActKind.PAUSE.value, ~changed_since)
        .order_by(Row.projection)
    )
