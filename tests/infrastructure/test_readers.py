"""Readers of the log: told of what is new, and never looking at more than they ask for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any, Self

import psycopg
import pytest

from infrastructure.codec import Codec
from infrastructure.event_log import log_statements as sql
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from tests.following import follow
from tests.infrastructure.sample_counter import CONTEXT, DECIDER, CounterClosed, append
from tests.waiting import until

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
CLOSED = "test.counter-closed.v1"
PAGE_BLOCKS = 60
"""Index pages of a few look-ups; the events themselves fill hundreds."""


@pytest.fixture
def follower(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


class Following:
    """A reader in a thread of its own, who notes the positions it is given."""

    def __init__(self, connection: psycopg.Connection, after: int = 0) -> None:
        self.positions: list[int] = []
        self.waits = 0
        """How often it was asked whether to stop, while nothing came."""
        self._stop = threading.Event()
        self._connection = connection
        self._thread = threading.Thread(target=self._run, args=(after,))

    def _run(self, after: int) -> None:
        reader = LogReader(CODEC)
        for events in follow(reader, self._connection, after=after, stopped=self._stopped, stop_interval_s=0.02):
            self.positions += [event.position for event in events]

    def _stopped(self) -> bool:
        self.waits += 1
        return self._stop.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    async def reach(self, position: int) -> None:
        await until(lambda: position in self.positions[-1:], f"position {position} is not reached")

    async def wait_on(self, times: int) -> None:
        """Wait until it has waited in vain so many times more."""
        enough = self.waits + times
        await until(lambda: self.waits >= enough, "the follower does not wait")


async def test_a_follower_is_given_every_event_once_as_it_comes(
    database_url: str, follower: psycopg.Connection
) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", *range(2_500), at=0)])
        with Following(follower, after=100) as following:
            await following.reach(2_500)
            for version in range(20):
                await log.append([append("counter-b", 1, at=version)])
                await following.reach(2_501 + version)
    assert following.positions == list(range(101, 2_521))


async def test_a_follower_asks_nothing_while_nothing_happens(database_url: str, follower: psycopg.Connection) -> None:
    asked = "SELECT state_change FROM pg_stat_activity WHERE pid = %s"
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", 1, at=0)])
        with Following(follower) as following, psycopg.connect(database_url, autocommit=True) as other:
            await following.reach(1)
            await following.wait_on(5)
            before = other.execute(asked, (follower.info.backend_pid,)).fetchone()
            await following.wait_on(20)
            assert other.execute(asked, (follower.info.backend_pid,)).fetchone() == before
            await log.append([append("counter-a", 1, at=1)])
            await following.reach(2)


async def test_rare_events_are_found_without_looking_at_the_others(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        for batch in range(10):
            await log.append([append(f"counter-{batch}-{n}", 1, at=0) for n in range(1_000)])
        for version in (1, 2, 3):
            rare = append("counter-0-0", at=version)
            await log.append([type(rare)(stream=rare.stream, events=[CounterClosed()], expected={}, context=CONTEXT)])
    with psycopg.connect(database_url) as connection:
        head = LogReader(CODEC).head(connection)
        found = LogReader(CODEC).read_next(connection, after=0, until=head, names=[CLOSED], limit=2)
        assert [event.version for event in found] == [2, 3]
        query = sql.BY_NAME.format(columns="*", table="log.event")
        assert _blocks(connection, query, ([CLOSED], 0, head, 10, 10)) < PAGE_BLOCKS
        everything = sql.BY_POSITION.format(columns="*", table="log.event")
        assert _blocks(connection, everything, (0, head)) > 2 * PAGE_BLOCKS


def _blocks(connection: psycopg.Connection, query: str, parameters: tuple[Any, ...]) -> int:
    row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", parameters).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])
