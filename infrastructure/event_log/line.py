"""Callers in line before one database connection: whoever waits when it is free is served together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import psycopg
import structlog

from infrastructure.arrays import teach
from infrastructure.event_log.statements import BY_INDEX_ONLY

LOG = structlog.get_logger()

MAX_WAITING = 4_096
CONNECT_TIMEOUT_S = 10

A = TypeVar("A")
R = TypeVar("R")
AsyncConnection = psycopg.AsyncConnection[Any]


class LogUnavailableError(RuntimeError):
    """The database did not answer; whether the append was written is settled by asking again with the same key."""


@dataclass(slots=True)
class Job(Generic[A, R]):
    """What one caller waits for."""

    ask: A
    answer: asyncio.Future[R]
    size: int = 1


@dataclass(slots=True)
class Line(Generic[A, R]):
    """Callers in line before one connection: whoever waits when it is free is served together."""

    url: str
    serve: Callable[[AsyncConnection, Sequence[A]], Awaitable[Sequence[R]]]
    max_size: int
    waiting: asyncio.Queue[Job[A, R] | None] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    connection: AsyncConnection | None = None
    worker: asyncio.Task[None] | None = None
    closed: bool = False

    def start(self) -> None:
        self.worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Serve everyone who is in line, then stop."""
        self.closed = True
        await self.waiting.put(None)
        if self.worker is not None:
            await self.worker
        await self._disconnect()

    async def ask(self, ask: A, size: int = 1) -> R:
        if self.closed:
            raise LogUnavailableError("the log is closed")
        job = Job[A, R](ask, asyncio.get_running_loop().create_future(), size)
        await self.waiting.put(job)
        return await job.answer

    async def _work(self) -> None:
        held_back: Job[A, R] | None = None
        while (job := held_back or await self.waiting.get()) is not None:
            batch, size, held_back, last = [job], job.size, None, False
            while not self.waiting.empty():
                following = self.waiting.get_nowait()
                if following is None:
                    last = True
                    break
                if size + following.size > self.max_size:
                    held_back = following
                    break
                batch.append(following)
                size += following.size
            await self._serve(batch)
            if last:
                return

    async def _serve(self, batch: Sequence[Job[A, R]]) -> None:
        try:
            answers = await self.serve(await self._connected(), [job.ask for job in batch])
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            LOG.warning("log_connection_lost", jobs=len(batch), sqlstate=error.sqlstate)
            await self._disconnect()
            _fail(batch, LogUnavailableError("the database did not answer"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered to whoever asked for it
            # A value that cannot be written, an event that cannot be read: the transaction was rolled back. It was one
            # caller's doing, so only that one is to fall, and the line goes on for the others.
            await self._serve_each(batch, error)
        except BaseException as error:
            self.closed = True
            _fail(batch, error)
            raise
        else:
            for job, answer in zip(batch, answers, strict=True):
                if not job.answer.done():
                    job.answer.set_result(answer)

    async def _serve_each(self, batch: Sequence[Job[A, R]], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch, error)
        else:
            for job in batch:
                await self._serve([job])

    async def _connected(self) -> AsyncConnection:
        if self.connection is None or self.connection.closed:
            self.connection = await psycopg.AsyncConnection.connect(
                self.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, prepare_threshold=1
            )
            teach(self.connection)
            await self.connection.execute(BY_INDEX_ONLY)
        return self.connection

    async def _disconnect(self) -> None:
        if self.connection is not None:
            await self.connection.close()


def _fail(batch: Sequence[Job[A, R]], error: BaseException) -> None:
    for job in batch:
        if not job.answer.done():
            job.answer.set_exception(error)
