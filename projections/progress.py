"""The progress of read models along the log, and their builds, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PERCENT = 100


class ProjectionState(StrEnum):
    """The state of a projection: the first that holds, in this order."""

    STOPPED = "stopped"
    """It failed; `error` says why."""
    PAUSED = "paused"
    """An administrator paused it."""
    BUILDING = "building"
    """This version has no rows in use yet; they are being made."""
    UNLED = "unled"
    """No worker owns it."""
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
    """The rows from before the last takeover come back."""


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
    """A build of rows beside those in use. `running` says that a process carries it out now.

    `events_done` of `events_total` were folded, in `seconds` so far or in all. `equal` says whether the rows equalled
    those in use at `position`, None without a comparison; `outcome` is a sentence.
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
        """The seconds that filling will still take at its rate so far; None without a rate."""
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
    """The progress of a read model. `lag_s` is the age of the oldest event that is not in its rows, 0 without any.

    `previous_position` is the position of the rows that a takeover replaced; None when none are kept. `ahead_of_log`
    says that the rows were made of another log, or of one that was put back since.
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
    ahead_of_log: bool = False

    @property
    def percent(self) -> int:
        """How much of the log is in the rows: 100 only at the head."""
        if not self.lag_events:
            return PERCENT
        return min(PERCENT * self.position // (self.position + self.lag_events), PERCENT - 1)

    @property
    def left_s(self) -> float | None:
        """The seconds until the head, at the present rate; None when the read model does not move."""
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
    """The head of the log and the progress of each read model."""

    head: int
    projections: Sequence[ProjectionProgress]

    @property
    def position(self) -> int:
        """The last position whose event is in the rows of all read models."""
        return min((projection.position for projection in self.projections), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place in the log of the rows in use of a read model: they hold at least all events up to `position`.

    Until a version has its first rows it is not `built`, and cannot be read.
    """

    name: str
    version: int
    position: int
    lag_events: int
    lag_s: float
    built: bool


class NotBuiltError(Exception):
    """The first rows of a read model are being built: it cannot be read yet."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names
