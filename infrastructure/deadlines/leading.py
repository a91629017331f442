"""Follows the clock in one process at a time, and carries out what falls due.

Deadlines are read in sweeps: each goes through all that are due, in turns of kinds and organisations, and the next one
begins when the read model knows what the one before did. A leader that is killed leaves at most commands whose
idempotency keys the log knows: the next leader's are answered as repeated. A process whose clock is apart from the
database's does not lead: it would be late, or early, by as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from infrastructure.deadlines.carrying_out import Executor
from infrastructure.deadlines.due import DueDeadline, Turn, next_due_at, read_due
from infrastructure.deadlines.trusted_clock import ClockReading, TrustedClock
from infrastructure.postgres.connecting import connect_to_lead
from infrastructure.postgres.failures import summary
from infrastructure.postgres.leadership import Leadership

LOG = structlog.get_logger()

NAME = "deadlines"
"""The name of the leadership."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineLimits:
    """`batch` commands are decided together, `most` are read at once, and a sweep takes at most `sweep_s`.

    A process looks every `interval_s` for what has fallen due, and a leader confirms itself as often. Where a turn has
    more deadlines than its `share`, the others come first. A failure waits `retry_s`, twice as long each time up to
    `max_retry_s`. `catch_up_s` bounds the wait for the read model after a sweep.
    """

    batch: int = 250
    most: int = 2_000
    share: int = 50
    sweep_s: float = 10.0
    interval_s: float = 0.5
    retry_s: float = 1.0
    max_retry_s: float = 30.0
    catch_up_s: float = 5.0


LIMITS = DeadlineLimits()


class DeadlineLeader:
    """Runs over a session of its own at `url`, as the role of the writer, until `stop` is called.

    `engine` reads the rows, `position` how far they are. `now` is the platform's clock; `database_now` is given the
    instant of the database, and returns what its clock says.
    """

    def __init__(
        self,
        url: str,
        engine: AsyncEngine,
        position: Callable[[], Awaitable[int]],
        executor: Executor,
        now: Callable[[], datetime],
        *,
        clock: TrustedClock | None = None,
        limits: DeadlineLimits = LIMITS,
        process: str = "",
        database_now: Callable[[datetime], datetime] = lambda at: at,
    ) -> None:
        self._url = url
        self._engine = engine
        self._position = position
        self._executor = executor
        self._now = now
        self._limits = limits
        self._process = process
        self._database_now = database_now
        self._stop = asyncio.Event()
        self.clock = clock or TrustedClock()

    def stop(self) -> None:
        """Ask it to end: it finishes the commands that it has sent."""
        self._stop.set()

    async def run(self) -> None:
        """Run until stopped; connect again where the connection is lost."""
        failures = 0
        while not self._stop.is_set():
            began_s = time.monotonic()
            # It never ends by itself: nothing would fall due.
            (error,) = await asyncio.gather(self._follow(), return_exceptions=True)
            if isinstance(error, Exception):
                lasted = time.monotonic() - began_s > self._limits.max_retry_s
                failures = 1 if lasted else failures + 1
                wait_s = min(self._limits.max_retry_s, self._limits.retry_s * 2.0 ** min(failures - 1, 30))
                LOG.warning("deadlines_interrupted", error=summary(error), again_after_s=wait_s)
                await self._rest(wait_s)

    async def _follow(self) -> None:
        connection = await asyncio.to_thread(connect_to_lead, self._url)
        try:
            leadership = Leadership(connection, process=self._process)
            while not self._stop.is_set():
                at = await self._read_clock(connection)
                if await asyncio.to_thread(self._leads, leadership) and await self._is_due(at):
                    await self._sweep(connection, leadership, at)
                await self._rest(self._limits.interval_s)
        finally:
            await asyncio.to_thread(connection.close)

    def _leads(self, leadership: Leadership) -> bool:
        """Lead, go on leading, or give the lead up, by the clock that was read last; return whether it leads."""
        led = NAME in leadership.names
        if self.clock.status.apart:
            leadership.release(NAME)
            if led:
                LOG.error("deadlines_given_up", platform_ahead_s=round(self.clock.status.ahead_s, 3))
            return False
        if not leadership.acquire(NAME):
            return False
        if not led:
            LOG.info("deadlines_led")
        leadership.confirm()
        return True

    async def _read_clock(self, connection: psycopg.Connection) -> datetime:
        return await asyncio.to_thread(self._read_clocks, connection)

    def _read_clocks(self, connection: psycopg.Connection) -> datetime:
        before = self._now()
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        database_at = self._database_now(row[0].astimezone(UTC))
        # The database read its clock at some time between the two: a slow answer is no difference.
        reading = ClockReading(
            platform_at=min(max(before, database_at), self._now()),
            database_at=database_at,
            monotonic_s=time.monotonic(),
        )
        return self.clock.read(reading)

    async def _is_due(self, at: datetime) -> bool:
        first = await next_due_at(self._engine)
        return first is not None and first <= at

    # --- Sweeps -----------------------------------------------------------------------------------------------------

    async def _sweep(self, connection: psycopg.Connection, leadership: Leadership, at: datetime) -> None:
        """Carry out what is due, in turns; then wait until the rows show it."""
        ends_s = time.monotonic() + self._limits.sweep_s
        places: dict[Turn, DueDeadline] = {}
        position = number = 0
        share = self._limits.share
        while not self._stop.is_set() and time.monotonic() < ends_s:
            due = await read_due(self._engine, at, places, share=share, most=self._limits.most)
            if not due:
                break
            turns = {(it.kind, it.organisation_id) for it in due}
            share = max(self._limits.share, 2 * self._limits.most // len(turns))
            ready = self._executor.ready(due)
            for first in range(0, len(ready), self._limits.batch):
                at = await self._read_clock(connection)
                if not await asyncio.to_thread(self._leads, leadership):
                    return
                batch = [it for it in ready[first : first + self._limits.batch] if it.due_at <= at]
                position = max(position, await self._executor.carry_out(batch, at) if batch else 0)
                number += len(batch)
                if self._stop.is_set():
                    return
            places |= {(it.kind, it.organisation_id): it for it in due}
        if number:
            await self._wait_for(position)

    async def _wait_for(self, position: int) -> None:
        """Wait until the rows are as far as a position, or for `catch_up_s`."""
        ends_s = time.monotonic() + self._limits.catch_up_s
        while not self._stop.is_set() and time.monotonic() < ends_s:
            if await self._position() >= position:
                return
            await self._rest(self._limits.interval_s / 10)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
