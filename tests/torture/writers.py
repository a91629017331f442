"""A writer: one process with many lanes, each sending one wish after the other, and saying what it was answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

import structlog

from application.ports import Append, Conflict, Outcome, Receipt, StreamEvents
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError
from tests.torture.broken import BrokenLog
from tests.torture.events import CODEC, append, size, stream_of, version_before
from tests.torture.notes import Kind, Said, Word

TOGETHER = 3
"""How many wishes a lane without keys sends in one call at most."""

SHARED_FOR_S = 2
"""How long a shared stream is raced for before all move to the next one."""

UNWRITABLE_EVERY = 97
"""How often a wish that no database can hold is sent along with the others."""

PAUSE_S = 0.02
MAX_TRIES = 10_000


class Log(Protocol):
    """What a writer needs of a log."""

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]: ...
    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a lane begins, or goes on after its writer was killed."""

    lane: int
    kind: Kind
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a writer is to do until it is told to stop. `broken` takes the log that must be caught."""

    url: str
    seed: int
    starts: Sequence[Start]
    broken: bool = False


def write(work: Work, notes: Connection) -> None:
    """Write until SIGTERM; then let every lane finish its wish and close the log."""
    # A lost connection is what we are here for: that the log tells of it is no news.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_write(work, notes.fileno()))


async def _write(work: Work, pipe: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    # One who was told to stop ends together with the one who told.
    log: Any = BrokenLog(work.url) if work.broken else PostgresLog(work.url, CODEC, b"torture")
    async with log:
        writer = _Writer(log, work.seed, pipe, stop)
        async with asyncio.TaskGroup() as lanes:
            for start in work.starts:
                lanes.create_task(writer.keyed(start) if start.kind is Kind.KEYED else writer.unkeyed(start))


@dataclass(frozen=True, slots=True)
class _Writer:
    log: Log
    seed: int
    pipe: int
    stop: asyncio.Event

    async def keyed(self, start: Start) -> None:
        serial, stream = start.serial, stream_of(start.lane, start.serial)
        version = version_before(self.seed, start.lane, serial)
        while not self.stop.is_set():
            if stream != stream_of(start.lane, serial):
                stream, version = stream_of(start.lane, serial), 0
            wish = append(self.seed, start.lane, serial, stream, version, keyed=True)
            self._say(start.lane, serial, Said.SENT)
            try:
                (outcome,) = await self.log.append([wish])
            except LogUnavailableError:
                self._say(start.lane, serial, Said.UNKNOWN)
                await asyncio.sleep(PAUSE_S)
                continue
            except LogBusyError:
                await asyncio.sleep(PAUSE_S)
                continue
            # Nobody else writes to this stream: whatever is refused here is a wound of the log.
            assert isinstance(outcome, Receipt), (start.lane, serial, outcome)
            assert outcome.version == version + len(wish.events), (start.lane, serial, version, outcome)
            self._say(start.lane, serial, outcome.position)
            serial, version = serial + 1, outcome.version

    async def unkeyed(self, start: Start) -> None:
        serial = start.serial
        stream, version = "", 0
        while not self.stop.is_set():
            wanted = _shared_stream() if start.kind is Kind.SHARED else stream_of(start.lane, serial)
            if wanted != stream or version < 0:
                stream, version = wanted, await self._version(wanted)
            if serial % UNWRITABLE_EVERY == 0:
                await self._unwritable(start.lane)
            wishes = self._together(start.lane, serial, stream, version)
            for offset in range(len(wishes)):
                self._say(start.lane, serial + offset, Said.SENT)
            version = await self._append(start.lane, serial, wishes)
            serial += len(wishes)

    async def _append(self, lane: int, serial: int, wishes: Sequence[Append]) -> int:
        """Append and say what came of it; return the version of the stream, -1 where it has to be read again."""
        try:
            outcomes = await self.log.append(wishes)
        except LogUnavailableError:
            for offset in range(len(wishes)):
                self._say(lane, serial + offset, Said.UNKNOWN)
            await asyncio.sleep(PAUSE_S)
            return -1
        except LogBusyError:
            for offset in range(len(wishes)):
                self._say(lane, serial + offset, Said.REFUSED)
            await asyncio.sleep(PAUSE_S)
            return -1
        version = -1
        for offset, outcome in enumerate(outcomes):
            if isinstance(outcome, Receipt):
                version = outcome.version
                self._say(lane, serial + offset, outcome.position)
            else:
                assert isinstance(outcome, Conflict), outcome
                version = -1
                self._say(lane, serial + offset, Said.REFUSED)
        return version

    def _together(self, lane: int, serial: int, stream: str, version: int) -> Sequence[Append]:
        wishes = []
        for number in range(serial, serial + serial % TOGETHER + 1):
            wishes.append(append(self.seed, lane, number, stream, version))
            version += size(self.seed, lane, number)
        return wishes

    async def _unwritable(self, lane: int) -> None:
        """Send what raises in the middle of writing, together with whoever else is in line."""
        wish = append(self.seed, lane, 1, "torture-\0", 0)
        (raised,) = await asyncio.gather(self.log.append([wish]), return_exceptions=True)
        assert isinstance(raised, Exception), "a name that PostgreSQL cannot hold was written"

    async def _version(self, stream: str) -> int:
        for _ in range(MAX_TRIES):
            with contextlib.suppress(LogUnavailableError, LogBusyError):
                return (await self.log.read([stream]))[stream].version
            await asyncio.sleep(PAUSE_S)
        raise AssertionError(f"{stream} could not be read for {MAX_TRIES} times")

    def _say(self, lane: int, serial: int, word: int) -> None:
        Word(lane, serial, size(self.seed, lane, serial), word).tell(self.pipe)


def _shared_stream() -> str:
    return f"torture-shared.{int(time.time()) // SHARED_FOR_S}"
