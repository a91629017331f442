"""Projection acts: what administrators ordered for the read models, one row for each act, with who and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, Select, Text, exists, select

from domain.kernel import Recorded
from domain.operation import (
    ParkedEventSkipped,
    ParkedEventsRetried,
    PreviousRowsDropRequested,
    ProjectionPaused,
    ProjectionResumed,
    RebuildCancelled,
    RebuildRequested,
    TakeoverUndoRequested,
    VerificationRequested,
)
from projections.effects import Effect, Projection, Put, Rule, read_table

MOST_ACTS = 500
"""How many acts are read at once."""


class Act(StrEnum):
    """What was ordered."""

    REBUILD = "rebuild"
    CANCEL = "cancel"
    VERIFY = "verify"
    UNDO = "undo"
    DROP = "drop"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"


TABLE = read_table(
    "projection_acts",
    1,
    Column("act_position", BigInteger, primary_key=True, autoincrement=False),
    Column("projection", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("event_position", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("acting_id", Text, nullable=False),
    Column("organisation_id", Text, nullable=False),
    Column("acted_at", DateTime(timezone=True), nullable=False),
)
Index("projection_acts_v1_projection", TABLE.c.projection, TABLE.c.act_position)


def _on_projection(act: Act) -> Rule:
    def rule(recorded: Recorded[Any]) -> Iterable[Effect]:
        yield Put((recorded.position,), {**_ordered(recorded), "act": act.value, "event_position": 0})

    return rule


def _on_event(act: Act) -> Rule:
    def rule(recorded: Recorded[Any]) -> Iterable[Effect]:
        about = {"act": act.value, "event_position": recorded.event.event_position}
        yield Put((recorded.position,), {**_ordered(recorded), **about})

    return rule


def _ordered(recorded: Recorded[Any]) -> Mapping[str, Any]:
    return {
        "projection": recorded.event.projection,
        "why": recorded.event.why,
        "acting_id": recorded.context.acting_id,
        "organisation_id": recorded.context.organisation_id,
        "acted_at": recorded.context.effective_at,
    }


PROJECTION = Projection(
    name="projection_acts",
    version=1,
    table=TABLE,
    rules={
        RebuildRequested: _on_projection(Act.REBUILD),
        RebuildCancelled: _on_projection(Act.CANCEL),
        VerificationRequested: _on_projection(Act.VERIFY),
        TakeoverUndoRequested: _on_projection(Act.UNDO),
        PreviousRowsDropRequested: _on_projection(Act.DROP),
        ProjectionPaused: _on_projection(Act.PAUSE),
        ProjectionResumed: _on_projection(Act.RESUME),
        ParkedEventsRetried: _on_event(Act.RETRY),
        ParkedEventSkipped: _on_event(Act.SKIP),
    },
)

# --- Queries --------------------------------------------------------------------------------------------------------


def acts_after(position: int) -> Select[*tuple[Any, ...]]:
    """Select the acts recorded after a position, in their order; after the last of `MOST_ACTS`, ask again."""
    return select(TABLE).where(TABLE.c.act_position > position).order_by(TABLE.c.act_position).limit(MOST_ACTS)


def paused() -> Select[str, str, str, Any]:
    """Select the projections that are paused, with why, by whom and since when."""
    later = TABLE.alias("later")
    changed_since = exists(
        select(later.c.act_position).where(
            later.c.projection == TABLE.c.projection,
            later.c.act_position > TABLE.c.act_position,
            later.c.act.in_((Act.PAUSE.value, Act.RESUME.value)),
        )
    )
    return (
        select(TABLE.c.projection, TABLE.c.why, TABLE.c.acting_id, TABLE.c.acted_at)
        .where(TABLE.c.act == Act.PAUSE.value, ~changed_since)
        .order_by(TABLE.c.projection)
    )
