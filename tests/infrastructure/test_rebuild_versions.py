"""Two releases at once: the next version of a read model is made beside the one in use."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from domain.operation import DropPreviousRows
from tests.infrastructure.projector_process import Processes, fillers_of, kill, stop
from tests.infrastructure.sample_counter import COUNTER_SUMS
from tests.infrastructure.sample_models import (
    COUNTER_DAYS,
    SOUND,
    Connection,
    History,
    in_memory,
    rows,
    second_version,
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


def test_the_next_version_is_made_beside_this_one_and_this_one_stays_as_long_as_somebody_follows_it(
    connection: Connection, history: History
) -> None:
    history.more(200)
    with Processes() as processes:
        first = processes.worker(history.url, DEFINITIONS.reference)
        wait_until(lambda: at_head(connection, 1), "version 1 does not catch up")
        second = processes.worker(history.url, second_version().reference, first_build_events=50)
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


def test_a_first_build_that_failed_is_tried_again(connection: Connection, history: History) -> None:
    """The rows of a new version are made even if the first attempt at them was ended by somebody."""
    history.more(150)
    with Processes() as processes:
        options = {
            "first_build_events": 1,
            "retry_interval_s": 0.5,
            "process_events": 1,
            "chunk_events": 40,
        }
        worker = processes.worker(history.url, SLOW.reference, **options)
        wait_until(lambda: bool(fillers_of(worker)), "no filler is started")
        kill(fillers_of(worker)[0])
        names = {projection.name for projection in SOUND}
        wait_until(lambda: {name for name, _ in versions(connection)} == names, "it is not tried again")
        stop(worker)
    assert rows(connection, COUNTER_DAYS) == in_memory(connection, SOUND)[COUNTER_DAYS.name]
