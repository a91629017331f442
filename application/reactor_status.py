"""The status of the reactor that carries erasures out and sends commands of policies (`infrastructure/reactors`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorProgress:
    """Whether a process leads, its position in the log, and the deferred reactions with the persons that they are for.

    `oldest_s` is the age of the oldest one in seconds. `error` is the cause of a stop for all, since `failed_at` (UTC).
    """

    led: bool
    position: int
    duties: int
    people: int
    oldest_s: float
    error: str
    failed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredReaction:
    """A reaction to an event that failed, or follows a failed one of the same person. Times in UTC."""

    position: int
    person_id: str
    name: str
    tries: int
    error: str
    since: datetime
    again_at: datetime
