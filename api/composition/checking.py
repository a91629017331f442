"""The health checks of a process, each with what measures it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import psycopg

from api.composition.falling_due import PlatformDeadlines
from api.health_checks.database_checks import (
    CLOCKS,
    DATABASE,
    KEK,
    KEYS,
    LOG_END,
    MAX_HEALTHY_APPEND_S,
    SHREDDING,
    STANDBYS,
    WRITING,
    Clocks,
    EndOfLog,
    Standbys,
    WritingState,
)
from api.health_checks.deadline_checks import DEADLINES
from api.health_checks.reactor_checks import REACTORS
from api.health_checks.read_model_checks import READ_MODELS
from api.health_checks.running import HealthChecks
from api.web.cached_reading import CachedReading
from application.reactor_status import ReactorProgress
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.log_condition import WrittenLog, age_behind, read_log, written_log
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.kek_check import check_current_kek
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.providers import make_provider
from infrastructure.keys.shredding import rights_missing
from infrastructure.postgres.kept_connection import KeptConnection
from infrastructure.reactors.status import reactors_progress
from infrastructure.read_models.reading import ReadModels, again_if_lost
from infrastructure.settings import Settings


class PlatformChecks:
    """All health checks, with connections of their own. Close it when done; it belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        *,
        log: PostgresLog,
        reads: ReadModels,
        keys: Keyring,
        deadlines: PlatformDeadlines,
    ) -> None:
        self._settings = settings
        self._log = log
        self._now = deadlines.now
        self.of_reactors: Callable[[], Awaitable[Sequence[ReactorProgress]]] = partial(
            again_if_lost, partial(reactors_progress, reads.engine)
        )
        self._reader = KeptConnection(addresses.reader)
        self._writer = KeptConnection(addresses.writer)
        self._keys = KeptConnection(addresses.keys)
        # Several checks judge one measurement.
        self._written = CachedReading(self._read_written, 0.0)

        async def reachable() -> bool:
            return keys.reachable

        self.all = HealthChecks(
            [
                DATABASE.measured_by(self._answers),
                WRITING.measured_by(self._writing),
                LOG_END.measured_by(self._end_of_log),
                READ_MODELS.measured_by(reads.progress),
                REACTORS.measured_by(self.of_reactors),
                DEADLINES.measured_by(deadlines.status),
                KEYS.measured_by(reachable),
                SHREDDING.measured_by(self._may_shred),
                KEK.measured_by(self._kek),
                CLOCKS.measured_by(self._clocks),
                STANDBYS.measured_by(self._standbys),
            ]
        )

    async def aclose(self) -> None:
        await self.all.aclose()
        async with AsyncExitStack() as stack:
            for connection in (self._reader, self._writer, self._keys):
                stack.push_async_callback(connection.aclose)

    async def _answers(self) -> None:
        async def answer(connection: psycopg.AsyncConnection) -> None:
            await connection.execute("SELECT 1")

        await self._reader.read(answer)

    async def _may_shred(self) -> bool:
        try:
            return not await self._keys.read(rights_missing)
        except psycopg.OperationalError:
            # The check of the keys finds that their database does not answer.
            return True

    async def _read_written(self) -> tuple[WrittenLog, float]:
        """Return the log where it is written, and how far its clock is ahead of ours, in seconds."""

        async def read(connection: psycopg.AsyncConnection) -> tuple[WrittenLog, float]:
            began, before = time.monotonic(), self._now()
            found = await written_log(connection)
            # The database looked at its clock at some time between the two: the difference is not exaggerated.
            ahead_s, took_s = found.clock - before.timestamp(), time.monotonic() - began
            return found, ahead_s if ahead_s < 0 else max(ahead_s - took_s, 0.0)

        return await self._writer.read(read)

    async def _writing(self) -> WritingState:
        # What this process waits for shows also where the database does not answer at all.
        own_s = self._log.append_waits_s()
        if own_s > MAX_HEALTHY_APPEND_S:
            return WritingState(read_only=False, waits_s=own_s, last_commit_s=None)
        found, _ = await self._written.recent()
        return WritingState(
            read_only=found.read_only, waits_s=max(own_s, found.waits_s), last_commit_s=found.last_commit_s
        )

    async def _end_of_log(self) -> EndOfLog:
        found, _ = await self._written.recent()
        return EndOfLog(head=found.head, newest=found.newest)

    async def _clocks(self) -> Clocks:
        found, ahead_s = await self._written.recent()
        return Clocks(database_ahead_s=ahead_s, recorded_ahead_s=max(-(found.last_commit_s or 0.0), 0.0))

    async def _standbys(self) -> Standbys:
        read, (written, _) = await self._reader.read(read_log), await self._written.recent()
        age_s = 0.0
        if read.is_standby and read.head < written.head:
            age_s = await self._writer.read(lambda connection: age_behind(connection, read.head))
        return Standbys(reads_standby=read.is_standby, receives=read.receives, age_s=age_s, cut_off=written.cut_off)

    async def _kek(self) -> str:
        provider = make_provider(self._settings)
        return await self._keys.read(lambda connection: check_current_kek(connection, provider))
