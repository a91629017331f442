"""How far read models have come behind the log, and what is done with them: as data, with what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PERCENT = 100


class ProjectionState(StrEnum):
    """What a projection is doing. The first that holds, in this order."""

    STOPPED = "stopped"
    """It cannot go on; `error` says why."""
    PAUSED = "paused"
    """An administrator paused it."""
    BUILDING = "building"
    """This version has no rows in use yet; they are being made."""
    UNLED = "unled"
    """No worker looks after it."""
    CATCHING_UP = "catching_up"
    LIVE = "live"


class BuildPurpose(StrEnum):
    """Why rows are made beside those in use."""

    FIRST = "first"
    """A version that has no rows yet."""
    REBUILD = "rebuild"
    VERIFICATION = "verification"
    AS_OF = "as_of"
    UNDO = "undo"
    """The rows of before the last takeover come back."""


class BuildState(StrEnum):
    WAITING = "waiting"
    FILLING = "filling"
    INDEXING = "indexing"
    CATCHING_UP = "catching_up"
    COMPARING = "comparing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (BuildState.DONE, BuildState.CANCELLED, BuildState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One making of rows beside those in use. `running` says that a process is at it now.

    `events_done` of `events_total` were folded, in `seconds` so far or in all. `equal` tells whether the rows were
    those in use at `position`, None when that was not looked at; `outcome` is a sentence.
    """

    build_id: int
    projection: str
    version: int
    purpose: BuildPurpose
    state: BuildState
    running: bool
    events_done: int
    events_total: int
    position: int
    asked_by: str
    why: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float
    equal: bool | None
    rows: int | None
    sha256: str
    outcome: str

    @property
    def percent(self) -> int:
        """100 only once it is done."""
        if self.state is BuildState.DONE:
            return PERCENT
        return min(PERCENT * self.events_done // self.events_total, PERCENT - 1) if self.events_total else 0

    @property
    def events_per_s(self) -> float:
        return self.events_done / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """The seconds that filling will still take at its rate so far; None when that cannot be told."""
        if self.state is not BuildState.FILLING or not self.events_per_s:
            return None
        return (self.events_total - self.events_done) / self.events_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVersion:
    """Rows of another version of the projection, which another release keeps or kept."""

    version: int
    position: int
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Who paused a projection, why and when."""

    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionProgress:
    """How far a read model has come. `lag_s` is the age of the oldest event that is not in its rows, 0 without any.

    `previous_position` is how far the rows had come that a takeover replaced; None when none are kept.
    """

    name: str
    version: int
    state: ProjectionState
    position: int
    lag_events: int
    lag_s: float
    events_per_s: float
    applied_at: datetime | None
    parked_events: int = 0
    parked_streams: int = 0
    error: str = ""
    failed_at: datetime | None = None
    pause: Pause | None = None
    build: Build | None = None
    other_versions: Sequence[OtherVersion] = ()
    previous_position: int | None = None

    @property
    def percent(self) -> int:
        """How much of the log is in the rows: 100 only at the head."""
        if not self.lag_events:
            return PERCENT
        return min(PERCENT * self.position // (self.position + self.lag_events), PERCENT - 1)

    @property
    def left_s(self) -> float | None:
        """The seconds until the head is reached, at the rate of late; None when it is not moving."""
        if not self.lag_events:
            return 0.0
        return self.lag_events / self.events_per_s if self.events_per_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEvent:
    """An event whose effects are not in the rows. `error` is empty where only an earlier one of its stream failed."""

    projection: str
    position: int
    stream: str
    stream_version: int
    name: str
    error: str
    parked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The head of the log and how far each read model is."""

    head: int
    projections: Sequence[ProjectionProgress]

    @property
    def position(self) -> int:
        """The last position whose event is in the rows of all read models."""
        return min((projection.position for projection in self.projections), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rows of a read model are that are in use: they hold at least all events up to `position`.

    Until a version has rows of its own for the first time, it is not `built`, and nothing can be read from it.
    """

    name: str
    version: int
    position: int
    lag_events: int
    lag_s: float
    built: bool


class NotBuiltError(Exception):
    """A read model was asked for whose rows are being made for the first time."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names
