"""The time by which deadlines fall due: the earlier of the platform's clock and the database's.

Where they are apart there is no such time: the process does not lead (`status.apart`), so another one, whose clock is
that of the database, does. The clock of the database is followed meanwhile, so that a clock that is set right is no
jump. Where both jump forward, as they do on one machine, the time goes on as
if they had not for `hold_s`: operators are told first, and a clock that is set right in the meantime did no harm. A
clock that steps back undoes nothing: what was carried out has no row and a used idempotency key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from application.clock_status import MAX_APART_S, ClockStatus

LOG = structlog.get_logger()

MAX_JUMP_S = 60.0
"""A clock that gains or loses more than this against the time that has passed has jumped."""

HOLD_S = 60.0
"""How long after a jump forward the time goes on as if there had been none."""

REPORTED_S = 3600.0
"""For how long a jump is shown in the status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """The clocks at one moment. `monotonic_s` counts seconds since some moment, whatever clocks are set to."""

    platform_at: datetime
    database_at: datetime
    monotonic_s: float


class TrustedClock:
    """Tells the time from readings, one after the other."""

    def __init__(
        self, *, max_apart_s: float = MAX_APART_S, max_jump_s: float = MAX_JUMP_S, hold_s: float = HOLD_S
    ) -> None:
        self._max_apart_s = max_apart_s
        self._max_jump_s = max_jump_s
        self._hold_s = hold_s
        self._last: tuple[datetime, float] | None = None
        self._held_until_s: float | None = None
        self._jumped: tuple[float, float] | None = None
        self._apart = False
        self.status = ClockStatus()

    def read(self, reading: ClockReading) -> datetime:
        """Return the time, in UTC; report clocks that differ or jumped, once each."""
        ahead_s = (reading.platform_at - reading.database_at).total_seconds()
        self._report_apart(ahead_s)
        read_at = reading.database_at if self._apart else min(reading.platform_at, reading.database_at)
        told = self._told(read_at, reading.monotonic_s)
        self._last = (told, reading.monotonic_s)
        jumped_s = 0.0
        if self._jumped is not None and reading.monotonic_s - self._jumped[1] < REPORTED_S:
            jumped_s = self._jumped[0]
        self.status = ClockStatus(
            ahead_s=ahead_s, apart=self._apart, jumped_s=jumped_s, waits=self._held_until_s is not None
        )
        return told

    def _told(self, read_at: datetime, monotonic_s: float) -> datetime:
        if self._last is None:
            return read_at
        last_at, last_s = self._last
        expected = last_at + timedelta(seconds=monotonic_s - last_s)
        gained_s = (read_at - expected).total_seconds()
        if abs(gained_s) <= self._max_jump_s:
            self._held_until_s = None
            return read_at
        if gained_s < 0:
            self._note(gained_s, monotonic_s)
            self._held_until_s = None
            return read_at
        if self._held_until_s is None:
            self._note(gained_s, monotonic_s)
            self._held_until_s = monotonic_s + self._hold_s
        if monotonic_s < self._held_until_s:
            return expected
        LOG.warning("clock_jump_accepted", jumped_s=round(gained_s, 3))
        self._held_until_s = None
        return read_at

    def _note(self, jumped_s: float, monotonic_s: float) -> None:
        self._jumped = (jumped_s, monotonic_s)
        LOG.error("clock_jumped", jumped_s=round(jumped_s, 3), waits_s=self._hold_s if jumped_s > 0 else 0)

    def _report_apart(self, ahead_s: float) -> None:
        apart = abs(ahead_s) > self._max_apart_s
        if apart and not self._apart:
            LOG.error("clocks_differ", platform_ahead_s=round(ahead_s, 3))
        self._apart = apart
