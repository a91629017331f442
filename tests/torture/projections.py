"""Workers, rebuilds, fillers and the server killed at random moments, while events are appended and rows are read.

After every kill the read models catch up. Every few kills, and at the end, their rows have to be those of a fold in
memory and of a rebuild. Every read has to give the rows of one position: the old ones or the new, never a mix.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg

from infrastructure.event_log.log_reader import LogReader
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build import BuildRunningError
from projections.progress import BuildPurpose, BuildState
from tests.infrastructure.projector_process import kill
from tests.infrastructure.sample_counter import CounterClosed, CounterRaised
from tests.infrastructure.sample_models import CODEC, SOUND, Connection, leftovers, rows, sound
from tests.infrastructure.watching import Reader, faults
from tests.memory_rows import MemoryRows
from tests.torture.load import Progress
from tests.torture.projections_fleet import Fleet, as_projector, at_work
from tests.torture.server import Server
from tests.waiting import wait_until

CHECK_EVERY = 20
LIVES_S = (0.0, 0.5)
"""How long until the next kill, from and to."""

FILLER_WITHIN_S = 2.0
READ_EVERY_S = 0.01
CATCHES_UP_WITHIN_S = 120.0
CONNECT_TIMEOUT_S = 10
TELLINGS = 20
_PAUSE_S = 0.05

# One statement sees one state: how far the rows are, and how many events they count.
SUMS = """
SELECT (SELECT position FROM read.checkpoint WHERE projection = 'test_sums'),
       (SELECT coalesce(sum(events), 0)::bigint FROM read.test_sums_v1)
"""
DAYS = """
SELECT (SELECT position FROM read.checkpoint WHERE projection = 'test_days'),
       (SELECT coalesce(sum(events), 0)::bigint FROM read.test_days_v1)
"""
LOCK = "LOCK TABLE read.test_days_v1, read.test_sums_v1 IN ACCESS SHARE MODE"
COUNTED = "SELECT count(*) FROM log.event WHERE name = ANY(%s) AND position > %s AND position <= %s"
RAISED, CLOSED = CODEC.names[CounterRaised], CODEC.names[CounterClosed]


class Victim(StrEnum):
    WORKER = "worker"
    REBUILD = "rebuild"
    FILLER = "filler"
    SERVER = "server"


VICTIMS = (*[Victim.WORKER] * 8, *[Victim.REBUILD] * 4, *[Victim.FILLER] * 6, *[Victim.SERVER] * 2)


@dataclass(slots=True)
class Survived:
    """What was killed, what was seen meanwhile, and what was wrong."""

    kills: Counter[Victim] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)
    takeovers: int = 0
    events: int = 0
    reads: int = 0
    checks: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = "  ".join(f"{victim} {self.kills[victim]}" for victim in Victim)
        built = "  ".join(f"{state} {number}" for state, number in sorted(self.builds.items()))
        seen = f"events {self.events}  reads {self.reads}  takeovers {self.takeovers}  checks {self.checks}"
        return f"killed: {killed}  builds: {built}  {seen}  wrong {len(self.wrong)}"


def kill_projections(server: Server, seed: int, times: int, progress: Progress) -> Survived:
    """Kill so often, check every few kills; end early when something is wrong."""
    url = server.new_log()
    with ExitStack() as stack:
        fleet = stack.enter_context(at_work(url, seed))
        torture = _Torture(server, url, fleet, random.Random(seed))
        torture.catch_up()
        readers = [stack.enter_context(reader) for reader in _readers(url)]
        for number in range(1, times + 1):
            torture.kill_one()
            if number % CHECK_EVERY == 0 or number == times:
                torture.check()
            torture.survived.wrong.extend(faults([reader for reader in readers if reader.wrong]))
            if number % max(times // TELLINGS, 1) == 0 or torture.survived.wrong:
                progress(f"{number} of {times} kills: {torture.survived}")
            if torture.survived.wrong:
                break
        torture.survived.wrong.extend(faults([reader for reader in readers if not reader.reads]))
        torture.survived.reads = sum(reader.reads for reader in readers)
        return torture.survived


# --- Killing and checking -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Torture:
    server: Server
    url: str
    fleet: Fleet
    chance: random.Random
    survived: Survived = field(default_factory=Survived)
    _memory: dict[str, MemoryRows] = field(default_factory=lambda: {it.name: MemoryRows(it) for it in SOUND})
    _folded: int = 0

    def kill_one(self) -> None:
        time.sleep(self.chance.uniform(*LIVES_S))
        victim = self.chance.choice(VICTIMS)
        if victim is Victim.SERVER:
            self.server.kill(self.chance)
        elif not (found := self._found(victim)):
            victim = Victim.WORKER
            kill(self.chance.choice(self.fleet.workers))
        else:
            kill(self.chance.choice(found))
        self.survived.kills[victim] += 1
        self.catch_up()

    def _found(self, victim: Victim) -> Sequence[int]:
        if victim is Victim.WORKER:
            return self.fleet.workers
        look = self.fleet.fillers if victim is Victim.FILLER else self.fleet.rebuilds
        deadline = time.monotonic() + FILLER_WITHIN_S
        while not (found := look()) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S / 5)
        return found

    def catch_up(self) -> None:
        """Wait until all rows hold what was in the log when this was called."""
        with _connected(self.url) as connection:
            head = LogReader(CODEC).head(connection)
            wait_until(lambda: _reached(connection) >= head, f"{head} is not reached", CATCHES_UP_WITHIN_S)

    def check(self) -> None:
        """Compare, while nobody appends and nobody but the workers makes rows."""
        with self.fleet.resting(), _connected(self.url) as connection:
            self.catch_up()
            head = LogReader(CODEC).head(connection)
            for recorded in LogReader(CODEC).read(connection, after=self._folded, until=head):
                for model in self._memory.values():
                    model.apply(recorded)
            self._folded = head
            self._verify()
            # What the workers were still making has come to its end: no rows are replaced while they are compared.
            for projection in SOUND:
                if rows(connection, projection) != self._memory[projection.name].rows:
                    self.survived.wrong.append(f"{projection.name} differs from its fold at {head}")
            self._count(connection, head)

    def _verify(self) -> None:
        for result in _when_free(self.url):
            if result.state is not BuildState.DONE or not result.equal:
                self.survived.wrong.append(f"{result.projection}: {result.outcome}")

    def _count(self, connection: Connection, head: int) -> None:
        self.survived.events, self.survived.checks = head, self.survived.checks + 1
        self.survived.builds = Counter(
            dict(connection.execute("SELECT state, count(*) FROM read.build GROUP BY state").fetchall())
        )
        row = connection.execute("SELECT sum(generation) FROM read.checkpoint").fetchone()
        self.survived.takeovers = int(row[0]) if row is not None else 0
        open_builds = self.survived.builds.keys() - {"done", "cancelled", "failed"}
        if left := leftovers(connection) if not open_builds else set():
            self.survived.wrong.append(f"left over: {sorted(left)}")


def _when_free(url: str) -> Sequence[Any]:
    """Verify all, as soon as no worker makes rows any more."""
    definitions = sound()
    deadline = time.monotonic() + CATCHES_UP_WITHIN_S
    while True:
        try:
            return rebuild(as_projector(url), definitions, SOUND, purpose=BuildPurpose.VERIFICATION)
        except BuildRunningError:
            assert time.monotonic() < deadline, "the workers make rows for ever"
            time.sleep(_PAUSE_S)


def _reached(connection: Connection) -> int:
    row = connection.execute("SELECT count(*), min(position) FROM read.checkpoint").fetchone()
    assert row is not None
    return int(row[1]) if row[0] == len(SOUND) else -1


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        yield connection


# --- Who reads ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Counted:
    """How many events of some kinds there are up to a position: each event is looked at once."""

    names: Sequence[str]
    _until: int = 0
    _events: int = 0

    def at(self, connection: Connection, position: int) -> int:
        if position < self._until:
            self._until = self._events = 0
        row = connection.execute(COUNTED, (list(self.names), self._until, position)).fetchone()
        assert row is not None
        self._until, self._events = position, self._events + int(row[0])
        return self._events


def _look(query: str, counted: _Counted, lock: str = "") -> Callable[[Connection], str]:
    def look(connection: Connection) -> str:
        if lock:
            connection.execute(lock)
        row = connection.execute(query, prepare=True).fetchone()
        assert row is not None
        position, found = row
        right = counted.at(connection, position)
        return "" if found == right else f"rows at {position} count {found} events of {right}"

    return look


def _readers(url: str) -> Sequence[Reader]:
    raised, both = [RAISED], [RAISED, CLOSED]
    return [
        Reader(url, _look(SUMS, _Counted(raised)), forgiving=True, pause_s=READ_EVERY_S),
        Reader(url, _look(DAYS, _Counted(both)), forgiving=True, pause_s=READ_EVERY_S),
        Reader(url, _look(SUMS, _Counted(raised), LOCK), snapshots=True, forgiving=True, pause_s=READ_EVERY_S),
        Reader(url, _look(DAYS, _Counted(both), LOCK), snapshots=True, forgiving=True, pause_s=READ_EVERY_S),
    ]
