"""Leaders of deadlines in processes of their own, to be killed; and deadlines of the bus, as many as are wanted."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any, Self

import psycopg

from application.ports import Append
from application.registry import RULES
from domain.bus import TRANSACTION, TransactionAccepted
from domain.contexts import DECIDERS
from domain.kernel import Context
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.carrying_out import Executor
from infrastructure.deadlines.leading import LIMITS, NAME, DeadlineLeader, DeadlineLimits
from infrastructure.deadlines.trusted_clock import TrustedClock
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.leadership import leaders
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rows.definitions import Definitions, definitions
from infrastructure.read_models.reading import ReadModels
from projections.deadlines.pending import DEADLINES, READ_MODEL
from tests.infrastructure.examples import example
from tests.waiting import wait_until

PLATFORM = "platform"
APPEND_AT_ONCE = 1_000
CONTEXT = Context(acting_id="someone", organisation_id="sender", effective_at=datetime(2026, 1, 1, tzinfo=UTC))


def utc_now() -> datetime:
    return datetime.now(UTC)


def deadlines_alone() -> Definitions:
    return definitions(f"{__name__}:deadlines_alone", DECIDERS, [READ_MODEL])


def log_at(addresses: Addresses) -> PostgresLog:
    return PostgresLog(addresses.writer, Codec(DECIDERS), b"key")


# --- The platform ---------------------------------------------------------------------------------------------------


@contextmanager
def projecting(addresses: Addresses) -> Iterator[None]:
    """Keep the rows of deadlines behind the log, until the block ends."""
    stop = threading.Event()
    worker = threading.Thread(target=Worker(addresses.projector, deadlines_alone()).run, args=[stop.is_set])
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


async def transactions_due(log: PostgresLog, due: Sequence[tuple[str, datetime, str]]) -> None:
    """Let requests be accepted by the bus: the id, when its time is over, and the organisation that asks."""
    for first in range(0, len(due), APPEND_AT_ONCE):
        await log.append([_accepted(*one) for one in due[first : first + APPEND_AT_ONCE]])


def _accepted(transaction_id: str, due_at: datetime, source_id: str) -> Append:
    stream = TRANSACTION.stream(transaction_id)
    accepted = replace(example(TransactionAccepted), times_out_at=due_at, source_id=source_id)
    return Append(stream=stream, events=[accepted], expected={stream: 0}, context=CONTEXT)


def leader_of(
    addresses: Addresses,
    log: PostgresLog,
    reads: ReadModels,
    now: Callable[[], datetime] = utc_now,
    *,
    limits: DeadlineLimits = LIMITS,
    **others: Any,
) -> DeadlineLeader:
    async def position() -> int:
        return (await reads.places())[READ_MODEL.table.name].position

    executor = Executor(store=log, rules=RULES, deadlines=DEADLINES, by=PLATFORM, monotonic=time.monotonic)
    return DeadlineLeader(addresses.writer, reads.engine, position, executor, now, limits=limits, **others)


# --- Processes ------------------------------------------------------------------------------------------------------


def lead(url: str, ahead_s: float) -> None:
    """Lead, or stand by, in this process until it is killed; its clock is ahead by some seconds."""

    async def run() -> None:
        addresses = Addresses.at(url)
        async with AsyncExitStack() as stack:
            reads = await stack.enter_async_context(aclosing(ReadModels(addresses.reader, [READ_MODEL])))
            log = await stack.enter_async_context(log_at(addresses))
            ahead = timedelta(seconds=ahead_s)
            leader = leader_of(
                addresses,
                log,
                reads,
                lambda: utc_now() + ahead,
                limits=replace(LIMITS, interval_s=0.1),
                clock=TrustedClock(),
            )
            await leader.run()

    asyncio.run(run())


class Leaders:
    """Several processes, of which one leads. Use it as a context manager: all are killed at its end."""

    def __init__(self, url: str, ahead_s: Sequence[float]) -> None:
        self._url = url
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._ahead_s = ahead_s
        self._running: list[tuple[ForkServerProcess, float]] = []
        self.kills = 0

    def __enter__(self) -> Self:
        for ahead_s in self._ahead_s:
            self._start(ahead_s)
        return self

    def __exit__(self, *_: object) -> None:
        for process, _ahead_s in self._running:
            process.kill()
            process.join()

    def _start(self, ahead_s: float) -> None:
        process = self._context.Process(target=lead, args=(self._url, ahead_s), daemon=True)
        process.start()
        self._running.append((process, ahead_s))

    def kill_the_leader(self, connection: psycopg.Connection) -> None:
        """Kill the process that leads, and start another that stands by."""
        pids: list[int] = []

        def found() -> bool:
            pids[:] = [int(it.process.rpartition(":")[2]) for it in leaders(connection) if it.name == NAME]
            return any(process.pid in pids for process, _ in self._running)

        wait_until(found, "nobody leads")
        for process, ahead_s in list(self._running):
            if process.pid in pids:
                assert ahead_s == 0.0, "a process whose clock differs leads"
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                process.join()
                self._running.remove((process, ahead_s))
                self._start(ahead_s)
                self.kills += 1
