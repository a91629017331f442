"""Group calls: the calls that wait while a connection is busy share its next batch, one transaction for all of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import psycopg
import structlog

from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

LOG = structlog.get_logger()

MAX_PENDING_CALLS = 4_096
"""How many calls wait at most; further ones are refused with LogBusyError."""

MAX_PENDING_BYTES = 64 << 20
"""How much the waiting calls hold together at most; one call alone may hold more."""

MAX_BATCH_BYTES = 1 << 20
"""How much the calls of one batch hold together at most, unless the batch is one call."""

MAX_SMALL_CALL_BYTES = 64 << 10
"""Larger calls wait in a queue of their own. While both queues have calls, batches are taken from them in turn."""

RECONNECT_TIMEOUT_S = 30
"""How long to reconnect before the pending calls fail with LogUnavailableError."""

RECONNECT_INTERVAL_S = 0.05

MIN_CALLS_FOR_ALL = 96
"""From this many calls on, waiting or in a batch, every worker takes its share of them: one worker encodes and sends a
batch while the database writes another one's. With fewer calls, one commit for all of them is faster."""

MIN_CALLS_FOR_SECOND = 4
"""A second worker takes a batch only if at least this many calls wait."""

MAX_RETRY_AFTER_S = 30
_SESSION_ENDS = frozenset({"FATAL", "PANIC"})

A = TypeVar("A")
R = TypeVar("R")

ObserveBatch: TypeAlias = Callable[[int, float, float], None]
"""Called for each executed batch: how many calls, for how long the first waited, and how long it took, in seconds."""

Connect: TypeAlias = Callable[[], Awaitable[psycopg.AsyncConnection]]

ExecuteBatch = Callable[[psycopg.AsyncConnection, Sequence[A], bool], Awaitable[Sequence[R]]]
"""Executes the calls of a batch over a connection and returns their results, in order.

The last argument is true where the connection was lost while the same batch was executed: its effects may be in the
database already.
"""


@dataclass(slots=True)
class PendingCall(Generic[A, R]):
    """A call with the future of its result; `size` is in bytes, roughly."""

    argument: A
    result: asyncio.Future[R]
    size: int
    queued_at: float


class GroupCallQueue(Generic[A, R]):
    """Calls that wait for one or more workers, each with a connection of its own.

    The first worker always takes what waits, the others only while that pays. Belongs to one event loop.
    """

    def __init__(
        self,
        connect: Connect,
        executors: Sequence[ExecuteBatch[A, R]],
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
        observe: ObserveBatch | None = None,
    ) -> None:
        self._observe = observe
        self._small: deque[PendingCall[A, R]] = deque()
        self._large: deque[PendingCall[A, R]] = deque()
        self._large_is_next = False
        self._pending_bytes = 0
        self._calls_in_batches = 0
        self._bytes_per_s = float(MAX_BATCH_BYTES)
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._workers = [
            BatchWorker(self, number, connect, execute, reconnect_timeout_s) for number, execute in enumerate(executors)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._idle: list[BatchWorker[A, R]] = []

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(worker.run()) for worker in self._workers]

    async def close(self) -> None:
        """Execute the calls that wait, then stop."""
        self.refuse_more()
        await asyncio.gather(*self._tasks)
        for worker in self._workers:
            await worker.disconnect()

    def refuse_more(self) -> None:
        self._closed = True
        for worker in self._workers:
            worker.woken.set()
        self._idle.clear()

    def call(self, argument: A, size: int = 1) -> asyncio.Future[R]:
        """Queue a call and return the future of its result. Raises LogBusyError where too many calls wait."""
        loop = self._loop
        if self._closed or loop is None:
            raise LogUnavailableError("the log is closed")
        pending = len(self._small) + len(self._large)
        if pending and (pending >= MAX_PENDING_CALLS or self._pending_bytes + size > MAX_PENDING_BYTES):
            raise LogBusyError(self._retry_after_s())
        result: asyncio.Future[R] = loop.create_future()
        (self._small if size <= MAX_SMALL_CALL_BYTES else self._large).append(
            PendingCall(argument, result, size, time.monotonic())
        )
        self._pending_bytes += size
        if self._idle:
            self._wake_workers()
        return result

    def _wake_workers(self) -> None:
        for worker in [worker for worker in self._idle if self._may_take(worker.number)]:
            self._idle.remove(worker)
            worker.woken.set()

    def _retry_after_s(self) -> int:
        return max(1, min(MAX_RETRY_AFTER_S, math.ceil(self._pending_bytes / self._bytes_per_s)))

    def _may_take(self, worker_number: int) -> bool:
        if worker_number == 0 or self._large:
            return True
        pending = len(self._small)
        # As many wait as are being executed: a batch that is sent now arrives when that one is done.
        return (
            pending >= max(MIN_CALLS_FOR_SECOND, self._calls_in_batches)
            or pending + self._calls_in_batches >= MIN_CALLS_FOR_ALL
        )

    def take(self, worker_number: int) -> Sequence[PendingCall[A, R]] | None:
        """Return the next batch of a worker; empty if there is none for it, None when the queue is closed and empty."""
        pending = len(self._small) + len(self._large)
        if not pending or not self._may_take(worker_number):
            return None if self._closed else ()
        all_calls = pending + self._calls_in_batches
        most = math.ceil(all_calls / len(self._workers)) if all_calls >= MIN_CALLS_FOR_ALL else all_calls
        queue = self._large if self._large and (self._large_is_next or not self._small) else self._small
        self._large_is_next = queue is self._small
        batch = [queue.popleft()]
        size = batch[0].size
        while queue and len(batch) < most and size + queue[0].size <= MAX_BATCH_BYTES:
            size += queue[0].size
            batch.append(queue.popleft())
        self._pending_bytes -= size
        self._calls_in_batches += len(batch)
        return batch

    async def wait_for_calls(self, worker: BatchWorker[A, R]) -> None:
        """Wait until there is a batch for a worker, or the queue is closed."""
        worker.woken.clear()
        self._idle.append(worker)
        await worker.woken.wait()

    def longest_wait_s(self) -> float:
        """Return for how long the oldest batch has been under way that is not answered yet, in seconds; 0 without."""
        begun = [worker.begun_at for worker in self._workers if worker.begun_at is not None]
        return time.monotonic() - min(begun) if begun else 0.0

    @property
    def pending_calls(self) -> int:
        """How many calls wait for a batch."""
        return len(self._small) + len(self._large)

    def note_executed(self, batch: Sequence[PendingCall[A, R]], started: float) -> None:
        """Count a batch as done; its rate says when refused callers should come back."""
        seconds = time.monotonic() - started
        self._calls_in_batches -= len(batch)
        if self._observe is not None:
            self._observe(len(batch), started - batch[0].queued_at, seconds)
        rate = sum([call.size for call in batch]) / max(seconds, 0.001)
        self._bytes_per_s += (rate - self._bytes_per_s) / 8


@dataclass(slots=True, eq=False)
class BatchWorker(Generic[A, R]):
    """Executes one batch after the other over its own connection."""

    queue: GroupCallQueue[A, R]
    number: int
    connect: Connect
    execute: ExecuteBatch[A, R]
    reconnect_timeout_s: float
    connection: psycopg.AsyncConnection | None = None
    begun_at: float | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        while (batch := self.queue.take(self.number)) is not None:
            if batch:
                started = self.begun_at = time.monotonic()
                await self._answer(batch)
                self.begun_at = None
                self.queue.note_executed(batch, started)
            else:
                await self.queue.wait_for_calls(self)

    async def _answer(self, batch: Sequence[PendingCall[A, R]]) -> None:
        try:
            results = await self._executed([call.argument for call in batch])
        except LogUnavailableError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - the caller gets every error
            # A value that cannot be written, an event that cannot be read: the transaction was rolled back. One call is
            # to blame, so each is executed by itself, and only that one fails.
            await self._answer_each(batch, error)
        except BaseException as error:
            self.queue.refuse_more()
            _fail(batch, error)
            raise
        else:
            for call, result in zip(batch, results, strict=True):
                if not call.result.done():
                    call.result.set_result(result)

    async def _answer_each(self, batch: Sequence[PendingCall[A, R]], error: Exception) -> None:
        if len(batch) > 1:
            for call in batch:
                await self._answer([call])
        elif isinstance(error, psycopg.OperationalError | psycopg.InternalError):
            LOG.warning("log_cannot", sqlstate=error.sqlstate)
            _fail(batch, LogUnavailableError(f"the database cannot do this now: {error.diag.message_primary or error}"))
        else:
            _fail(batch, error)

    async def _executed(self, arguments: Sequence[A]) -> Sequence[R]:
        """Execute a batch; where the connection is lost, again over a new one, until the timeout."""
        deadline = time.monotonic() + self.reconnect_timeout_s
        again = False
        while True:
            try:
                self.connection = self.connection or await self.connect()
                return await self.execute(self.connection, arguments, again)
            except Exception as error:
                if not (_unreachable(error) if self.connection is None else _ended(self.connection, error)):
                    raise  # the database refused, or the call could not be sent: nothing was written
                LOG.warning("log_connection_lost", jobs=len(arguments), error=str(getattr(error, "sqlstate", error)))
                again = again or self.connection is not None
                await self.disconnect()
                if time.monotonic() > deadline:
                    raise LogUnavailableError("the database does not answer") from error
                await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def disconnect(self) -> None:
        if self.connection is not None:
            await self.connection.close()
            self.connection = None


def _unreachable(error: Exception) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _ended(connection: psycopg.AsyncConnection, error: Exception) -> bool:
    # Without a connection nobody knows whether the batch took effect, whatever the error is. Where the server ends a
    # session, the error arrives before the end of the connection.
    return connection.closed or (isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized in _SESSION_ENDS)


def _fail(batch: Iterable[PendingCall[A, R]], error: BaseException) -> None:
    for call in batch:
        if not call.result.done():
            call.result.set_exception(error)
