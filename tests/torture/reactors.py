"""Leaders of a reactor and their server, killed at random moments while events come.

Afterwards each event has its two effects in the log, once, and in the order of its key.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from application.handler import CommandEnvelope, handle
from domain.kernel import Context, Refusal
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError
from infrastructure.postgres.leadership import leaders
from tests.infrastructure.projector_process import Processes, kill, lives
from tests.infrastructure.sample_counter import AT, RULES, CounterRaised, RaiseCounter
from tests.torture.reactor_process import CLAIM_KEY, CODEC, FAILING, HANGING, LEDGER, NAME, STREAM_EVENTS, name_of
from tests.torture.server import Server
from tests.waiting import until

PROCESSES = 2
COUNTERS = (FAILING, HANGING, *(f"counter{number}" for number in range(8)))
WRITE_INTERVAL_S = 0.02
LIVES_S = (0.02, 0.5)
"""How long a leader leads, from and to, before it is killed: it may still be connecting."""

ENDS_WITHIN_S = 600.0
WAITS = "SELECT count(*) FROM reactor.waiting_event"
POSITION = "SELECT position FROM reactor.progress WHERE name = %s"
CONTEXT = Context(acting_id="torture", organisation_id="platform", effective_at=AT)


@dataclass(slots=True)
class ReactorCheck:
    """What the log holds at the end: events, and those without their effects, with them twice, or out of order."""

    events: int = 0
    skipped: int = 0
    doubled: int = 0
    disordered: int = 0
    kills: int = 0
    delays_s: list[float] = field(default_factory=list)
    """From the recording of each event of a counter that neither fails nor hangs to that of its first effect."""

    @property
    def sound(self) -> bool:
        return not (self.skipped or self.doubled or self.disordered)

    def delay_s(self, share: float) -> float:
        """Return the delay that this share of the events does not pass."""
        return sorted(self.delays_s)[int(share * (len(self.delays_s) - 1))]

    def __str__(self) -> str:
        return (
            f"kills {self.kills}  events {self.events}  skipped {self.skipped}  doubled {self.doubled}"
            f"  out of order {self.disordered}  delay p50 {self.delay_s(0.5):.2f} s  p99 {self.delay_s(0.99):.2f} s"
        )


def kill_leaders(server: Server, seed: int, times: int, progress: Callable[[str], None]) -> ReactorCheck:
    """Kill the process that leads again and again; another one stands by."""
    return asyncio.run(_survive(server, seed, times, progress, _kill_leader))


def kill_servers(server: Server, seed: int, times: int, progress: Callable[[str], None]) -> ReactorCheck:
    """Kill the server again and again; the processes live on."""
    return asyncio.run(_survive(server, seed, times, progress, _kill_server))


def live_for(server: Server, seconds: float, progress: Callable[[str], None]) -> ReactorCheck:
    """Kill nobody for a while: one key fails all the time, and one hangs."""
    return asyncio.run(_survive(server, 0, int(seconds), progress, _kill_nobody))


@dataclass(slots=True)
class _Site:
    server: Server
    url: str
    processes: Processes
    fault_ended: Path
    alive: list[int] = field(default_factory=list)

    def fill(self) -> None:
        """Start processes in place of those that ended."""
        self.alive = [process for process in self.alive if lives(process)]
        while len(self.alive) < PROCESSES:
            self.alive.append(self.processes.reactor(self.url, str(self.fault_ended)))

    def leader(self) -> int | None:
        """Return the process that leads."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = leaders(connection)
        return int(found[0].process.rpartition(":")[2]) if found else None


def _kill_leader(site: _Site, _chance: random.Random) -> None:
    leader = site.leader()
    if leader is not None and leader in site.alive:
        kill(leader)


def _kill_server(site: _Site, chance: random.Random) -> None:
    site.server.kill(chance)


def _kill_nobody(_site: _Site, _chance: random.Random) -> None:
    time.sleep(1.0)


async def _survive(
    server: Server,
    seed: int,
    times: int,
    progress: Callable[[str], None],
    strike: Callable[[_Site, random.Random], None],
) -> ReactorCheck:
    chance = random.Random(seed)
    url = server.new_log()
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        site = _Site(server, url, processes, Path(folder) / "fault-ended")
        async with PostgresLog(url, CODEC, CLAIM_KEY) as log, _written(log):
            for number in range(1, times + 1):
                site.fill()
                await asyncio.sleep(chance.uniform(*LIVES_S))
                await asyncio.to_thread(strike, site, chance)
                if number % 50 == 0:
                    progress(f"{strike.__name__.strip('_')} {number} of {times}")
        site.fault_ended.touch()
        site.fill()
        await until(lambda: asyncio.to_thread(_is_done, url), "events still wait", ENDS_WITHIN_S)
        for process in site.alive:
            kill(process)
    check = _check(url)
    check.kills = times
    progress(str(check))
    return check


@asynccontextmanager
async def _written(log: PostgresLog) -> AsyncIterator[None]:
    """Raise the counters one after the other while the block runs."""
    stopped = asyncio.Event()

    async def write() -> None:
        for round_number in itertools.count():
            if stopped.is_set():
                break
            for counter in COUNTERS:
                counter_id = f"{counter}-{round_number // STREAM_EVENTS}"
                command = RaiseCounter(at=AT, by="platform", counter_id=counter_id)
                with contextlib.suppress(Refusal, LogUnavailableError, LogBusyError):
                    await handle(CommandEnvelope(command=command, context=CONTEXT), log, RULES)
                await asyncio.sleep(WRITE_INTERVAL_S)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        stopped.set()
        await writing


def _is_done(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        ((waiting,),) = connection.execute(WAITS).fetchall()
        positions = connection.execute(POSITION, (NAME,)).fetchall()
        return waiting == 0 and positions == [(LogReader(CODEC).head(connection),)]


def _check(url: str) -> ReactorCheck:
    check = ReactorCheck()
    events: dict[str, list[int]] = {}
    effects: dict[str, list[int]] = {}
    recorded_at: dict[int, float] = {}
    entered_at: dict[int, float] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        reader = LogReader(CODEC)
        for recorded in reader.read(connection, after=0, until=reader.head(connection)):
            assert isinstance(recorded.event, CounterRaised)
            at = recorded.recorded_at.timestamp()
            counter = name_of(recorded.aggregate_id)
            if counter.startswith(LEDGER):
                effects.setdefault(counter.removeprefix(LEDGER), []).append(recorded.event.amount)
                entered_at.setdefault(recorded.event.amount, at)
            else:
                events.setdefault(counter, []).append(recorded.position)
                recorded_at[recorded.position] = at
    for counter, positions in events.items():
        check.events += len(positions)
        _compare(check, [sign * position for position in positions for sign in (1, -1)], effects.get(counter, []))
    check.delays_s = [
        entered_at[position] - recorded_at[position]
        for counter, positions in _quick(events).items()
        for position in positions
        if position in entered_at
    ]
    return check


def _quick(events: Mapping[str, Sequence[int]]) -> Mapping[str, Sequence[int]]:
    return {counter: positions for counter, positions in events.items() if counter not in (FAILING, HANGING)}


def _compare(check: ReactorCheck, wanted: Sequence[int], found: Sequence[int]) -> None:
    """Compare the effects of one counter with those that its events ask for."""
    check.skipped += len(set(wanted) - set(found))
    check.doubled += len(found) - len(set(found))
    check.disordered += list(dict.fromkeys(found)) != [each for each in wanted if each in set(found)]
