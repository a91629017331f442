"""Rebuilds that are cancelled, refused or killed: the rows in use stay, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from infrastructure.projector.proof.comparing import Proof, prove
from infrastructure.projector.rebuild import build, builds
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build import BuildRunningError
from infrastructure.projector.rebuild.builds import BUILDS
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from infrastructure.projector.rows.tables import ReadTable
from projections.progress import BuildPurpose, BuildState
from tests.infrastructure.projector_process import Processes, fillers_of, kill, lives, stop
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
    slow,
    sound,
    tables,
    taken,
)
from tests.waiting import wait_until

DEFINITIONS = sound()
SLOW = slow()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def history(database_url: str) -> History:
    return History(database_url)


def test_a_build_that_is_cancelled_leaves_the_rows_in_use_and_nothing_else(
    connection: Connection, history: History
) -> None:
    definitions = replace(DEFINITIONS, limits=ProjectorLimits(report_interval_s=0.0, chunk_events=50))
    history.more(300)
    follow(connection)
    connection.execute("UPDATE read.test_sums_v1 SET total = 0")
    before, there = all_rows(connection, SOUND), tables(connection)

    def cancel(done: int, total: int) -> None:
        if done * 2 > total:
            for projection in SOUND:
                builds.cancel(connection, projection)

    for result in rebuild(history.url, definitions, SOUND, progress=cancel):
        assert result.state is BuildState.CANCELLED
    assert all_rows(connection, SOUND) == before
    assert tables(connection) == there
    states = connection.execute("SELECT DISTINCT state, ended_at IS NOT NULL FROM read.build").fetchall()
    assert states == [("cancelled", True)]


def test_of_several_builds_one_is_cancelled_and_the_others_go_on(connection: Connection, history: History) -> None:
    definitions = replace(DEFINITIONS, limits=ProjectorLimits(report_interval_s=0.0))
    history.more(300)
    follow(connection)
    results = rebuild(
        history.url, definitions, SOUND, progress=lambda _done, _total: builds.cancel(connection, COUNTERS)
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
        with pytest.raises(BuildRunningError, match="test_sums"):
            rebuild(history.url, DEFINITIONS, [COUNTERS, COUNTER_SUMS])
        made(rebuild(history.url, DEFINITIONS, [COUNTERS]))
        refused.append(True)

    made(rebuild(history.url, DEFINITIONS, [COUNTER_SUMS], progress=again))
    assert refused


def test_a_filler_that_is_killed_fails_the_build_with_a_sentence(connection: Connection, history: History) -> None:
    history.more(300)
    follow(connection)
    before, there = all_rows(connection, SOUND), tables(connection)
    killed: list[int] = []

    def kill_one(done: int, _total: int) -> None:
        if done and not killed:
            killed.append(fillers_of(os.getpid())[0])
            kill(killed[0])

    for result in rebuild(history.url, replace(SLOW, limits=SMALL_STEPS), SOUND, workers=2, progress=kill_one):
        assert result.state is BuildState.FAILED
        assert result.outcome == "failed: a process that fills tables was ended; the rows in use stayed"
    assert killed
    assert not fillers_of(os.getpid())
    assert all_rows(connection, SOUND) == before
    assert tables(connection) == there
    made(rebuild(history.url, DEFINITIONS, SOUND))


SMALL_STEPS = ProjectorLimits(process_events=1, chunk_events=40)


def test_fillers_end_with_the_process_that_started_them_and_the_next_rebuild_works(
    connection: Connection, history: History
) -> None:
    history.more(300)
    follow(connection)
    with Processes() as processes:
        parent, fillers_ = rebuilding(connection, processes, history)
        kill(parent)
        wait_until(lambda: not any(map(lives, fillers_)), "a filler outlives the process that started it")
        locks_are_given_back(connection)
    made(rebuild(history.url, DEFINITIONS, SOUND))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    states = connection.execute("SELECT state, outcome FROM read.build ORDER BY build_id LIMIT 1").fetchone()
    assert states == ("failed", "interrupted")
    assert not leftovers(connection)


def test_a_filler_that_wakes_up_too_late_writes_nothing_into_the_rows_of_another_build(
    connection: Connection, history: History
) -> None:
    history.more(300)
    follow(connection)
    with Processes() as processes:
        parent, fillers_ = rebuilding(connection, processes, history)
        for filler in fillers_:
            os.kill(filler, signal.SIGSTOP)
        kill(parent)
        locks_are_given_back(connection)

        def wake(done: int, _total: int) -> None:
            if done:
                for filler in fillers_:
                    os.kill(filler, signal.SIGCONT) if lives(filler) else None
                wait_until(lambda: not any(map(lives, fillers_)), "a filler outlives the process that started it")

        made(rebuild(history.url, replace(DEFINITIONS, limits=SMALL_STEPS), SOUND, progress=wake))
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    assert not leftovers(connection)


def locks_are_given_back(connection: Connection) -> None:
    wait_until(lambda: not any(taken(connection, BUILDS, it.name, it.version) for it in SOUND), "a lock is kept")


def rebuilding(connection: Connection, processes: Processes, history: History) -> tuple[int, Sequence[int]]:
    """Start a rebuild in a process of its own; return it and its fillers when they are at work."""
    names = [projection.name for projection in SOUND]
    parent = processes.rebuild(
        history.url, SLOW.reference, names, process_events=1, chunk_events=40, report_interval_s=0.0
    )
    wait_until(
        lambda: connection.execute("SELECT FROM read.build WHERE events_done > 0").fetchone() is not None,
        "nothing is filled",
        within_s=60,
    )
    fillers_ = fillers_of(parent)
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


def test_a_filler_that_ends_before_it_is_told_what_to_do_fails_the_build_with_a_sentence(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.more(100)
    follow(connection)
    monkeypatch.setattr("sys.executable", "/bin/false")
    for result in rebuild(history.url, replace(DEFINITIONS, limits=SMALL_STEPS), SOUND):
        assert result.state is BuildState.FAILED
        assert "a process that fills tables was ended" in result.outcome
    assert not leftovers(connection)


def test_the_lock_of_a_build_is_given_back(connection: Connection, history: History) -> None:
    history.more(10)
    follow(connection)
    during: list[bool] = []
    threads = set(threading.enumerate())
    rebuild(
        history.url,
        DEFINITIONS,
        [COUNTERS],
        progress=lambda _done, _total: during.append(taken(connection, BUILDS, COUNTERS.name, 1)),
    )
    assert during
    assert all(during)
    assert not taken(connection, BUILDS, COUNTERS.name, 1)
    assert set(threading.enumerate()) <= threads


def test_a_build_that_lost_its_lock_to_another_puts_nothing_of_the_other_in_use(
    connection: Connection, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock goes with its connection. A build that has not noticed comes upon the half-filled table of the next."""
    history.more(100)
    follow(connection)
    before, table = all_rows(connection, SOUND), ReadTable(COUNTER_SUMS.table, "_build")

    def another_begins(*arguments: Any) -> Proof:
        proof = prove(*arguments)
        table.drop(connection)
        table.create(connection)
        return proof

    monkeypatch.setattr(build, "prove", another_begins)
    for more in (0, 50):  # without events to catch up with, and with some
        history.more(more)
        (result,) = rebuild(history.url, DEFINITIONS, [COUNTER_SUMS])
        assert result.state is BuildState.FAILED
        assert "the tables were replaced while they were filled" in result.outcome
    assert all_rows(connection, SOUND) == before
