"""New rows take the place of old ones: readers see the ones or the others, and nobody waits for long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import IsolationLevel

from domain.operation import DropPreviousRows
from infrastructure.projector.live.admin_commands import carry_out
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build import Result
from infrastructure.projector.rebuild.switch_over import ReadersHoldError
from projections.progress import BuildPurpose, BuildState
from projections.read_model import SCHEMA
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, CounterRaised
from tests.infrastructure.sample_models import BLUE, Connection, History, blue, in_memory, rows, sound
from tests.infrastructure.watching import Reader, faults
from tests.waiting import wait_until

PLAIN = sound()
COLOURED = blue()
STREAMS = 30
AMOUNTS = 5
TAKEOVERS = 30
WITHIN_S = 15.0

ROWS = "SELECT count(*), count(*) FILTER (WHERE status = 'blue') FROM read.test_counters_v1"
SUMS = f"SELECT count(*), count(*) FILTER (WHERE total >= {BLUE}) FROM read.test_sums_v1"  # noqa: S608 - a number
LOCK = "LOCK TABLE read.test_counters_v1, read.test_sums_v1 IN ACCESS SHARE MODE"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def history(database_url: str) -> History:
    """A log of 30 streams, and the rows of it."""
    history = History(database_url)
    history.write(*((f"c{n}", CounterRaised(amount=n % AMOUNTS + 1)) for n in range(STREAMS)))
    with psycopg.connect(database_url, autocommit=True) as connection:
        follow(connection)
    return history


def follow(connection: Connection) -> Projector:
    projector = Projector(connection, PLAIN)
    projector.acquire()
    projector.prepare(projector.without_rows())
    projector.catch_up()
    return projector


def test_a_snapshot_without_the_lock_would_see_an_empty_table(connection: Connection, history: History) -> None:
    """The control: what the readers above look for can be seen, and it is the lock that keeps it away."""
    with psycopg.connect(history.url) as careless:
        careless.isolation_level = IsolationLevel.REPEATABLE_READ
        careless.execute("SELECT")
        rebuild(history.url, COLOURED, [COLOURED.projections[COUNTERS.name]])
        assert one(careless, ROWS) == (0, 0)
    assert one(connection, ROWS) == (STREAMS, STREAMS)


def fault(what: str, all_rows: int, found: tuple[int, int]) -> str:
    return "" if found in ((all_rows, 0), (all_rows, all_rows)) else f"{what}: {found[1]} of {found[0]} rows are new"


def look_at_rows(connection: Connection) -> str:
    return fault("rows", STREAMS, one(connection, ROWS))


def look_at_sums(connection: Connection) -> str:
    return fault("sums", AMOUNTS, one(connection, SUMS))


def look_in_a_snapshot(connection: Connection) -> str:
    """Look at both tables, and again at the first: within a snapshot each stays what it is."""
    connection.execute(LOCK)
    first, sums, again = one(connection, ROWS), one(connection, SUMS), one(connection, ROWS)
    changed = "" if first == again else f"rows changed within a snapshot: {first}, then {again}"
    return changed or fault("rows", STREAMS, first) or fault("sums", AMOUNTS, sums)


def one(connection: Connection, query: str) -> tuple[int, int]:
    row = connection.execute(query, prepare=True).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def test_readers_see_all_old_rows_or_all_new_ones(connection: Connection, history: History) -> None:
    url = history.url
    readers = [
        Reader(url, look_at_rows),
        Reader(url, look_at_sums),
        Reader(url, look_in_a_snapshot, snapshots=True),
        Reader(url, look_in_a_snapshot, snapshots=True),
    ]
    with ExitStack() as stack:
        for reader in readers:
            stack.enter_context(reader)
        for number in range(TAKEOVERS):
            definitions = PLAIN if number % 2 else COLOURED
            # One by itself, both at once, or both back by an undo.
            names = [[COUNTERS.name], [COUNTER_SUMS.name], [COUNTERS.name, COUNTER_SUMS.name]][number % 3]
            purpose = BuildPurpose.UNDO if number % 5 == 4 else BuildPurpose.REBUILD
            for result in rebuild(url, definitions, definitions.chosen(names), purpose=purpose, workers=1):
                assert result.state is BuildState.DONE, result.outcome
    assert not faults(readers)
    row = connection.execute("SELECT sum(generation) FROM read.checkpoint").fetchone()
    assert row is not None
    assert row[0] == TAKEOVERS + TAKEOVERS // 3


def test_a_takeover_under_writing_loses_and_doubles_nothing(connection: Connection, history: History) -> None:
    stopped = threading.Event()
    live = threading.Thread(target=_live, args=(history.url, stopped))
    writing = threading.Thread(target=_write, args=(history, stopped))
    live.start()
    writing.start()
    try:
        for number in range(10):
            purpose = BuildPurpose.UNDO if number % 3 == 2 else BuildPurpose.REBUILD
            for result in rebuild(history.url, PLAIN, [COUNTERS, COUNTER_SUMS], purpose=purpose, workers=2):
                assert result.state is BuildState.DONE, result.outcome
                assert result.equal is not False, result.outcome
    finally:
        stopped.set()
        writing.join()
        live.join()
    follow(connection)
    expected = in_memory(connection, [COUNTERS, COUNTER_SUMS])
    assert rows(connection, COUNTERS) == expected[COUNTERS.name]
    assert rows(connection, COUNTER_SUMS) == expected[COUNTER_SUMS.name]


def _live(url: str, stopped: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        Projector(connection, PLAIN).run(stopped.is_set)


def _write(history: History, stopped: threading.Event) -> None:
    while not stopped.is_set():
        history.more(20, streams=300)


# --- Readers who stay -----------------------------------------------------------------------------------------------


def test_who_reads_for_long_delays_the_takeover_and_no_other_reader(connection: Connection, history: History) -> None:
    results: list[Result] = []
    made = threading.Thread(
        target=lambda: results.extend(rebuild(history.url, COLOURED, [COLOURED.projections[COUNTERS.name]]))
    )
    with Reader(history.url, look_at_rows) as reader, psycopg.connect(history.url) as long:
        long.execute(LOCK)
        made.start()
        # It tries again and again: the lock is asked for, and given up.
        for _ in range(2):
            wait_until(lambda: _asked_for(connection), "nobody wants to take over")
            wait_until(lambda: not _asked_for(connection), "others wait behind a takeover that waits")
        before = reader.reads
        wait_until(lambda: reader.reads > before + 10, "other readers wait")
        assert not results
        assert fault("rows", STREAMS, one(long, ROWS)) == ""
        long.rollback()
        made.join(WITHIN_S)
    assert [result.state for result in results] == [BuildState.DONE]
    assert one(connection, ROWS) == (STREAMS, STREAMS)
    assert not faults([reader])
    assert reader.longest_s < WITHIN_S


def _asked_for(connection: Connection) -> bool:
    query = """
        SELECT FROM pg_locks WHERE relation = 'read.test_counters_v1'::regclass
        AND mode = 'AccessExclusiveLock' AND NOT granted
    """
    return connection.execute(query).fetchone() is not None


def test_a_takeover_that_never_gets_its_turn_ends_with_a_sentence_and_leaves_the_rows_in_use(
    connection: Connection, history: History
) -> None:
    with psycopg.connect(history.url) as long:
        long.execute(LOCK)
        (result,) = rebuild(history.url, COLOURED, [COLOURED.projections[COUNTERS.name]], takeover_tries=3)
    assert result.state is BuildState.FAILED
    assert str(ReadersHoldError("somebody reads the rows in use all the time")) in result.outcome
    assert one(connection, ROWS) == (STREAMS, 0)
    assert _tables(connection) == {"test_counters_v1", "test_sums_v1"}


def _tables(connection: Connection) -> set[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'test_counters%%'"
    query += " OR schemaname = %s AND tablename LIKE 'test_sums%%'"
    return {name for (name,) in connection.execute(query.encode(), (SCHEMA, SCHEMA))}


def test_an_act_that_drops_what_somebody_reads_does_not_hold_up_the_read_models(
    connection: Connection, history: History
) -> None:
    for _ in range(2):
        rebuild(history.url, PLAIN, [COUNTERS])
    with psycopg.connect(history.url) as long:
        long.execute("LOCK TABLE read.test_counters_v1_before IN ACCESS SHARE MODE")
        history.act(DropPreviousRows, COUNTERS.name)
        _carry_out(connection)
        assert "test_counters_v1_before" in _tables(connection)
        history.more(20)
        assert follow(connection).catch_up() == STREAMS + 21
    _carry_out(connection)
    assert "test_counters_v1_before" not in _tables(connection)


def _carry_out(connection: Connection) -> None:
    carry_out(connection, PLAIN, follow(connection).owned[COUNTERS.name])


def test_a_takeover_keeps_names_of_tables_and_indexes(connection: Connection, history: History) -> None:
    query = "SELECT tablename, indexname FROM pg_indexes WHERE tablename ~ '^test_' ORDER BY 1, 2"
    before = connection.execute(query).fetchall()
    for _ in range(3):
        rebuild(history.url, PLAIN, [COUNTERS])
    rebuild(history.url, PLAIN, [COUNTERS], purpose=BuildPurpose.UNDO)
    after = connection.execute(query).fetchall()
    assert [row for row in after if not row[0].endswith("_before")] == before
    assert [row for row in after if row[0].endswith("_before")] == [
        ("test_counters_v1_before", "test_counters_v1_before_pkey")
    ]
