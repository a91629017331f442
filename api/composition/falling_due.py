"""The leader of deadlines in this process, and what operators learn of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import text

from api.web.platform import Platform
from application.clock_status import DeadlineStatus
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.carrying_out import Executor
from infrastructure.deadlines.due import late_deadlines
from infrastructure.deadlines.leading import NAME, DeadlineLeader
from infrastructure.reactors.reaction_calls import PLATFORM
from infrastructure.read_models.reading import ReadModels
from projections.deadlines.pending import DEADLINES, READ_MODEL

LATE_AFTER = timedelta(seconds=30)
"""A deadline that is pending for longer than this is late."""

MAX_COUNTED = 10_000
"""Late deadlines are counted up to this number."""

LED = text("SELECT EXISTS (SELECT FROM leadership.leading WHERE name = :name)")


class PlatformDeadlines:
    """The leader of deadlines in this process, by the clock of the machine, and their status."""

    def __init__(
        self, addresses: Addresses, reads: ReadModels, platform: Platform, now: Callable[[], datetime]
    ) -> None:
        self._reads = reads
        self.now = now
        executor = Executor(
            store=platform.log, rules=platform.rules, deadlines=DEADLINES, by=PLATFORM, monotonic=monotonic
        )
        self.leader = DeadlineLeader(addresses.writer, reads.engine, self._position, executor, now)

    async def status(self) -> DeadlineStatus:
        """Return the late deadlines of all, whether any process leads, and the clock of this one."""
        now = self.now()
        found = await late_deadlines(self._reads.engine, now - LATE_AFTER, most=MAX_COUNTED)
        async with self._reads.engine.connect() as connection:
            led = (await connection.execute(LED, {"name": NAME})).scalar_one()
        oldest_s = 0.0 if found.oldest_due_at is None else (now - found.oldest_due_at).total_seconds()
        return DeadlineStatus(late=found.late, oldest_s=oldest_s, led=led, clock=self.leader.clock.status)

    async def _position(self) -> int:
        return (await self._reads.places())[READ_MODEL.table.name].position
