"""Leaders of deadlines in processes of their own, to be killed; and deadlines of the bus, as many as are wanted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeAlias

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
from tests.parts import FAKETIME
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
# Each is a fork of one that has imported everything: `python -m tests.infrastructure.deadline_leaders URL`, which is
# given what to fork, one host a line, and answers with the process id.

Host: TypeAlias = tuple[float, ...]
"""By how many seconds the clock of a host is ahead of the true one: one number after the other, each for a while."""

STEP_EVERY_S = 1.0


def lead(url: str, host: Host) -> None:
    """Lead, or stand by, in this process until it is killed, by the clock of its host."""

    async def run() -> None:
        addresses = Addresses.at(url)
        async with AsyncExitStack() as stack:
            reads = await stack.enter_async_context(aclosing(ReadModels(addresses.reader, [READ_MODEL])))
            log = await stack.enter_async_context(log_at(addresses))
            limits = replace(LIMITS, interval_s=0.1)
            leader = leader_of(addresses, log, reads, _clock_of(host), limits=limits, clock=TrustedClock())
            await leader.run()

    asyncio.run(run())


def _clock_of(host: Host) -> Callable[[], datetime]:
    began_s = time.monotonic()

    def ahead_s() -> float:
        return host[int((time.monotonic() - began_s) / STEP_EVERY_S) % len(host)]

    def set_and_read() -> datetime:
        os.environ["FAKETIME"] = f"{ahead_s():+.0f}"
        return utc_now()

    def shifted() -> datetime:
        return utc_now() + timedelta(seconds=ahead_s())

    return set_and_read if "FAKETIME" in os.environ else shifted


def fork_leaders(url: str, hosts: Iterable[str]) -> None:
    """Fork a leader for each line that says its host."""
    # Nobody waits for a leader that was killed.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in hosts:
        pid = os.fork()
        if pid == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            lead(url, tuple(float(seconds) for seconds in line.split()))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def libfaketime() -> dict[str, str]:
    """Return the environment of a process whose wall clock is set by the variable FAKETIME, at any time."""
    program = FAKETIME.path()
    asked = [program, "-m", "-f", "+0", "printenv", "LD_PRELOAD"]
    library = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return {
        "LD_PRELOAD": library,
        "FAKETIME": "+0",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
    }


class Leaders:
    """Several processes, of which one leads, on hosts with clocks of their own. All are killed at the end of the block.

    With `environment`, they run in it too.
    """

    def __init__(self, url: str, hosts: Sequence[Host], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", __name__, url]
        self._environment = os.environ | environment
        self._hosts = hosts
        self._running: dict[int, Host] = {}
        self.kills = 0

    def __enter__(self) -> Self:
        self._forks = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for host in self._hosts:
            self._start(host)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        self._forks.communicate()

    def _start(self, host: Host) -> None:
        assert self._forks.stdin is not None
        assert self._forks.stdout is not None
        self._forks.stdin.write(" ".join(map(str, host)) + "\n")
        self._forks.stdin.flush()
        self._running[int(self._forks.stdout.readline())] = host

    def kill_the_leader(self, connection: psycopg.Connection) -> None:
        """Kill the process that leads, and start another on its host."""
        pids: list[int] = []

        def found() -> bool:
            pids[:] = [int(it.process.rpartition(":")[2]) for it in leaders(connection) if it.name == NAME]
            return any(pid in self._running for pid in pids)

        wait_until(found, "nobody leads")
        for pid in pids:
            host = self._running.pop(pid, None)
            if host is not None:
                assert 0.0 in host, "a process whose clock is never right leads"
                os.kill(pid, signal.SIGKILL)
                self._start(host)
                self.kills += 1


if __name__ == "__main__":
    fork_leaders(sys.argv[1], sys.stdin)
