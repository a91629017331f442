"""Runs an import: reads what was imported before, checks that it is the same history, and writes the rest."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from application.gc_tuning import rare_collections
from infrastructure.import_history.lines import Chunk, Lines
from infrastructure.import_history.record import PASSING, Import
from infrastructure.system_events import ChunkImported

LOG = structlog.get_logger()
MAX_TRIES = 12
"""How often a chunk is tried while the log cannot be reached or others change its streams: for a minute at least."""

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 10.0


class OtherHistoryError(RuntimeError):
    """Other lines were imported under this name: the history was changed, or it is another one."""

    def __init__(self, first_line: int, last_line: int) -> None:
        super().__init__(f"lines {first_line} to {last_line} differ")
        self.first_line = first_line
        self.last_line = last_line


class ImportStoppedError(RuntimeError):
    """The log could not be reached, or others changed the streams of a chunk again and again. A new run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a history so far, in all runs. `skipped_lines` are those that earlier runs had imported.

    `bytes_done` is how far into the history that is, `seconds` how long this run took.
    """

    import_id: str
    lines: int = 0
    events: int = 0
    refused: int = 0
    skipped_lines: int = 0
    bytes_done: int = 0
    seconds: float = 0.0


Watch = Callable[[ChunkImported, ImportReport], None]
"""Called with each chunk once it is durable, those of earlier runs first, and with the sums up to it."""

L = TypeVar("L")
T = TypeVar("T")


class Writer(Protocol[L]):
    """Understands chunks, several lines at a time, and writes them."""

    @property
    def in_flight(self) -> int: ...

    async def prepare(self, chunk: Chunk) -> Sequence[L]: ...

    async def write(self, chunk: Chunk, lines: Sequence[L], version: int, *, again: bool) -> ChunkImported | None: ...


class Run(Generic[L]):
    """One run of an import, from the first line of its history to the last."""

    def __init__(
        self, history: Import, lines: Lines, writer: Writer[L], watch: Watch, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._import = history
        self._lines = lines
        self._writer = writer
        self._watch = watch
        self._first_pause_s = first_pause_s
        self._version = 0
        self._in_flight: deque[tuple[Chunk, Sequence[L], asyncio.Task[ChunkImported | None]]] = deque()
        self._report = ImportReport(import_id=history.import_id)

    async def run(self) -> ImportReport:
        started = time.monotonic()
        for record in await self._patiently(self._import.chunks, "the log cannot be reached"):
            self._note(record, self._lines.next(until_line=record.last_line))
        self._report = replace(self._report, skipped_lines=self._report.lines)
        try:
            with rare_collections():
                await self._write_rest()
        finally:
            for *_, task in self._in_flight:
                task.cancel()
            await asyncio.gather(*(task for *_, task in self._in_flight), return_exceptions=True)
        return replace(self._report, seconds=time.monotonic() - started)

    async def _write_rest(self) -> None:
        while (chunk := self._lines.next()) is not None:
            lines = await self._writer.prepare(chunk)
            while len(self._in_flight) >= self._writer.in_flight:
                await self._finish_oldest()
            version = self._version + len(self._in_flight)
            task = asyncio.create_task(self._writer.write(chunk, lines, version, again=False))
            self._in_flight.append((chunk, lines, task))
            await asyncio.sleep(0)  # so that its appends wait before the next chunk is read
        while self._in_flight:
            await self._finish_oldest()

    async def _finish_oldest(self) -> None:
        """Wait for the oldest chunk under way; where nothing of it was written, write it and those after it again."""
        chunk, _, task = self._in_flight[0]
        try:
            record = await task
        except PASSING:
            LOG.warning("import_interrupted", lines=self._report.lines)
            record = None
        if record is not None:
            self._in_flight.popleft()
            self._note(record, chunk)
            return
        await asyncio.wait([task for *_, task in self._in_flight])
        while self._in_flight:
            chunk, lines, task = self._in_flight[0]
            if (error := task.exception()) is not None and not isinstance(error, PASSING):
                raise error
            write = partial(self._written, chunk, lines)
            self._note(await self._patiently(write, "a chunk could not be written"), chunk)
            self._in_flight.popleft()

    async def _written(self, chunk: Chunk, lines: Sequence[L]) -> ChunkImported | None:
        """Write a chunk of which it is not known whether it was written; return None if it has to be tried again."""
        recorded = await self._import.chunks()
        if len(recorded) > self._version:
            return recorded[self._version]
        return await self._writer.write(chunk, lines, self._version, again=True)

    async def _patiently(self, attempt: Callable[[], Awaitable[T | None]], failure: str) -> T:
        """Try until there is a result; raise ImportStoppedError if there is none for too long."""
        pause_s = self._first_pause_s
        for _ in range(MAX_TRIES):
            try:
                if (result := await attempt()) is not None:
                    return result
            except PASSING:
                LOG.warning("import_waits", pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
        raise ImportStoppedError(failure)

    def _note(self, record: ChunkImported, chunk: Chunk | None) -> None:
        """Add a chunk that the log holds to the report; refuse a history that has other lines there."""
        if chunk is None or (chunk.last_line, chunk.sha256) != (record.last_line, record.sha256):
            raise OtherHistoryError(record.first_line, record.last_line)
        self._version += 1
        report = self._report
        self._report = replace(
            report,
            lines=record.last_line,
            events=report.events + record.events,
            refused=report.refused + len(record.refused),
            bytes_done=chunk.bytes_done,
        )
        self._watch(record, self._report)
