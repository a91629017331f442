"""Workers in processes of their own: one leads, the next takes over, and what one cannot do holds up nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import psycopg
import pytest

from domain.operation import (
    PauseProjection,
    RequestRebuild,
    RequestVerification,
    ResumeProjection,
    RetryParkedEvents,
    SkipParkedEvent,
)
from infrastructure.projector.live.admin_commands import carry_out
from infrastructure.projector.live.projector import Projector
from tests.infrastructure.projector_process import Processes, kill, lives, stop
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, CounterRaised
from tests.infrastructure.sample_models import (
    COUNTER_DAYS,
    RAISES_SUM,
    SOUND,
    Connection,
    History,
    all_rows,
    failing,
    in_memory,
    rows,
    sound,
)
from tests.lengths import runs_longer, sized
from tests.waiting import wait_until

DEFINITIONS = sound()
ROUNDS = sized(20, long=100)
QUICK = {"wait_s": 0.2, "rest_s": 0.5}

# Who moved a checkpoint, from where, and whether that session held the lock of a leader then.
WATCH = """
CREATE TABLE public.moved (
    projection text, session integer, led boolean, before bigint, after bigint
);
CREATE FUNCTION public.note_move() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO public.moved (projection, session, led, before, after)
    SELECT new.projection, pg_backend_pid(), EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
        AND classid::bigint = 1886547819
        AND objid::bigint = read.lock_key(new.projection, new.version)::bigint & 4294967295
    ), old.position, new.position;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_move AFTER UPDATE OF position ON read.checkpoint FOR EACH ROW EXECUTE FUNCTION public.note_move();
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def history(database_url: str) -> History:
    return History(database_url)


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as processes:
        yield processes


def positions(connection: Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT projection, position FROM read.checkpoint").fetchall())


def head(connection: Connection) -> int:
    row = connection.execute("SELECT log.head()").fetchone()
    assert row is not None
    return int(row[0])


def at_head(connection: Connection, *names: str) -> bool:
    known, wanted = positions(connection), head(connection)
    return all(known.get(name) == wanted for name in names or DEFINITIONS.projections)


def leads(connection: Connection, application: str) -> Sequence[int]:
    """Return the locks of leaders that the sessions of a worker hold."""
    query = """
        SELECT objid::bigint FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND classid::bigint = 1886547819 AND application_name = %s
    """
    return [lock for (lock,) in connection.execute(query, (application,))]


def named(url: str, application: str) -> str:
    return f"{url}?application_name={application}"


@runs_longer
def test_two_workers_started_time_after_time_never_lead_both_and_double_nothing(
    connection: Connection, history: History, processes: Processes
) -> None:
    connection.execute(WATCH)
    random = Random(20_211_103)
    for _ in range(ROUNDS):
        workers = [processes.worker(history.url, DEFINITIONS.reference, wait_s=0.1) for _ in range(2)]
        random.shuffle(workers)
        before = _moves(connection)
        history.more(random.randrange(20, 100))
        _some_moves(connection, random, before)
        kill(workers[0])
        if random.random() < 0.3:  # the other one has to go on
            before = _moves(connection)
            history.more(random.randrange(20, 100))
            _some_moves(connection, random, before)
        kill(workers[1])
    last = processes.worker(history.url, DEFINITIONS.reference)
    wait_until(lambda: at_head(connection), "the last worker does not catch up")
    stop(last)
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    sessions = _one_leader_after_the_other(connection)
    assert len(sessions) >= ROUNDS // 2, "hardly any of the workers has led"


def _some_moves(connection: Connection, random: Random, before: int) -> None:
    """Wait until a worker has moved a checkpoint, as a rule: now and then the kill comes before."""
    if random.random() >= 0.2:
        wait_until(lambda: _moves(connection) > before, "nobody leads")


def _moves(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM public.moved").fetchone()
    assert row is not None
    return int(row[0])


def _one_leader_after_the_other(connection: Connection) -> set[int]:
    """Check that every move was a leader's, that each went on where the last one ended, and that none came back."""
    sessions = set[int]()
    for projection in SOUND:
        reached, leader, gone = 0, 0, set[int]()
        query = "SELECT session, led, before, after FROM public.moved WHERE projection = %s ORDER BY after"
        for session, led, before, after in connection.execute(query, (projection.name,)):
            assert led, f"{projection.name} was moved to {after} by a session that does not lead"
            assert before == reached, f"{projection.name} was moved from {before}, where it was at {reached}"
            if session != leader:
                assert session not in gone, f"{projection.name} has two leaders at {after}"
                gone.add(leader)
                leader = session
            reached = after
            sessions.add(session)
    return sessions


def test_the_next_worker_takes_over_within_seconds(
    connection: Connection, history: History, processes: Processes
) -> None:
    workers = {
        name: processes.worker(named(history.url, name), DEFINITIONS.reference) for name in ("worker-1", "worker-2")
    }
    wait_until(lambda: sum(len(leads(connection, name)) for name in workers) == len(SOUND), "nobody leads")
    for _ in range(3):
        leader, other = sorted(workers, key=lambda name: -len(leads(connection, name)))
        kill(workers[leader])
        history.more(50)
        wait_until(lambda name=other: len(leads(connection, name)) == len(SOUND), "nobody takes over")  # type: ignore[misc]
        wait_until(lambda: at_head(connection), "the new leader does not go on")
        workers[leader] = processes.worker(named(history.url, leader), DEFINITIONS.reference)
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def test_a_paused_read_model_stands_still_until_it_is_resumed(
    connection: Connection, history: History, processes: Processes
) -> None:
    processes.worker(history.url, DEFINITIONS.reference, **QUICK)
    history.more(50)
    history.act(PauseProjection, COUNTER_SUMS.name)
    wait_until(lambda: _is_left_behind(connection, history, COUNTER_SUMS.name), "it is not paused")
    stands = positions(connection)[COUNTER_SUMS.name]
    before = rows(connection, COUNTER_SUMS)
    for _ in range(3):
        history.more(20)
        wait_until(lambda: at_head(connection, COUNTERS.name, COUNTER_DAYS.name), "the others do not go on")
    assert positions(connection)[COUNTER_SUMS.name] == stands
    assert rows(connection, COUNTER_SUMS) == before
    history.act(ResumeProjection, COUNTER_SUMS.name)
    wait_until(lambda: at_head(connection), "it is not resumed")
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def _is_left_behind(connection: Connection, history: History, name: str) -> bool:
    history.more(5)
    wait_until(lambda: at_head(connection, COUNTERS.name), "the others do not go on")
    return not at_head(connection, name)


def test_a_read_model_without_its_table_says_why_and_the_others_go_on(
    connection: Connection, history: History, processes: Processes
) -> None:
    worker = processes.worker(history.url, DEFINITIONS.reference, **QUICK)
    history.more(50)
    wait_until(lambda: at_head(connection), "the worker does not catch up")
    connection.execute("ALTER TABLE read.test_sums_v1 RENAME TO put_aside")
    for _ in range(2):
        history.more(50)
        wait_until(lambda: at_head(connection, COUNTERS.name, COUNTER_DAYS.name), "the others do not go on")
        wait_until(lambda: "UndefinedTable" in _error(connection), "it does not say why")
        kill(worker)  # what it said stays
        assert _error(connection).startswith("at position 51: UndefinedTable (42P01)")
        worker = processes.worker(history.url, DEFINITIONS.reference, **QUICK)
    connection.execute("ALTER TABLE read.put_aside RENAME TO test_sums_v1")
    wait_until(lambda: at_head(connection), "it does not go on when the table is back")
    assert _error(connection) == ""
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def _error(connection: Connection) -> str:
    row = connection.execute("SELECT error FROM read.checkpoint WHERE projection = %s", (COUNTER_SUMS.name,)).fetchone()
    assert row is not None
    return str(row[0])


def test_a_rebuild_is_the_way_back_for_a_table_that_was_dropped(
    connection: Connection, history: History, processes: Processes
) -> None:
    processes.worker(history.url, DEFINITIONS.reference, **QUICK)
    history.more(50)
    wait_until(lambda: at_head(connection), "the worker does not catch up")
    connection.execute("DROP TABLE read.test_sums_v1")
    history.more(50)
    wait_until(lambda: "UndefinedTable" in _error(connection), "it does not say why")
    history.act(RequestRebuild, COUNTER_SUMS.name)
    wait_until(lambda: at_head(connection), "it does not go on")
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


# --- Acts -----------------------------------------------------------------------------------------------------------


def test_an_act_that_fails_is_told_and_holds_up_neither_the_worker_nor_the_acts_behind_it(
    connection: Connection, history: History, processes: Processes
) -> None:
    worker = processes.worker(history.url, failing().reference)
    history.write(("a", CounterRaised(amount=1)), ("a", CounterRaised(amount=2, label=RAISES_SUM)))
    wait_until(lambda: at_head(connection) and _parked(connection) == 1, "nothing is parked")
    kill(worker)
    connection.execute("ALTER TABLE read.test_sums_v1 RENAME TO put_aside")
    history.act(RetryParkedEvents, COUNTER_SUMS.name)
    worker = processes.worker(history.url, DEFINITIONS.reference, **QUICK)
    wait_until(lambda: _carried_out(connection) == head(connection), "the act is not carried out")
    assert lives(worker)
    assert _parked(connection) == 1
    connection.execute("ALTER TABLE read.put_aside RENAME TO test_sums_v1")
    history.act(RetryParkedEvents, COUNTER_SUMS.name)
    wait_until(lambda: at_head(connection) and not _parked(connection), "it is not tried again")
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)
    stop(worker)


def _parked(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM read.parked").fetchone()
    assert row is not None
    return int(row[0])


def _carried_out(connection: Connection) -> int:
    query = "SELECT act_position FROM read.checkpoint WHERE projection = %s"
    row = connection.execute(query, (COUNTER_SUMS.name,)).fetchone()
    return 0 if row is None else int(row[0])


def test_all_acts_are_carried_out_however_many_there_are(connection: Connection, history: History) -> None:
    projector = Projector(connection, DEFINITIONS)
    projector.acquire()
    projector.prepare()
    for number in range(7):
        history.act(SkipParkedEvent, COUNTER_SUMS.name, event_position=number + 1)
    projector.catch_up()
    assert not carry_out(connection, DEFINITIONS, projector.owned[COUNTER_SUMS.name], page_acts=2)
    assert _carried_out(connection) == 7
    history.act(RequestVerification, COUNTER_SUMS.name)
    projector.catch_up()
    assert carry_out(connection, DEFINITIONS, projector.owned[COUNTER_SUMS.name])
    assert not carry_out(connection, DEFINITIONS, projector.owned[COUNTER_SUMS.name]), "an act is carried out once"


def test_a_rebuild_that_was_ordered_is_made_once_whoever_dies(
    connection: Connection, history: History, processes: Processes
) -> None:
    worker = processes.worker(history.url, DEFINITIONS.reference)
    history.more(200)
    wait_until(lambda: at_head(connection), "the worker does not catch up")
    history.act(RequestRebuild, COUNTER_SUMS.name)
    for pause in (0, 1, 2):
        for _ in range(pause * 20):
            connection.execute("SELECT pg_sleep(0.002)")
        kill(worker)
        worker = processes.worker(history.url, DEFINITIONS.reference, build_interval_s=0.5)
    wait_until(lambda: _builds(connection) == [("rebuild", "done")], "it is not made")
    generation: Any = connection.execute(
        "SELECT generation FROM read.checkpoint WHERE projection = %s", (COUNTER_SUMS.name,)
    ).fetchone()
    assert generation == (1,)
    stop(worker)
    assert all_rows(connection, SOUND) == in_memory(connection, SOUND)


def _builds(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT purpose, state FROM read.build ORDER BY build_id").fetchall()
