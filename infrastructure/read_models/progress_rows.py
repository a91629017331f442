"""From rows of the database to what is shown of read models: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from projections.progress import (
    Build,
    BuildPurpose,
    BuildState,
    OtherVersion,
    ParkedEvent,
    Pause,
    Place,
    ProjectionProgress,
    ProjectionState,
)

MOST_LIVE_LAG_S = 1.0
"""A read model that is behind by no more than this is live."""

_MOVING = (ProjectionState.CATCHING_UP, ProjectionState.LIVE)


def place_of(row: Row[Any]) -> Place:
    # In the order of the statement: every query comes by here, for each of its read models.
    name, version, position, built, lag_events, lag_s = tuple(row)
    return Place(name=name, version=version, position=position, lag_events=lag_events, lag_s=lag_s, built=built)


def progress_of(
    row: Row[Any],
    pauses: Mapping[str, Pause],
    builds: Mapping[str, Build],
    others: Mapping[str, Sequence[OtherVersion]],
) -> ProjectionProgress:
    pause = pauses.get(row.projection)
    state = _state(row, paused=pause is not None)
    return ProjectionProgress(
        name=row.projection,
        version=row.version,
        state=state,
        position=row.position,
        lag_events=row.lag_events,
        lag_s=row.lag_s,
        # What stands still has no rate, whatever it was before.
        events_per_s=row.events_per_s if state in _MOVING else 0.0,
        applied_at=row.applied_at,
        parked_events=row.parked_events,
        parked_streams=row.parked_streams,
        error=row.error or "",
        failed_at=row.failed_at,
        pause=pause,
        build=builds.get(row.projection),
        other_versions=others.get(row.projection, ()),
        previous_position=row.previous_position,
    )


def _state(row: Row[Any], *, paused: bool) -> ProjectionState:
    if row.error:
        return ProjectionState.STOPPED
    if paused:
        return ProjectionState.PAUSED
    if not row.built:
        return ProjectionState.BUILDING
    if not row.led:
        return ProjectionState.UNLED
    live = row.lag_s <= MOST_LIVE_LAG_S or not row.lag_events
    return ProjectionState.LIVE if live else ProjectionState.CATCHING_UP


def build_of(row: Row[Any]) -> Build:
    return Build(
        build_id=row.build_id,
        projection=row.projection,
        version=row.version,
        purpose=BuildPurpose(row.purpose),
        state=BuildState(row.state),
        running=row.running,
        events_done=row.events_done,
        events_total=row.events_total,
        position=row.position,
        asked_by=row.asked_by,
        why=row.why,
        started_at=row.started_at,
        ended_at=row.ended_at,
        seconds=row.seconds,
        equal=row.equal,
        rows=row.rows,
        sha256=row.sha256,
        outcome=row.outcome,
    )


def parked_of(projection: str, row: Row[Any]) -> ParkedEvent:
    return ParkedEvent(
        projection=projection,
        position=row.position,
        stream=row.stream,
        stream_version=row.stream_version,
        name=row.name,
        error=row.error,
        parked_at=row.parked_at,
    )


def pause_of(row: Row[str, str, str, datetime]) -> Pause:
    return Pause(by=row.acting_id, why=row.why, at=row.acted_at)


def others_of(rows: Sequence[Row[Any]]) -> Mapping[str, Sequence[OtherVersion]]:
    found: dict[str, list[OtherVersion]] = {}
    for row in rows:
        other = OtherVersion(version=row.version, position=row.position, applied_at=row.applied_at)
        found.setdefault(row.projection, []).append(other)
    return found
