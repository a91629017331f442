"""Readers that tail a log while many write to it and others get in the way: what did they miss?"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg

from infrastructure.event_log.postgres_log import PostgresLog
from tests.torture import broken, disturbance, reader
from tests.torture.events import CODEC, end
from tests.torture.fleet import PROCESSES, Fleet
from tests.torture.load import Progress
from tests.torture.notes import Kind
from tests.torture.reader import Reader

LANES_EACH = 64
MAX_WAIT_S = 7_200
_PAUSE_S = 0.02
_TELL_EVERY_S = 5

Found: TypeAlias = tuple[Counter[str], Counter[str]]
"""What was wrong with what the reader of everything saw, and the reader of a rare type: see `reader.compare`."""


def read_along(url: str, seed: int, events: int, folder: Path, progress: Progress) -> Found:
    """Write so many events, tail them by two readers, and return what they saw and did not see."""
    with _readers(url, folder) as readers, _disturbed(url, seed), Fleet(url, seed, lanes_each=LANES_EACH) as fleet:
        told_at = 0.0
        for now in _until(lambda: fleet.notes.events >= events, fleet):
            if now - told_at > _TELL_EVERY_S:
                progress(f"{fleet.notes.events} of {events} events written; {readers[0].seen_until.value} read")
                told_at = now
        fleet.stop()
        asyncio.run(_end(PostgresLog(url, CODEC, b"torture")))
        return _compare(readers, fleet)


def read_along_broken(url: str, seed: int, folder: Path) -> Found:
    """The control: the same readers over an append without a lock, of which they must be seen to miss events.

    It is no matter of luck: some transactions have taken their positions and are held back until a reader is past.
    """
    with psycopg.connect(url, autocommit=True) as hold:
        hold.execute(broken.PREPARE)
        hold.execute("SELECT pg_advisory_lock(%s)", [broken.HELD_LOCK])
        with _readers(url, folder) as readers, Fleet(url, seed, kinds=[Kind.KEYED], broken=True) as fleet:
            _wait(lambda: _number(hold, broken.HELD) > 0, fleet)
            taken = _number(hold, broken.TAKEN)
            _wait(lambda: readers[1].seen_until.value > taken, fleet)
            hold.execute("SELECT pg_advisory_unlock(%s)", [broken.HELD_LOCK])
            fleet.stop()
            asyncio.run(_end(broken.BrokenLog(url)))
            return _compare(readers, fleet)


@contextmanager
def _readers(url: str, folder: Path) -> Iterator[Sequence[Reader]]:
    readers = [
        reader.start(PROCESSES, url, folder / "everything"),
        reader.start(PROCESSES, url, folder / "rare", rare=True),
    ]
    try:
        yield readers
    finally:
        for one in readers:
            one.process.kill()


@contextmanager
def _disturbed(url: str, seed: int) -> Iterator[None]:
    disturbance.prepare(url)
    process = PROCESSES.Process(target=disturbance.disturb, args=(url, seed))
    process.start()
    try:
        yield
        assert process.is_alive(), f"the disturbance ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()


async def _end(log: PostgresLog | broken.BrokenLog) -> None:
    async with log:
        await log.append([end()])


def _compare(readers: Sequence[Reader], fleet: Fleet) -> Found:
    for one in readers:
        one.wait()
    everything, rare = (reader.compare(one, fleet.notes, fleet.seed) for one in readers)
    return everything, rare


def _wait(reached: Callable[[], bool], fleet: Fleet) -> None:
    for _ in _until(reached, fleet):
        pass


def _until(reached: Callable[[], bool], fleet: Fleet) -> Iterator[float]:
    """Yield the time now and then until something is reached; raise if a writer ends meanwhile or all take too long."""
    deadline = time.monotonic() + MAX_WAIT_S
    while not reached():
        fleet.alive()
        assert time.monotonic() < deadline, f"not reached within {MAX_WAIT_S} s"
        yield time.monotonic()
        time.sleep(_PAUSE_S)


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
