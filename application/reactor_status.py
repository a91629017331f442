"""The status of the reactors (`application/reactor.py`), as operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorPause:
    """Who paused a reactor, when (UTC) and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorProgress:
    """How far a reactor is behind the log, and what waits.

    `leader` is the process that leads, empty where none does. `position` is the checkpoint; behind it are `lag_events`
    positions of the log, the first of them recorded `lag_s` seconds ago. `events_per_s` is the rate of the last second.
    `waiting_keys` wait with `waiting_events`, the longest for `oldest_s` seconds; `parked_keys` of them wait for an
    administrator. `error` is the cause of a stop for all keys, since `failed_at` (UTC).
    """

    name: str
    leader: str
    position: int
    lag_events: int
    lag_s: float
    events_per_s: float
    reacted: int
    waiting_keys: int
    waiting_events: int
    parked_keys: int
    oldest_s: float
    error: str
    failed_at: datetime | None
    pause: ReactorPause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent:
    """The first event of a key that waits, and how many events wait for the key. Times in UTC.

    `error` is empty where nothing failed: the reaction is slow, or another reactor comes first. An event that is parked
    is not tried again by itself.
    """

    reactor: str
    key: str
    position: int
    name: str
    events: int
    tries: int
    error: str
    since: datetime
    again_at: datetime
    parked_at: datetime | None
