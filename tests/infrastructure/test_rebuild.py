"""Rows made anew beside those in use: the same as live and in memory, whatever becomes of the making."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import psycopg
import pytest

from domain.operation import DropPreviousRows, RequestRebuild
from infrastructure.projector.live.admin_commands import carry_out
from infrastructure.projector.rebuild import stream_fold as filling
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build_environment import StoppedError
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from projections.progress import BuildPurpose, BuildState
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS
from tests.infrastructure.sample_models import (
    SOUND,
    Connection,
    History,
    all_rows,
    follow,
    in_memory,
    leftovers,
    made,
    rows,
    slow,
    sound,
    tables,
)

DEFINITIONS = sound()
SLOW = slow()
PARTITION_EVENTS = 100


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def history(database_url: str) -> History:
    return History(database_url)


# --- The same rows --------------------------------------------------------------------------------------------------


# Events in a chunk, events that are worth processes of their own, events that are too many for a chunk.
@pytest.mark.parametrize(
    "sizes",
    [
        (20_000, 50_000, 100_000),  # one chunk
        (25, 50_000, 100_000),  # many
        (50, 100, 100_000),  # many, in other processes
        (30, 50_000, 15),  # many, and most streams are too long for them
        (30, 50_000, 1),  # all but the shortest are
    ],
)
def test_rows_made_anew_are_those_in_use_and_those_in_memory(
    connection: Connection, history: History, sizes: tuple[int, int, int]
) -> None:
    chunk, few, long = sizes
    limits = ProjectorLimits(chunk_events=chunk, long_stream_events=long, process_events=few)
    definitions = replace(DEFINITIONS, limits=limits)
    history.more(600)
    projector = follow(connection)
    history.more(50)  # those in use are a little behind
    expected = in_memory(connection, SOUND)
    results = rebuild(history.url, definitions, SOUND, workers=2)
    made(results)
    assert {result.position for result in results} == {650}
    assert all_rows(connection, SOUND) == expected
    assert not leftovers(connection)
    history.more(50)
    assert projector.catch_up() == 700
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    made(rebuild(history.url, definitions, SOUND, purpose=BuildPurpose.VERIFICATION))


def test_events_in_partitions_that_were_detached_are_in_the_rows(connection: Connection, history: History) -> None:
    small_partitions(connection)
    for _ in range(5):
        history.more(PARTITION_EVENTS)
    follow(connection)
    for number in (1, 2):
        connection.execute("SELECT log.detach_partition(%s)", (number,))
    made(rebuild(history.url, DEFINITIONS, SOUND))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def test_a_partition_that_was_put_away_is_told_and_the_rows_in_use_stay(
    connection: Connection, history: History
) -> None:
    small_partitions(connection)
    for _ in range(3):
        history.more(PARTITION_EVENTS)
    follow(connection)
    before = all_rows(connection, SOUND)
    connection.execute("SELECT log.detach_partition(1)")
    connection.execute("ALTER TABLE log.event_1 RENAME TO put_away")
    for result in rebuild(history.url, DEFINITIONS, SOUND):
        assert result.state is BuildState.FAILED
        assert "positions 1 to 100 were put away" in result.outcome
    assert all_rows(connection, SOUND) == before
    assert not leftovers(connection)


def small_partitions(connection: Connection) -> None:
    size = PARTITION_EVENTS
    connection.execute("UPDATE log.identity SET partition_events = %s", (size,))
    connection.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
    connection.execute(f"ALTER TABLE log.event ATTACH PARTITION log.event_1 FOR VALUES FROM (1) TO ({size + 1})")
    connection.execute("UPDATE log.partition SET last_position = %s", (size,))


def test_a_chunk_has_streams_of_one_category_and_none_that_is_too_long(
    connection: Connection, history: History
) -> None:
    definitions = replace(DEFINITIONS, limits=ProjectorLimits(long_stream_events=10))
    history.more(100, streams=8)
    history.act(RequestRebuild, "keys")
    planned = filling.plan(connection, definitions, SOUND, until=101)
    for chunk in planned.chunks:
        found = connection.execute(
            "SELECT stream, version FROM log.stream WHERE stream BETWEEN %s AND %s", (chunk.first, chunk.last)
        ).fetchall()
        assert sum(version for _, version in found) == chunk.events
        assert len({stream.partition("-")[0] for stream, _ in found}) == 1
        assert max(version for _, version in found) <= 10
    assert planned.events == 101
    assert planned.long_streams


def test_rows_as_of_a_position_are_those_of_a_log_that_ends_there(connection: Connection, history: History) -> None:
    history.more(300)
    follow(connection)
    before = all_rows(connection, SOUND)
    for position in (1, 137, 300):
        for result in rebuild(history.url, DEFINITIONS, SOUND, purpose=BuildPurpose.AS_OF, position=position):
            assert (result.state, result.position) == (BuildState.DONE, position), result.outcome
        assert all_rows(connection, SOUND, f"_at_{position}") == in_memory(connection, SOUND, until=position)
    assert all_rows(connection, SOUND) == before
    assert connection.execute("SELECT count(*) FROM read.previous").fetchone() == (0,)


# --- The proof ------------------------------------------------------------------------------------------------------


def test_a_verification_leaves_nothing_behind(connection: Connection, history: History) -> None:
    history.more(200)
    follow(connection)
    before = tables(connection)
    made(rebuild(history.url, DEFINITIONS, SOUND, purpose=BuildPurpose.VERIFICATION))
    assert tables(connection) == before
    assert connection.execute("SELECT count(*) FROM read.previous").fetchone() == (0,)


def test_a_row_that_was_changed_by_hand_is_found_with_the_events_that_made_it(
    connection: Connection, history: History
) -> None:
    history.more(100, closing=0)
    follow(connection)
    connection.execute("UPDATE read.test_counters_v1 SET last_amount = 99 WHERE counter_id IN ('c7', 'c5')")
    (result,) = rebuild(history.url, DEFINITIONS, [COUNTERS], purpose=BuildPurpose.VERIFICATION)
    assert (result.state, result.equal) == (BuildState.DONE, False)
    assert "the row with counter_id c5 differs" in result.outcome
    assert "in last_amount" in result.outcome
    of_c5 = connection.execute("SELECT position FROM log.event WHERE stream = 'counter-c5' ORDER BY position")
    assert f"made by the events at {', '.join(str(position) for (position,) in of_c5)}" in result.outcome
    stored = connection.execute("SELECT equal, outcome FROM read.build ORDER BY build_id DESC LIMIT 1").fetchone()
    assert stored == (False, result.outcome)
    assert ("c5",) in rows(connection, COUNTERS)
    assert rows(connection, COUNTERS)[("c5",)]["last_amount"] == 99


# --- Taking over and back -------------------------------------------------------------------------------------------


def test_a_takeover_can_be_undone_and_that_too(connection: Connection, history: History) -> None:
    history.more(100, closing=0)
    projector = follow(connection)
    connection.execute("UPDATE read.test_sums_v1 SET total = total + 1000")
    (result,) = rebuild(history.url, DEFINITIONS, [COUNTER_SUMS])
    assert (result.state, result.equal) == (BuildState.DONE, False)
    assert rows(connection, COUNTER_SUMS) == in_memory(connection, SOUND)[COUNTER_SUMS.name]
    history.more(50, closing=0)
    projector.catch_up()
    assert undone(history) == BuildState.DONE
    history.more(50, closing=0)
    projector.catch_up()
    right = in_memory(connection, SOUND)[COUNTER_SUMS.name]
    wrong = {key: {**row, "total": row["total"] + 1000} for key, row in right.items()}
    assert rows(connection, COUNTER_SUMS) == wrong
    assert undone(history) == BuildState.DONE
    assert rows(connection, COUNTER_SUMS) == right
    history.act(DropPreviousRows, COUNTER_SUMS.name)
    projector.catch_up()
    carry_out(connection, DEFINITIONS, projector.owned[COUNTER_SUMS.name])
    assert "test_sums_v1_before" not in tables(connection)
    assert undone(history) == BuildState.FAILED
    assert rows(connection, COUNTER_SUMS) == right


def undone(history: History) -> BuildState:
    (result,) = rebuild(history.url, DEFINITIONS, [COUNTER_SUMS], purpose=BuildPurpose.UNDO)
    return result.state


def test_an_undo_that_was_interrupted_adds_nothing_twice(connection: Connection, history: History) -> None:
    definitions = replace(DEFINITIONS, limits=ProjectorLimits(batch_events=10))
    history.more(100)
    projector = follow(connection)
    made(rebuild(history.url, DEFINITIONS, [COUNTER_SUMS]))
    history.more(500)
    projector.catch_up()
    asked = count()
    with pytest.raises(StoppedError):
        rebuild(
            history.url,
            definitions,
            [COUNTER_SUMS],
            purpose=BuildPurpose.UNDO,
            stopped=lambda: next(asked) == 3,  # some steps were taken, not all
        )
    assert undone(history) == BuildState.DONE
    assert rows(connection, COUNTER_SUMS) == in_memory(connection, SOUND)[COUNTER_SUMS.name]


def test_rows_that_somebody_dropped_are_made_anew(connection: Connection, history: History) -> None:
    history.more(100)
    projector = follow(connection)
    connection.execute("DROP TABLE read.test_sums_v1")
    (result,) = rebuild(history.url, DEFINITIONS, [COUNTER_SUMS])
    assert result.state is BuildState.DONE, result.outcome
    assert result.equal is None
    history.more(100)
    projector.catch_up()
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    made(rebuild(history.url, DEFINITIONS, SOUND))
