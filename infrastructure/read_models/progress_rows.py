"""From rows of the database to the progress of read models: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

from sqlalchemy import Row, RowMapping

from projections.prepared_statements import Cells
from projections.progress import (
    Build,
    BuildPurpose,
    BuildState,
    OtherVersion,
    Pause,
    Place,
    ProjectionProgress,
    ProjectionState,
)

MOST_LIVE_LAG_S = 1.0
"""A read model that is behind by no more than this is live."""

_MOVING = (ProjectionState.CATCHING_UP, ProjectionState.LIVE)
_FIELDS = frozenset(field.name for field in fields(ProjectionProgress))


def place_of(row: Row[Any]) -> Place:
    name, version, position, built, lag_events, lag_s = tuple(row)
    return Place(name=name, version=version, position=position, lag_events=lag_events, lag_s=lag_s, built=built)


def place_of_cells(row: Cells) -> Place:
    name, version, position, built, lag_events, lag_s = (cell or b"" for cell in row)
    return Place(
        name=name.decode(),
        version=int(version),
        position=int(position),
        lag_events=int(lag_events),
        lag_s=float(lag_s),
        built=built == b"t",
    )


def progress_of(
    row: RowMapping,
    pauses: Mapping[str, Pause],
    builds: Mapping[str, Build],
    others: Mapping[str, Sequence[OtherVersion]],
) -> ProjectionProgress:
    name = row["name"]
    state = _state(row, paused=name in pauses)
    columns = {column: value for column, value in row.items() if column in _FIELDS}
    # A read model that does not move has no rate, whatever it was before.
    columns["events_per_s"] = columns["events_per_s"] if state in _MOVING else 0.0
    if row["ahead_of_log"]:
        columns["error"] = f"its checkpoint {row['position']:,} is of another log, or ahead of this one: rebuild it"
    return ProjectionProgress(
        **columns,
        state=state,
        pause=pauses.get(name),
        build=builds.get(name),
        other_versions=others.get(name, ()),
    )


def _state(row: RowMapping, *, paused: bool) -> ProjectionState:
    if row["error"] or row["ahead_of_log"]:
        return ProjectionState.STOPPED
    if paused:
        return ProjectionState.PAUSED
    if not row["built"]:
        return ProjectionState.BUILDING
    if not row["led"]:
        return ProjectionState.UNLED
    live = row["lag_s"] <= MOST_LIVE_LAG_S or not row["lag_events"]
    return ProjectionState.LIVE if live else ProjectionState.CATCHING_UP


def build_of(row: RowMapping) -> Build:
    return Build(**{**row, "purpose": BuildPurpose(row["purpose"]), "state": BuildState(row["state"])})


def others_of(rows: Sequence[RowMapping]) -> Mapping[str, Sequence[OtherVersion]]:
    """Return the other versions by read model, of rows in the order of their read models."""
    return {
        name: [OtherVersion(version=it["version"], position=it["position"], applied_at=it["applied_at"]) for it in some]
        for name, some in groupby(rows, lambda row: row["projection"])
    }
