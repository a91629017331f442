"""How long after its confirmation an event is in all read models, while the log grows at a steady rate.

The worker runs as `kroniek worker` does, in a process of its own, and so does what appends. The checkpoints are looked
at every few milliseconds: an event counts as followed once the read model that is furthest behind has it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import psycopg

from benchmarks.measuring import Measured
from benchmarks.projections.appender import READY, Wanted
from benchmarks.projections.copying import REPLAYED_DIGITS
from benchmarks.projections.serving import worker

KEY = "live_lag_p99_ms"
MOST_MS = 250
RATES = (5_000, 4_000, 3_000, 2_000, 1_000)
"""Events a second. A slower one is tried only where the one before is not followed closely enough."""

LOOK_EVERY_S = 0.005
FOLLOW_WITHIN_S = 120
LEAST = "SELECT min(position) FROM read.checkpoint"
FOLLOWED = "SELECT bool_and(read.is_taken(1, projection, version) AND position = log.head()) FROM read.checkpoint"
ENDED = "the worker has ended: its log says why"

Connection = psycopg.Connection[Any]
Process: TypeAlias = subprocess.Popen[str]
Confirmed: TypeAlias = Sequence[tuple[float, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of one rate: events appended a second, and how long they took to be in all read models, in ms."""

    appended_per_s: float
    lags_ms: Sequence[float]

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.lags_ms, n=100)[98]


def measure(
    url: str, folder: Path, until: int, seconds: int, rates: Sequence[int] = RATES
) -> tuple[dict[str, Measured], dict[str, float]]:
    """Append events of the history up to a position again for so many seconds; return figures and ratio.

    There are at most as many rates as `REPLAYED_DIGITS`. The ratio is that of the first rate. Where it is missed,
    the figures show which lower rate is followed.
    """
    measured: dict[str, Measured] = {}
    first: float | None = None
    with psycopg.connect(url, autocommit=True) as connection, worker(url, folder) as process:
        _wait_until_followed(connection, process)
        for rate, digit in zip(rates, REPLAYED_DIGITS[: len(rates)], strict=True):
            after = max(until - 2 * rate * seconds, 0)
            wanted = Wanted(url=url, after=after, until=until, events=rate * seconds, rate=rate, digit=digit)
            found = follow(connection, process, wanted)
            first = found.p99_ms if first is None else first
            measured[f"live, {rate:,}/s wanted, appended (events/s)"] = Measured([found.appended_per_s])
            measured[f"live, {rate:,}/s wanted, lag at the median (µs)"] = Measured(
                [statistics.median(found.lags_ms) * 1e3]
            )
            measured[f"live, {rate:,}/s wanted, lag at the 99th percentile (µs)"] = Measured([found.p99_ms * 1e3])
            if found.p99_ms <= MOST_MS:
                break
    assert first is not None
    return measured, {KEY: first}


def follow(connection: Connection, following: Process, wanted: Wanted) -> Followed:
    """Let the appender run, and look meanwhile how far the read models are, until they are at the end."""
    with _appender(wanted) as process, ThreadPoolExecutor(1) as pool:
        assert process.stdin is not None
        assert process.stdout is not None
        began = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        told = pool.submit(_read, process.stdout)
        seen: list[tuple[int, float]] = []
        while not told.done():
            _look(connection, seen)
        confirmed = told.result()
        last = max(positions[-1] for _, positions in confirmed)
        while seen[-1][0] < last:
            late = f"all read models are at position {seen[-1][0]}, the log is at {last}"
            assert time.monotonic() - began < FOLLOW_WITHIN_S + wanted.events / wanted.rate, late
            assert following.poll() is None, ENDED
            _look(connection, seen)
    events = sum(len(positions) for _, positions in confirmed)
    ended = max(at for at, _ in confirmed)
    return Followed(events / (ended - began), list(_lags_ms(confirmed, seen)))


def _read(lines: IO[str]) -> Confirmed:
    """Return what the appender tells: when each call was confirmed, and the positions of its events."""
    return [(at, positions) for at, positions in iter(lambda: json.loads(lines.readline()), None)]


def _lags_ms(confirmed: Confirmed, seen: Sequence[tuple[int, float]]) -> Iterator[float]:
    places = [position for position, _ in seen]
    for at, positions in confirmed:
        for position in positions:
            yield max(seen[bisect_left(places, position)][1] - at, 0) * 1e3


def _look(connection: Connection, seen: list[tuple[int, float]]) -> None:
    """Note how far the last of the read models is; not while nothing changes."""
    row = connection.execute(LEAST).fetchone()
    assert row is not None
    if not seen or row[0] > seen[-1][0]:
        seen.append((row[0], time.monotonic()))
    time.sleep(LOOK_EVERY_S)


def _wait_until_followed(connection: Connection, following: Process) -> None:
    """Wait until the worker looks after all read models, and all are at the head."""
    until = time.monotonic() + FOLLOW_WITHIN_S
    while connection.execute(FOLLOWED).fetchone() != (True,):
        assert time.monotonic() < until, "the worker does not follow the log"
        assert following.poll() is None, ENDED
        time.sleep(LOOK_EVERY_S)


@contextmanager
def _appender(wanted: Wanted) -> Iterator[subprocess.Popen[str]]:
    """Start what appends; it waits for the word to begin."""
    command = [sys.executable, "-m", "benchmarks.projections.appender"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(asdict(wanted)) + "\n")
            process.stdin.flush()
            assert process.stdout.readline().strip() == READY
            yield process
        finally:
            process.kill()
