"""Callers in line before one database connection: whoever waits when it is free is served together."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from infrastructure.arrays import teach
from infrastructure.event_log.statements import BY_INDEX_ONLY

LOG = structlog.get_logger()

MAX_WAITING = 4_096
"""How many callers wait at most; the next one is told to come back."""

MAX_WAITING_BYTES = 64 << 20
"""How much they wait with at most, all together; a lone caller may bring more."""

MAX_BATCH_BYTES = 1 << 20
"""How much is served together at most, unless one caller alone brings more."""

SMALL_BYTES = 64 << 10
"""Who brings more than this waits in a line of their own, and is served in turn with all the others."""

CONNECT_TIMEOUT_S = 5
REACH_TIMEOUT_S = 30
"""How long a lost database is tried again before those in line are told that it is gone."""

PAUSE_S = 0.05
MAX_RETRY_AFTER_S = 30
ENDING = frozenset({"FATAL", "PANIC"})

# A peer that vanished without a word is found out by the system, not waited for.
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

A = TypeVar("A")
R = TypeVar("R")
AsyncConnection = psycopg.AsyncConnection[Any]


class LogUnavailableError(RuntimeError):
    """The database does not answer. What became of an append is found out by asking again with the same key."""


class LogBusyError(RuntimeError):
    """Too many are in line already: nothing was written, come back after `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many are in line; come back after {retry_after_s} s")


@dataclass(slots=True)
class Job(Generic[A, R]):
    """What one caller waits for."""

    ask: A
    answer: asyncio.Future[R]
    size: int


@dataclass(slots=True)
class Line(Generic[A, R]):
    """Callers in line before one connection.

    `serve(connection, asks, again)` answers them all, in order. `again` says that the same asks were sent before on a
    connection that was lost, so that they may have been carried out already. It is called so until it is known.
    """

    url: str
    serve: Callable[[AsyncConnection, Sequence[A], bool], Awaitable[Sequence[R]]]
    reach_timeout_s: float = REACH_TIMEOUT_S
    prepare_threshold: int | None = 1
    small: deque[Job[A, R]] = field(default_factory=deque)
    large: deque[Job[A, R]] = field(default_factory=deque)
    waiting_bytes: int = 0
    bytes_per_s: float = float(MAX_BATCH_BYTES)
    somebody: asyncio.Event = field(default_factory=asyncio.Event)
    connection: AsyncConnection | None = None
    worker: asyncio.Task[None] | None = None
    closed: bool = False

    def start(self) -> None:
        self.worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Serve everyone who is in line, then stop."""
        self.closed = True
        self.somebody.set()
        if self.worker is not None:
            await self.worker
        await self._disconnect()

    async def ask(self, ask: A, size: int = 1) -> R:
        """Wait for the answer. `size` is how much the caller brings, in bytes, roughly."""
        if self.closed:
            raise LogUnavailableError("the log is closed")
        waiting = len(self.small) + len(self.large)
        if waiting >= MAX_WAITING or (waiting and self.waiting_bytes + size > MAX_WAITING_BYTES):
            raise LogBusyError(self._retry_after_s())
        job = Job[A, R](ask, asyncio.get_running_loop().create_future(), size)
        (self.small if size <= SMALL_BYTES else self.large).append(job)
        self.waiting_bytes += size
        self.somebody.set()
        return await job.answer

    def _retry_after_s(self) -> int:
        return max(1, min(MAX_RETRY_AFTER_S, math.ceil(self.waiting_bytes / self.bytes_per_s)))

    # --- The one who serves -----------------------------------------------------------------------------------------

    async def _work(self) -> None:
        large_is_next = False
        while True:
            if not self.small and not self.large:
                if self.closed:
                    return
                self.somebody.clear()
                await self.somebody.wait()
                continue
            line = self.large if self.large and (large_is_next or not self.small) else self.small
            large_is_next = line is self.small
            await self._serve(self._take(line))

    def _take(self, line: deque[Job[A, R]]) -> Sequence[Job[A, R]]:
        batch = [line.popleft()]
        size = batch[0].size
        while line and size + line[0].size <= MAX_BATCH_BYTES:
            size += line[0].size
            batch.append(line.popleft())
        self.waiting_bytes -= size
        return batch

    async def _serve(self, batch: Sequence[Job[A, R]]) -> None:
        started = time.monotonic()
        try:
            answers = await self._reach([job.ask for job in batch])
        except LogUnavailableError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered to whoever asked for it
            # A value that cannot be written, an event that cannot be read: the transaction was rolled back. It was one
            # caller's doing, so only that one is to fall, and the line goes on for the others.
            await self._serve_each(batch, error)
        except BaseException as error:
            self.closed = True
            _fail(batch, error)
            raise
        else:
            took_s = max(time.monotonic() - started, 0.001)
            self.bytes_per_s += (sum(job.size for job in batch) / took_s - self.bytes_per_s) / 8
            for job, answer in zip(batch, answers, strict=True):
                if not job.answer.done():
                    job.answer.set_result(answer)

    async def _serve_each(self, batch: Sequence[Job[A, R]], error: Exception) -> None:
        if len(batch) > 1:
            for job in batch:
                await self._serve([job])
        elif isinstance(error, psycopg.OperationalError):
            LOG.warning("log_cannot", sqlstate=error.sqlstate)
            _fail(batch, LogUnavailableError(f"the database cannot do this now: {error.diag.message_primary or error}"))
        else:
            _fail(batch, error)

    async def _reach(self, asks: Sequence[A]) -> Sequence[R]:
        """Serve, over a new connection where one is lost, for as long as is bearable."""
        deadline = time.monotonic() + self.reach_timeout_s
        again = False
        while True:
            try:
                return await self.serve(await self._connected(), asks, again)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                sent = self.connection is not None
                if sent and not self._lost(error):
                    raise  # the database answered that it could not: nothing was written
                LOG.warning("log_connection_lost", jobs=len(asks), sqlstate=error.sqlstate)
                again = again or sent
                await self._disconnect()
                if time.monotonic() > deadline:
                    raise LogUnavailableError("the database does not answer") from error
                await asyncio.sleep(PAUSE_S)

    # --- Its connection ---------------------------------------------------------------------------------------------

    def _lost(self, error: psycopg.Error) -> bool:
        # Of a session that is being ended, the error comes before the end of the connection.
        return self.connection is None or self.connection.closed or error.diag.severity_nonlocalized in ENDING

    async def _connected(self) -> AsyncConnection:
        if self.connection is None:
            connection = await psycopg.AsyncConnection.connect(
                self.url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_S,
                prepare_threshold=self.prepare_threshold,
                **KEEPALIVE,
            )
            try:
                teach(connection)
                await connection.execute(BY_INDEX_ONLY)
            except BaseException:
                await connection.close()
                raise
            self.connection = connection
        return self.connection

    async def _disconnect(self) -> None:
        if self.connection is not None:
            await self.connection.close()
            self.connection = None


def _fail(batch: Sequence[Job[Any, Any]], error: BaseException) -> None:
    for job in batch:
        if not job.answer.done():
            job.answer.set_exception(error)
