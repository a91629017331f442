"""The clock of this process, held against that of the database, and the deadlines that are late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_APART_S = 5.0
"""A process whose clock differs from the database's by more reports that, and does not lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """`ahead_s` is how far this process's clock is ahead of the database's; negative where it is behind.

    `apart` holds where that is more than `MAX_APART_S`: then this process carries out no deadlines.
    `jumped_s` is how far the clock jumped last, in the last hour; 0 where it did not. `waits` holds while deadlines
    that are due only since a jump forward are not carried out yet.
    """

    ahead_s: float = 0.0
    apart: bool = False
    jumped_s: float = 0.0
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineStatus:
    """How many deadlines are late, for how long the first of them; `led`: whether a process carries them out."""

    late: int
    oldest_s: float
    led: bool
    clock: ClockStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDeadlines:
    """The deadlines that are due for longer than they should be: how many, and since when the first of them."""

    late: int
    oldest_due_at: datetime | None
