"""The log grows by partitions; old ones can be taken out, and everything is still found."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from application.ports import Append, Conflict, Receipt
from infrastructure.codec import Codec
from infrastructure.database.migrations import migrate
from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from tests.infrastructure.sample_counter import DECIDER, append

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
READER = LogReader(CODEC)
RAISED = ["test.counter-raised.v1"]
SIZE = 10


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    """A log whose partitions hold ten events each from the second on; the first holds as many."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE log.identity SET partition_events = %s", (SIZE,))
        connection.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
        connection.execute(f"ALTER TABLE log.event ATTACH PARTITION log.event_1 FOR VALUES FROM (1) TO ({SIZE + 1})")
        connection.execute("UPDATE log.partition SET last_position = %s", (SIZE,))
        yield connection


async def fill(log: PostgresLog, rounds: int = 7) -> None:
    """Write 5 events a round: one to each of four streams, and one that begins a stream of its own."""
    for round_ in range(rounds):
        streams: list[Append] = [append(f"counter-o.{n}", round_, at=round_) for n in range(4)]
        outcomes = await log.append([*streams, append(f"counter-alone-{round_}", round_, at=0)])
        assert all(isinstance(outcome, Receipt) for outcome in outcomes)


def partitions(connection: psycopg.Connection) -> list[tuple[int, int, int, bool]]:
    return connection.execute(
        "SELECT number, first_position, last_position, attached FROM log.partition ORDER BY number"
    ).fetchall()


def amounts(connection: psycopg.Connection, after: int, until: int) -> list[int]:
    return [event.event.amount for event in READER.read(connection, after=after, until=until)]


async def test_partitions_come_as_the_log_grows(owner: psycopg.Connection, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
        await log.append([append("counter-large", *range(25), at=0)])
    assert partitions(owner) == [(number, SIZE * (number - 1) + 1, SIZE * number, True) for number in range(1, 7)]
    rows = owner.execute("SELECT tableoid::regclass::text, min(position), max(position) FROM log.event GROUP BY 1")
    assert sorted(rows.fetchall()) == [(f"log.event_{n}", SIZE * (n - 1) + 1, SIZE * n) for n in range(1, 7)]


async def test_a_stream_is_read_whole_whatever_partitions_it_lies_in(
    owner: psycopg.Connection, database_url: str
) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log, PostgresLog(database_url, CODEC, b"key") as other:
        assert (await other.read(["counter-o.0"]))["counter-o.0"].version == 0  # it knows of the first partition only
        await fill(log)
        for each in (log, other):
            found = await each.read(
                ["counter-o.0", "counter-o.3", "counter-alone-0", "counter-alone-6", "counter-none"]
            )
            assert [event.amount for event in found["counter-o.0"].events] == list(range(7))
            assert (found["counter-o.3"].version, found["counter-o.3"].position) == (7, 34)
            assert (found["counter-alone-0"].version, found["counter-alone-0"].position) == (1, 5)
            assert (found["counter-alone-6"].version, found["counter-alone-6"].position) == (1, 35)
            assert found["counter-none"].version == 0
            by_prefix = (await each.read_prefixes(["counter-o."]))["counter-o."]
            assert {name: stream.version for name, stream in by_prefix.items()} == {
                f"counter-o.{n}": 7 for n in range(4)
            }
    assert amounts(owner, 3, 32) == [n // 5 for n in range(3, 32)]


async def test_a_stream_from_an_old_partition_keeps_its_versions(owner: psycopg.Connection, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
        assert await log.append([append("counter-alone-0", 1, at=0)]) == [Conflict("counter-alone-0")]
        (outcome,) = await log.append([append("counter-alone-0", 2, at=1)])
        assert isinstance(outcome, Receipt)
        assert [event.amount for event in (await log.read(["counter-alone-0"]))["counter-alone-0"].events] == [0, 2]
    with pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM log.event_3")


async def test_rare_events_are_found_over_all_partitions(owner: psycopg.Connection, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
    found = list(READER.read(owner, after=8, until=33, names=RAISED))
    assert [event.position for event in found] == list(range(9, 34))
    assert list(READER.read(owner, after=0, until=35, names=["test.counter-closed.v1"])) == []
    next_ = READER.read_next(owner, after=8, until=35, names=RAISED, limit=5)
    assert [event.position for event in next_] == [9, 10, 11, 12, 13]


async def test_a_detached_partition_is_still_read_and_can_come_back(
    owner: psycopg.Connection, database_url: str
) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
        for number in (1, 2):
            owner.execute("SELECT log.detach_partition(%s)", (number,))
        for attached in (False, True):
            assert [row[3] for row in partitions(owner)[:2]] == [attached, attached]
            found = await log.read(["counter-o.0", "counter-alone-0"])
            assert [found[stream].version for stream in found] == [7, 1]
            assert amounts(owner, 0, 35) == [n // 5 for n in range(35)]
            assert amounts(owner, 12, 14) == [2, 2]
            assert len(list(READER.read(owner, after=5, until=25, names=RAISED))) == 20
            if not attached:
                for number in (2, 1):
                    owner.execute("SELECT log.attach_partition(%s)", (number,))
        (outcome,) = await log.append([append("counter-alone-1", 2, at=1)])
        assert isinstance(outcome, Receipt)


async def test_a_partition_that_was_put_away_is_missed_and_said(owner: psycopg.Connection, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
        owner.execute("SELECT log.detach_partition(1)")
        owner.execute("ALTER TABLE log.event_1 RENAME TO put_away")
        with pytest.raises(MissingEventsError):
            await log.read(["counter-o.0"])
        assert (await log.read(["counter-alone-6"]))["counter-alone-6"].version == 1
        with pytest.raises(MissingEventsError, match="positions 1 to 10"):
            amounts(owner, 0, 35)
        with pytest.raises(MissingEventsError):
            list(READER.read(owner, after=5, until=15, names=RAISED))
        assert len(amounts(owner, 10, 35)) == 25
        # What was put away may be written on: where its stream stands is not forgotten.
        assert await log.append([append("counter-alone-0", 1, at=0)]) == [Conflict("counter-alone-0")]
        owner.execute("ALTER TABLE log.put_away RENAME TO event_1")
        assert amounts(owner, 0, 35) == [n // 5 for n in range(35)]


async def test_partitions_are_detached_from_the_oldest_on_and_never_the_one_that_grows(
    owner: psycopg.Connection, database_url: str
) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log, rounds=3)
    for refused in (2, 99):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="oldest"):
            owner.execute("SELECT log.detach_partition(%s)", (refused,))
    owner.execute("SELECT log.detach_partition(1)")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="grows"):
        owner.execute("SELECT log.detach_partition(2)")


async def test_only_a_whole_partition_is_attached_again(owner: psycopg.Connection, database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await fill(log)
    owner.execute("SELECT log.detach_partition(1)")
    owner.execute("ALTER TABLE log.event_1 RENAME TO put_away")
    owner.execute("CREATE TABLE log.event_1 AS SELECT * FROM log.put_away WHERE position <> 4")
    with pytest.raises(psycopg.errors.DataCorrupted, match="not whole"):
        owner.execute("SELECT log.attach_partition(1)")


async def test_every_log_has_an_identity_of_its_own(database_url: str, empty_database_url: str) -> None:
    migrate(empty_database_url)
    with psycopg.connect(database_url) as one, psycopg.connect(empty_database_url) as other:
        ids = [connection.execute("SELECT log.id()").fetchone() for connection in (one, one, other)]
    assert ids[0] == ids[1] != ids[2]
