"""What an append costs when the log has grown from 100 thousand to 10 million events.

Both times the same mix: four appends of five begin a new stream, whose id is as the platform gives them, and one
goes to a stream picked at random from all there are. A second log, which stays small, is measured in the same rounds
both times: the ratio is that of the grown log to the small one, after against before, so that what the machine does
meanwhile stays out of it.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg

from application.ports import Receipt
from benchmarks.log.appends import BytesCodec, append
from benchmarks.log.work import WARM_UP, drive, new_id, run_async
from benchmarks.measuring import Contender, Measured, interleaved
from benchmarks.server import Server
from infrastructure.event_log.postgres_log import PostgresLog

KEY = "append_at_10m_vs_at_100k"
IN_FLIGHT = 32
TO_EXISTING = 0.2
MAX_KEPT = 100_000
"""Streams kept to pick from, an even sample of all."""

FILL_BATCH = 1_000
FILL_IN_FLIGHT = 4
PROGRESS_EVENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How large the logs are, in events, and how they are measured."""

    small: int = 100_000
    large: int = 10_000_000
    appends: int = 20_000
    rounds: int = 9


@dataclass(slots=True)
class Streams:
    """The streams that appends go to: new ones, and those of an even sample of all that there are."""

    random: random.Random = field(default_factory=lambda: random.Random(10))  # noqa: S311 - a choice, not a secret
    most: int = MAX_KEPT
    begun: int = 0
    kept: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    in_use: set[str] = field(default_factory=set)

    def take(self) -> tuple[str, int]:
        """Return a stream to append to, and its version; one that is appended to already is not given out again."""
        if self.kept and self.random.random() < TO_EXISTING:
            stream = self.random.choice(self.kept)
            if stream not in self.in_use:
                self.in_use.add(stream)
                return stream, self.versions[stream]
        return f"benchmark-{new_id()}", 0

    def give_back(self, stream: str, version: int) -> None:
        """Note the version that a stream has now."""
        self.in_use.discard(stream)
        if version == 1:
            self._keep(stream)
        elif stream in self.versions:
            self.versions[stream] = version

    def _keep(self, stream: str) -> None:
        """Keep a new stream, or not, so that every stream ever begun is kept with the same chance."""
        self.begun += 1
        place = self.random.randrange(self.begun)
        if len(self.kept) < self.most:
            self.kept.append(stream)
        elif place < self.most:
            del self.versions[self.kept[place]]
            self.kept[place] = stream
        else:
            return
        self.versions[stream] = 1


@dataclass(slots=True)
class GrowingLog:
    """One log and the streams in it."""

    url: str
    streams: Streams = field(default_factory=Streams)
    events: int = 0

    def fill(self, until: int) -> None:
        run_async(self._fill(until))

    def appends(self, total: int) -> float:
        """Return one-event appends a second, 32 in flight."""
        return run_async(self._appends(total))

    async def _appends(self, total: int) -> float:
        async with PostgresLog(self.url, BytesCodec(), b"key") as log:
            await drive(lambda: self._append(log, 1), IN_FLIGHT * WARM_UP, IN_FLIGHT)
            return total / await drive(lambda: self._append(log, 1), total, IN_FLIGHT)

    async def _fill(self, until: int) -> None:
        async with PostgresLog(self.url, BytesCodec(), b"key") as log:
            while self.events < until:
                size = min(PROGRESS_EVENTS, until - self.events)
                batch = min(FILL_BATCH, size)
                taken_s = await drive(lambda: self._append(log, batch), -(-size // batch), FILL_IN_FLIGHT)  # noqa: B023
                print(f"{self.events:,} events, {size / taken_s:,.0f} a second", file=sys.stderr)

    async def _append(self, log: PostgresLog, count: int) -> None:
        taken = [self.streams.take() for _ in range(count)]
        outcomes = await log.append([append(stream, version) for stream, version in taken])
        for (stream, version), outcome in zip(taken, outcomes, strict=True):
            assert isinstance(outcome, Receipt)
            self.streams.give_back(stream, version + 1)
        self.events += count


def measure(server: Server, growth: Growth) -> tuple[dict[str, Measured], float]:
    """Return the appends a second at both sizes, and how they compare."""
    grown, small = GrowingLog(server.database("growth")), GrowingLog(server.database("small"))
    small.fill(growth.small)
    rates: dict[str, Measured] = {}
    shares: list[float] = []
    for size in (growth.small, growth.large):
        grown.fill(size)
        _settle(server)
        found = interleaved(_contenders(grown, small, size, growth), growth.rounds)
        rounds = zip(*(measured.figures for measured in found.values()), strict=True)
        shares.append(statistics.median(of_grown / of_small for of_grown, of_small in rounds))
        rates |= found
    before, after = shares
    return rates, after / before


def _contenders(grown: GrowingLog, small: GrowingLog, size: int, growth: Growth) -> Mapping[str, Contender]:
    return {
        f"log of {size:,} events, 32 in flight (events/s)": lambda: grown.appends(growth.appends),
        f"log of {growth.small:,} in the rounds of {size:,} (events/s)": lambda: small.appends(growth.appends),
    }


def _settle(server: Server) -> None:
    """Let what the filling left to write be written, so that it is not counted to the appends."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
