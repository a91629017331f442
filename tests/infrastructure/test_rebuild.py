"""Rows made anew beside those in use: the same as live and in memory, whatever becomes of the making."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from itertools import count

import psycopg
import pytest

from domain.operation import DropPreviousRows, RequestRebuild
from infrastructure.projector import BusyError, Projector, Result, build, builds, fillers, filling, rebuild
from infrastructure.projector.build import StoppedError
from infrastructure.projector.builds import BUILDS
from infrastructure.projector.orders import carry_out
from projections.progress import BuildPurpose, BuildState
from tests.infrastructure.projector_process import Processes, children, kill, lives, stop, wait_until
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS
from tests.infrastructure.sample_models import (
    COUNTER_DAYS,
    SOUND,
    Connection,
    History,
    all_rows,
    in_memory,
    leftovers,
    rows,
    second_version,
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


def follow(connection: Connection) -> Projector:
    projector = Projector(connection, DEFINITIONS)
    projector.lead()
    projector.prepare(projector.without_rows())
    projector.catch_up()
    return projector


def made(results: Sequence[Result]) -> None:
    for result in results:
        assert (result.state, result.equal) == (BuildState.DONE, True), result.outcome


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
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int]
) -> None:
    chunk, few, long = sizes
    monkeypatch.setattr(filling, "CHUNK_EVENTS", chunk)
    monkeypatch.setattr(filling, "LONG_STREAM_EVENTS", long)
    monkeypatch.setattr(fillers, "FEW_EVENTS", few)
    history.more(600)
    projector = follow(connection)
    history.more(50)  # those in use are a little behind
    expected = in_memory(connection, SOUND)
    results = rebuild(history.url, DEFINITIONS, SOUND, workers=2)
    made(results)
    assert {result.position for result in results} == {650}
    assert all_rows(connection, SOUND) == expected
    assert not leftovers(connection)
    history.more(50)
    assert projector.catch_up() == 700
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    made(rebuild(history.url, DEFINITIONS, SOUND, purpose=BuildPurpose.VERIFICATION))


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
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "LONG_STREAM_EVENTS", 10)
    history.more(100, streams=8)
    history.act(RequestRebuild, "keys")
    planned = filling.plan(connection, DEFINITIONS, SOUND, until=101)
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
    carry_out(connection, DEFINITIONS, projector.led[COUNTER_SUMS.name])
    assert "test_sums_v1_before" not in tables(connection)
    assert undone(history) == BuildState.FAILED
    assert rows(connection, COUNTER_SUMS) == right


def undone(history: History) -> BuildState:
    (result,) = rebuild(history.url, DEFINITIONS, [COUNTER_SUMS], purpose=BuildPurpose.UNDO)
    return result.state


def test_an_undo_that_was_interrupted_adds_nothing_twice(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BATCH_EVENTS", 10)
    history.more(100)
    projector = follow(connection)
    made(rebuild(history.url, DEFINITIONS, [COUNTER_SUMS]))
    history.more(500)
    projector.catch_up()
    asked = count()
    with pytest.raises(StoppedError):
        rebuild(
            history.url,
            DEFINITIONS,
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


# --- Interrupted ----------------------------------------------------------------------------------------------------


def test_a_build_that_is_cancelled_leaves_the_rows_in_use_and_nothing_else(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "REPORT_S", 0.0)
    monkeypatch.setattr(filling, "CHUNK_EVENTS", 50)
    history.more(300)
    follow(connection)
    connection.execute("UPDATE read.test_sums_v1 SET total = 0")
    before, there = all_rows(connection, SOUND), tables(connection)

    def cancel(done: int, total: int) -> None:
        if done * 2 > total:
            for projection in SOUND:
                builds.cancel(connection, projection)

    for result in rebuild(history.url, DEFINITIONS, SOUND, progress=cancel):
        assert result.state is BuildState.CANCELLED
    assert all_rows(connection, SOUND) == before
    assert tables(connection) == there
    states = connection.execute("SELECT DISTINCT state, ended_at IS NOT NULL FROM read.build").fetchall()
    assert states == [("cancelled", True)]


def test_of_several_builds_one_is_cancelled_and_the_others_go_on(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "REPORT_S", 0.0)
    history.more(300)
    follow(connection)
    results = rebuild(
        history.url, DEFINITIONS, SOUND, progress=lambda _done, _total: builds.cancel(connection, COUNTERS)
    )
    states = {result.projection: result.state for result in results}
    assert states.pop(COUNTERS.name) is BuildState.CANCELLED
    assert set(states.values()) == {BuildState.DONE}
    assert not leftovers(connection)


def test_rows_of_one_read_model_are_not_made_twice_at_once(connection: Connection, history: History) -> None:
    history.more(100)
    follow(connection)
    refused = []

    def again(_done: int, _total: int) -> None:
        with pytest.raises(BusyError, match="test_sums"):
            rebuild(history.url, DEFINITIONS, [COUNTERS, COUNTER_SUMS])
        made(rebuild(history.url, DEFINITIONS, [COUNTERS]))
        refused.append(True)

    made(rebuild(history.url, DEFINITIONS, [COUNTER_SUMS], progress=again))
    assert refused


def test_a_filler_that_is_killed_fails_the_build_with_a_sentence(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_steps(monkeypatch)
    history.more(300)
    follow(connection)
    before, there = all_rows(connection, SOUND), tables(connection)
    killed: list[int] = []

    def kill_one(done: int, _total: int) -> None:
        if done and not killed:
            killed.append(children(os.getpid())[0])
            kill(killed[0])

    for result in rebuild(history.url, SLOW, SOUND, workers=2, progress=kill_one):
        assert result.state is BuildState.FAILED
        assert result.outcome == "failed: a process that fills tables was ended; the rows in use stayed"
    assert killed
    assert not children(os.getpid())
    assert all_rows(connection, SOUND) == before
    assert tables(connection) == there
    made(rebuild(history.url, DEFINITIONS, SOUND))


def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fillers, "FEW_EVENTS", 1)
    monkeypatch.setattr(filling, "CHUNK_EVENTS", 40)


def test_fillers_end_with_the_process_that_started_them_and_the_next_rebuild_works(
    connection: Connection, history: History
) -> None:
    history.more(300)
    follow(connection)
    with Processes() as processes:
        parent, fillers_ = rebuilding(connection, processes, history)
        kill(parent)
        wait_until(lambda: not any(map(lives, fillers_)), "a filler outlives the process that started it")
    made(rebuild(history.url, DEFINITIONS, SOUND))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    states = connection.execute("SELECT state, outcome FROM read.build ORDER BY build_id LIMIT 1").fetchone()
    assert states == ("failed", "interrupted")
    assert not leftovers(connection)


def test_a_filler_that_wakes_up_too_late_writes_nothing_into_the_rows_of_another_build(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_steps(monkeypatch)
    history.more(300)
    follow(connection)
    with Processes() as processes:
        parent, fillers_ = rebuilding(connection, processes, history)
        for filler in fillers_:
            os.kill(filler, signal.SIGSTOP)
        kill(parent)

        def wake(done: int, _total: int) -> None:
            if done:
                for filler in fillers_:
                    os.kill(filler, signal.SIGCONT) if lives(filler) else None
                wait_until(lambda: not any(map(lives, fillers_)), "a filler outlives the process that started it")

        made(rebuild(history.url, DEFINITIONS, SOUND, progress=wake))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    assert not leftovers(connection)


def rebuilding(connection: Connection, processes: Processes, history: History) -> tuple[int, Sequence[int]]:
    """Start a rebuild in a process of its own; return it and its fillers when they are at work."""
    names = [projection.name for projection in SOUND]
    parent = processes.rebuild(
        history.url, SLOW.reference, names, fillers__FEW_EVENTS=1, filling__CHUNK_EVENTS=40, build__REPORT_S=0.0
    )
    wait_until(
        lambda: connection.execute("SELECT FROM read.build WHERE events_done > 0").fetchone() is not None,
        "nothing is filled",
        within_s=60,
    )
    fillers_ = children(parent)
    assert len(fillers_) == 2
    return parent, fillers_


def test_a_cancelled_build_whose_worker_died_is_ended_by_the_next(connection: Connection, history: History) -> None:
    history.more(100)
    with psycopg.connect(history.url, autocommit=True) as leader:
        follow(leader)
    asked = builds.ask(connection, COUNTERS, BuildPurpose.REBUILD, by_worker=True)
    builds.enter(connection, [asked], BuildState.FILLING, 100)
    builds.cancel(connection, COUNTERS)  # and its process died at this point
    with Processes() as processes:
        worker = processes.worker(history.url, DEFINITIONS.reference)
        wait_until(
            lambda: connection.execute("SELECT FROM read.build WHERE ended_at IS NULL").fetchone() is None,
            "a build that was cancelled is never ended",
        )
        stop(worker)
    states = connection.execute("SELECT state FROM read.build WHERE purpose = 'rebuild' ORDER BY build_id").fetchall()
    assert states == [("cancelled",)]
    assert not leftovers(connection)


# --- Versions -------------------------------------------------------------------------------------------------------


def test_the_next_version_is_made_beside_this_one_and_this_one_stays_as_long_as_somebody_follows_it(
    connection: Connection, history: History
) -> None:
    history.more(200)
    with Processes() as processes:
        first = processes.worker(history.url, DEFINITIONS.reference)
        wait_until(lambda: at_head(connection, 1), "version 1 does not catch up")
        second = processes.worker(history.url, second_version().reference, worker__FIRST_BUILD_EVENTS=50)
        history.more(100)
        wait_until(lambda: at_head(connection, 1) and at_head(connection, 2), "version 2 does not catch up")
        purposes = connection.execute("SELECT purpose, version, state FROM read.build").fetchall()
        assert purposes == [("first", 2, "done")]
        history.act(DropPreviousRows, COUNTER_SUMS.name)
        history.more(100)
        wait_until(lambda: acts_done(connection, COUNTER_SUMS.name, 2), "an act is not carried out")
        wait_until(lambda: at_head(connection, 1) and at_head(connection, 2), "the versions do not go on")
        both_versions_are_right(connection)
        kill(first)
        wait_until(lambda: not taken(connection, 1, COUNTER_SUMS.name, 1), "its lock is not given back")
        history.act(DropPreviousRows, COUNTER_SUMS.name)
        wait_until(lambda: "test_sums_v1" not in tables(connection), "version 1 is not dropped")
        assert (COUNTER_SUMS.name, 1) not in versions(connection)
        stop(second)


def both_versions_are_right(connection: Connection) -> None:
    (sums, times) = DEFINITIONS.projections[COUNTER_SUMS.name], second_version().projections[COUNTER_SUMS.name]
    assert rows(connection, sums) == in_memory(connection, [sums])[sums.name]
    assert rows(connection, times) == in_memory(connection, [times])[times.name]


def versions(connection: Connection) -> set[tuple[str, int]]:
    return set(connection.execute("SELECT projection, version FROM read.checkpoint").fetchall())


def at_head(connection: Connection, version: int) -> bool:
    query = """
        SELECT position = log.head() FROM read.checkpoint WHERE projection = %s AND version = %s
    """
    return connection.execute(query, (COUNTER_SUMS.name, version)).fetchone() == (True,)


def acts_done(connection: Connection, name: str, version: int) -> bool:
    query = """
        SELECT act_position >= (SELECT max(act_position) FROM read.projection_acts_v1 WHERE projection = %s)
        FROM read.checkpoint WHERE projection = %s AND version = %s
    """
    return connection.execute(query, (name, name, version)).fetchone() == (True,)


def taken(connection: Connection, kind: int, name: str, version: int) -> bool:
    return connection.execute("SELECT read.is_taken(%s, %s, %s)", (kind, name, version)).fetchone() == (True,)


def test_a_first_build_that_failed_is_tried_again(connection: Connection, history: History) -> None:
    """The rows of a new version are made even if the first attempt at them was ended by somebody."""
    history.more(300)
    with Processes() as processes:
        options = {
            "worker__FIRST_BUILD_EVENTS": 1,
            "worker__AGAIN_S": 0.5,
            "fillers__FEW_EVENTS": 1,
            "filling__CHUNK_EVENTS": 40,
        }
        worker = processes.worker(history.url, SLOW.reference, **options)
        wait_until(lambda: bool(children(worker)), "no filler is started")
        kill(children(worker)[0])
        names = {projection.name for projection in SOUND}
        wait_until(lambda: {name for name, _ in versions(connection)} == names, "it is not tried again", within_s=30)
        stop(worker)
    assert rows(connection, COUNTER_DAYS) == in_memory(connection, SOUND)[COUNTER_DAYS.name]


def test_the_lock_of_a_build_is_given_back(connection: Connection, history: History) -> None:
    history.more(10)
    follow(connection)
    during: list[bool] = []
    rebuild(
        history.url,
        DEFINITIONS,
        [COUNTERS],
        progress=lambda _done, _total: during.append(taken(connection, BUILDS, COUNTERS.name, 1)),
    )
    assert during
    assert all(during)
    assert not taken(connection, BUILDS, COUNTERS.name, 1)
    assert threading.active_count() == 1
