"""Callers in line before a database connection: whoever waits when it is free is served together."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from infrastructure.postgres.arrays import teach

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

SHARED_FROM = 96
"""From so many callers on, counting those being served, all desks are open and share them: the batch of one is made
ready and sent while that of the other is being written. With fewer, one commit for all of them is faster."""

WORTH_OPENING = 4
"""For fewer callers no second desk opens."""

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


Serve = Callable[[AsyncConnection, Sequence[A], bool], Awaitable[Sequence[R]]]
"""Answers all who are served together, in order, over a connection.

The last argument says that the same was asked before over a connection that was lost, so that it may have been done
already. It is asked so until that is known.
"""


class Line(Generic[A, R]):
    """Callers in line before one or more desks, each with a connection of its own.

    The first desk is always open, the others only while it pays.
    """

    def __init__(self, connector: Connector, serves: Sequence[Serve[A, R]], reach_timeout_s: float) -> None:
        self._small: deque[Job[A, R]] = deque()
        self._large: deque[Job[A, R]] = deque()
        self._large_is_next = False
        self._waiting_bytes = 0
        self._being_served = 0
        self._bytes_per_s = float(MAX_BATCH_BYTES)
        self._closed = False
        self._desks = [
            Desk(self, number, replace(connector), serve, reach_timeout_s) for number, serve in enumerate(serves)
        ]
        self._workers: list[asyncio.Task[None]] = []
        self._idle: list[Desk[A, R]] = []

    def start(self) -> None:
        self._workers = [asyncio.create_task(desk.work()) for desk in self._desks]

    async def close(self) -> None:
        """Serve everyone who is in line, then stop."""
        self.refuse_more()
        await asyncio.gather(*self._workers)
        for desk in self._desks:
            await desk.connector.disconnect()

    def refuse_more(self) -> None:
        self._closed = True
        for desk in self._desks:
            desk.called.set()
        self._idle.clear()

    def ask(self, ask: A, size: int = 1) -> asyncio.Future[R]:
        """Stand in line; return the answer to come. `size` is how much the caller brings, in bytes, roughly."""
        if self._closed:
            raise LogUnavailableError("the log is closed")
        waiting = len(self._small) + len(self._large)
        if waiting >= MAX_WAITING or (waiting and self._waiting_bytes + size > MAX_WAITING_BYTES):
            raise LogBusyError(self._retry_after_s())
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        (self._small if size <= SMALL_BYTES else self._large).append(Job(ask, answer, size))
        self._waiting_bytes += size
        if self._idle:
            self._call_desks()
        return answer

    def _call_desks(self) -> None:
        for desk in [desk for desk in self._idle if self._is_open(desk.number)]:
            self._idle.remove(desk)
            desk.called.set()

    def _retry_after_s(self) -> int:
        return max(1, min(MAX_RETRY_AFTER_S, math.ceil(self._waiting_bytes / self._bytes_per_s)))

    def _is_open(self, desk_number: int) -> bool:
        if desk_number == 0 or self._large:
            return True
        waiting = len(self._small)
        # As many wait as are being served: what is sent for them now is there when those are done.
        return waiting >= max(WORTH_OPENING, self._being_served) or waiting + self._being_served >= SHARED_FROM

    def take(self, desk_number: int) -> Sequence[Job[A, R]] | None:
        """Return those whom a desk serves together next; nobody if there are none for it, None at the end."""
        waiting = len(self._small) + len(self._large)
        if not waiting or not self._is_open(desk_number):
            return None if self._closed else ()
        everybody = waiting + self._being_served
        most = math.ceil(everybody / len(self._desks)) if everybody >= SHARED_FROM else everybody
        line = self._large if self._large and (self._large_is_next or not self._small) else self._small
        self._large_is_next = line is self._small
        batch = [line.popleft()]
        size = batch[0].size
        while line and len(batch) < most and size + line[0].size <= MAX_BATCH_BYTES:
            size += line[0].size
            batch.append(line.popleft())
        self._waiting_bytes -= size
        self._being_served += len(batch)
        return batch

    async def call_of(self, desk: Desk[A, R]) -> None:
        """Wait until there is somebody for a desk."""
        desk.called.clear()
        self._idle.append(desk)
        await desk.called.wait()

    def served(self, batch: Sequence[Job[A, R]], took_s: float) -> None:
        """Take note of who was served and how fast: callers who find the line full are told when to come back."""
        self._being_served -= len(batch)
        rate = sum([job.size for job in batch]) / max(took_s, 0.001)
        self._bytes_per_s += (rate - self._bytes_per_s) / 8


class Desk(Generic[A, R]):
    """Serves those in line, one batch after the other."""

    def __init__(
        self,
        line: Line[A, R],
        number: int,
        connector: Connector,
        serve: Serve[A, R],
        reach_timeout_s: float,
    ) -> None:
        self._line = line
        self.number = number
        self._serve = serve
        self._reach_timeout_s = reach_timeout_s
        self.connector = connector
        self.called = asyncio.Event()

    async def work(self) -> None:
        while (batch := self._line.take(self.number)) is not None:
            if batch:
                started = time.monotonic()
                await self._answer(batch)
                self._line.served(batch, time.monotonic() - started)
            else:
                await self._line.call_of(self)

    async def _answer(self, batch: Sequence[Job[A, R]]) -> None:
        try:
            answers = await self._reach([job.ask for job in batch])
        except LogUnavailableError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered to whoever asked for it
            # A value that cannot be written, an event that cannot be read: the transaction was rolled back. It was one
            # caller's doing, so only that one is to fall, and the line goes on for the others.
            await self._answer_each(batch, error)
        except BaseException as error:
            self._line.refuse_more()
            _fail(batch, error)
            raise
        else:
            for job, answer in zip(batch, answers, strict=True):
                if not job.answer.done():
                    job.answer.set_result(answer)

    async def _answer_each(self, batch: Sequence[Job[A, R]], error: Exception) -> None:
        if len(batch) > 1:
            for job in batch:
                await self._answer([job])
        elif isinstance(error, psycopg.OperationalError | psycopg.InternalError):
            LOG.warning("log_cannot", sqlstate=error.sqlstate)
            _fail(batch, LogUnavailableError(f"the database cannot do this now: {error.diag.message_primary or error}"))
        else:
            _fail(batch, error)

    async def _reach(self, asks: Sequence[A]) -> Sequence[R]:
        """Serve, over a new connection where one is lost, for as long as is bearable."""
        deadline = time.monotonic() + self._reach_timeout_s
        again = False
        while True:
            connection = None
            try:
                connection = await self.connector.connected()
                return await self._serve(connection, asks, again)
            except Exception as error:
                if not (_unreachable(error) if connection is None else _ended(connection, error)):
                    raise  # the database answered that it could not, or we could not ask: nothing was written
                LOG.warning("log_connection_lost", jobs=len(asks), error=str(getattr(error, "sqlstate", error)))
                again = again or connection is not None
                await self.connector.disconnect()
                if time.monotonic() > deadline:
                    raise LogUnavailableError("the database does not answer") from error
                await asyncio.sleep(PAUSE_S)


@dataclass(slots=True)
class Connector:
    """One connection at a time, made anew where it was lost."""

    url: str
    first: Sequence[str]
    """Statements that each new connection begins with."""

    prepare_threshold: int | None = 1
    """None where a statement is prepared by ourselves: the driver forgets all that are after a rollback."""

    connection: AsyncConnection | None = None

    async def connected(self) -> AsyncConnection:
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
                for statement in self.first:
                    await connection.execute(statement)
            except BaseException:
                await connection.close()
                raise
            self.connection = connection
        return self.connection

    async def disconnect(self) -> None:
        if self.connection is not None:
            await self.connection.close()
            self.connection = None


def _unreachable(error: Exception) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _ended(connection: AsyncConnection, error: Exception) -> bool:
    # Whatever the error is, without a connection nobody knows what became of what was asked. Of a session that is being
    # ended, the error comes before the end of the connection.
    return connection.closed or (isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized in ENDING)


def _fail(batch: Sequence[Job[Any, Any]], error: BaseException) -> None:
    for job in batch:
        if not job.answer.done():
            job.answer.set_exception(error)
