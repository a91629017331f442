"""How the keeper is: what those who run the platform see of it. What it does: `infrastructure/reactors`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperProgress:
    """Whether any process leads, how far it is, and how many duties of how many people failed or follow one that did.

    `oldest_s` is how long the first of them has waited, in seconds. `error` says why nothing can be done for anybody.
    """

    led: bool
    position: int
    duties: int
    people: int
    oldest_s: float
    error: str
    failed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDuty:
    """What is due for an event and failed, or follows such an event of the same person. Times in UTC."""

    position: int
    person_id: str
    name: str
    tries: int
    error: str
    since: datetime
    again_at: datetime
