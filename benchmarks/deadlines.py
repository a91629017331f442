"""How fast what falls due is carried out, beside full commands, and how late what falls due now and then is.

`python -m benchmarks.deadlines [--quick] [--json]` starts a PostgreSQL of its own with fsync and synchronous_commit on.
Requests of the bus, of 20 organisations, time out all at once: a leader in this process carries them out while the read
model of deadlines is kept in another one. Then some time out one after the other, and the lateness of each is the time
from its instant to that at which its event is recorded. `command_16` is what `benchmarks.log` measures, in the same
rounds.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import psycopg
import structlog

from application.ports import Append
from application.registry import RULES
from benchmarks.log import commands
from benchmarks.log.appends import CONTEXT
from benchmarks.log.work import run_async
from benchmarks.measuring import Bar, Measured, Report, interleaved, show
from benchmarks.server import Server, durable_settings, own_server
from domain.bus import TRANSACTION, TransactionAccepted
from domain.contexts import DECIDERS
from domain.kernel import Jurisdiction
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.carrying_out import Executor
from infrastructure.deadlines.leading import DeadlineLeader
from infrastructure.deadlines.trusted_clock import TrustedClock
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rows.definitions import Definitions, definitions
from infrastructure.read_models.reading import ReadModels
from projections.deadlines.pending import DEADLINES, READ_MODEL

IN_FLIGHT = 16
DUE, QUICK_DUE = 100_000, 10_000
SPREAD, QUICK_SPREAD = 500, 100
COMMANDS, QUICK_COMMANDS = 24_000, 6_000
ROUNDS, QUICK_ROUNDS = 3, 1
ORGANISATIONS = 20
APPEND_AT_ONCE = 1_000
SOON = timedelta(seconds=2)
EVERY = timedelta(seconds=0.05)
WITHIN_S = 600.0
DIGEST = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
CARRIED_OUT, COMMAND, LATENESS = "deadlines a second", "commands a second, 16 in flight", "us late, p99"
BARS = {"deadlines_vs_command_16": Bar(0.5), "lateness_p99_s": Bar(2.0, at_most=True)}

LATENESS_P99 = """
SELECT extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY done.recorded_at - due.due_at))
FROM log.event AS done, unnest(%s::text[], %s::timestamptz[]) AS due (stream, due_at)
WHERE done.stream = due.stream AND done.name = 'bus.transaction-timed-out.v1'
"""


def deadlines_alone() -> Definitions:
    return definitions(f"{__name__}:deadlines_alone", DECIDERS, [READ_MODEL])


def project(url: str) -> None:
    """Keep the rows of deadlines behind the log, until the process is ended."""
    _log_errors_only()
    Worker(url, deadlines_alone()).run(lambda: False)


@dataclass(frozen=True, slots=True)
class Bus:
    """Requests that fall due, in a database of their own."""

    url: str
    _number: count[int] = field(default_factory=count)

    def at_once(self, total: int) -> float:
        """Let so many fall due at one instant; return how many a second are carried out from then on."""
        return run_async(self._at_once(total))

    def spread(self, total: int) -> float:
        """Let so many fall due one after the other; return the lateness of the 99th percentile in microseconds."""
        return run_async(self._spread(total))

    async def _at_once(self, total: int) -> float:
        async with AsyncExitStack() as stack:
            log, reads, leader = await self._open(stack)
            due_at = datetime.now(UTC) + timedelta(days=365)
            await self._accept(log, [due_at] * total)
            await self._shown(log, reads)
            # The clock of the leader comes to the instant now: what is due is that all at once.
            ahead = due_at - datetime.now(UTC)
            began, head = time.monotonic(), await log.head()
            leader.set_ahead(ahead)
            await self._reached(log, head + total)
            return total / (time.monotonic() - began)

    async def _spread(self, total: int) -> float:
        async with AsyncExitStack() as stack:
            log, reads, _ = await self._open(stack)
            began = datetime.now(UTC) + SOON
            due = [began + number * EVERY for number in range(total)]
            head = await log.head()
            streams = await self._accept(log, due)
            await self._reached(log, head + 2 * total)
            await self._shown(log, reads)
        with psycopg.connect(self.url) as connection:
            ((p99_s,),) = connection.execute(LATENESS_P99, (streams, due)).fetchall()
        return float(p99_s) * 1e6

    async def _open(self, stack: AsyncExitStack) -> tuple[PostgresLog, ReadModels, Led]:
        addresses = Addresses.at(self.url)
        reads = await stack.enter_async_context(aclosing(ReadModels(addresses.reader, [READ_MODEL])))
        log = await stack.enter_async_context(PostgresLog(addresses.writer, Codec(DECIDERS), b"key"))
        led = Led(addresses, log, reads)
        await stack.enter_async_context(led)
        return log, reads, led

    async def _accept(self, log: PostgresLog, due: Sequence[datetime]) -> list[str]:
        numbers = [next(self._number) for _ in due]
        appends = [_accepted(number, due_at) for number, due_at in zip(numbers, due, strict=True)]
        for first in range(0, len(appends), APPEND_AT_ONCE):
            await log.append(appends[first : first + APPEND_AT_ONCE])
        return [append.stream for append in appends]

    async def _shown(self, log: PostgresLog, reads: ReadModels) -> None:
        head, ends = await log.head(), time.monotonic() + WITHIN_S
        while (await reads.places())[READ_MODEL.table.name].position < head:
            if time.monotonic() > ends:
                raise TimeoutError(f"the rows do not reach {head}")
            await asyncio.sleep(0.05)

    async def _reached(self, log: PostgresLog, position: int) -> None:
        ends = time.monotonic() + WITHIN_S
        while await log.head() < position:
            if time.monotonic() > ends:
                raise TimeoutError(f"the log does not reach {position}")
            await asyncio.sleep(0.01)


class Led:
    """A leader while the block lasts; its clock, and what it takes for that of the database, can be set ahead."""

    def __init__(self, addresses: Addresses, log: PostgresLog, reads: ReadModels) -> None:
        self._ahead = timedelta()

        async def position() -> int:
            return (await reads.places())[READ_MODEL.table.name].position

        executor = Executor(store=log, rules=RULES, deadlines=DEADLINES, by="platform", monotonic=time.monotonic)
        self._leader = DeadlineLeader(
            addresses.writer,
            reads.engine,
            position,
            executor,
            lambda: datetime.now(UTC) + self._ahead,
            clock=TrustedClock(max_jump_s=timedelta(days=1_000).total_seconds()),
            database_now=lambda at: at + self._ahead,
        )
        self._running: asyncio.Task[None] | None = None

    def set_ahead(self, ahead: timedelta) -> None:
        self._ahead = ahead

    async def __aenter__(self) -> None:
        self._running = asyncio.create_task(self._leader.run())

    async def __aexit__(self, *_: object) -> None:
        assert self._running is not None
        self._leader.stop()
        await self._running


def _accepted(number: int, due_at: datetime) -> Append:
    stream = TRANSACTION.stream(f"benchmark-{number}")
    accepted = TransactionAccepted(
        jurisdiction=Jurisdiction.BE,
        source_id=f"source-{number % ORGANISATIONS}",
        target_id="target",
        service_family="person",
        source_reference=str(number),
        service="benchmark",
        request_sha256=DIGEST,
        request_size_bytes=1,
        activity="benchmark",
        legal_basis="benchmark",
        timeout_s=1,
        times_out_at=due_at,
    )
    return Append(stream=stream, events=[accepted], expected={stream: 0}, context=CONTEXT)


def _log_errors_only() -> None:
    """Leave standard output to the report."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def main(arguments: Sequence[str]) -> None:
    quick = "--quick" in arguments
    report = measure(
        due=QUICK_DUE if quick else DUE,
        spread=QUICK_SPREAD if quick else SPREAD,
        total=QUICK_COMMANDS if quick else COMMANDS,
        rounds=QUICK_ROUNDS if quick else ROUNDS,
    )
    show(report, as_json="--json" in arguments)


def measure(*, due: int, spread: int, total: int, rounds: int) -> Report:
    """Let so many fall due at once and one after the other, and send so many commands, in turn, so many times."""
    _log_errors_only()
    with own_server() as server:
        settings = durable_settings(server.url)
        measured = _measured(server, due, spread, total, rounds)
    ratios = {
        "deadlines_vs_command_16": measured[CARRIED_OUT].median / measured[COMMAND].median,
        "lateness_p99_s": measured[LATENESS].median / 1e6,
    }
    return Report(measured, ratios, BARS, settings)


def _measured(server: Server, due: int, spread: int, total: int, rounds: int) -> dict[str, Measured]:
    bus = Bus(server.database("deadlines"))
    projector = multiprocessing.get_context("spawn").Process(
        target=project, args=(Addresses.at(bus.url).projector,), daemon=True
    )
    projector.start()
    try:
        contenders = {
            CARRIED_OUT: partial(bus.at_once, due),
            LATENESS: partial(bus.spread, spread),
            COMMAND: partial(commands.ours, server.url, total, IN_FLIGHT),
        }
        return interleaved(contenders, rounds)
    finally:
        projector.kill()
        projector.join()


if __name__ == "__main__":
    main(sys.argv[1:])
