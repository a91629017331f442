"""Projections: live in any batches, rebuilt, or in memory, the rows are the same."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.handler import CommandEnvelope, handle_many
from domain.kernel import Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.live.worker import Worker
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.definitions import definitions
from infrastructure.projector.rows.effect_checks import MisfitError
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rules.generating import Dropped
from projections.effects import Add, AnyEffect, Drop, Put, Set, by_event
from tests.infrastructure.emptying import empty_log
from tests.infrastructure.sample_counter import (
    AT,
    COUNTER_SUMS,
    COUNTERS,
    DECIDER,
    RULES,
    SUMS,
    TABLE,
    CloseCounter,
    CounterRow,
    append,
    counted,
    order,
    raise_counter,
)
from tests.lengths import runs_longer, sized
from tests.memory_log import MemoryLog
from tests.memory_rows import MemoryRows
from tests.waiting import wait_until

CODEC = Codec([DECIDER])
PROJECTIONS = [COUNTERS, COUNTER_SUMS]
DEFINITIONS = counted()
Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def write(url: str, wishes: Sequence[tuple[str, int]]) -> None:
    """Send wishes to the log: raise a counter by an amount, or close it with 0."""
    orders = [
        order(raise_counter(name, amount=amount) if amount else CloseCounter(at=AT, by="o", counter_id=name))
        for name, amount in wishes
    ]

    async def send() -> None:
        async with PostgresLog(url, CODEC, b"key") as log:
            await handle_many(orders, log, RULES)

    asyncio.run(send())


def rows(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(f"SELECT * FROM read.{table}").fetchall())  # noqa: S608 - our own name


def in_memory(wishes: Sequence[tuple[str, int]]) -> dict[str, list[tuple[Any, ...]]]:
    log = MemoryLog(CODEC)
    orders = [
        order(raise_counter(name, amount=amount) if amount else CloseCounter(at=AT, by="o", counter_id=name))
        for name, amount in wishes
    ]
    asyncio.run(_send(orders, log))
    found = {}
    for projection in PROJECTIONS:
        memory = MemoryRows(projection)
        for recorded in log.recorded():
            memory.apply(recorded)
        found[projection.table.name] = sorted((*key, *row.values()) for key, row in memory.rows.items())
    return found


async def _send(orders: Sequence[CommandEnvelope], log: MemoryLog) -> None:
    await handle_many(orders, log, RULES)


WISHES = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 4)), max_size=60)


@given(WISHES, st.integers(1, 30))
@runs_longer
@settings(max_examples=sized(6, long=150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_live_rebuilt_and_in_memory_rows_are_equal(
    database_url: str, wishes: list[tuple[str, int]], batch: int
) -> None:
    definitions = replace(DEFINITIONS, limits=ProjectorLimits(batch_events=batch))
    with psycopg.connect(database_url, autocommit=True) as connection:
        empty_log(connection)
        connection.execute("TRUNCATE read.checkpoint")
        connection.execute("DROP TABLE IF EXISTS read.test_counters_v1, read.test_sums_v1")
        connection.execute("DROP TABLE IF EXISTS read.test_counters_v1_before, read.test_sums_v1_before")
        projector = Projector(connection, definitions)
        projector.prepare()
        write(database_url, wishes)
        projector.catch_up()
        expected = in_memory(wishes)
        assert {name: rows(connection, name) for name in expected} == expected
        results = rebuild(database_url, DEFINITIONS, PROJECTIONS)
        assert [result.equal for result in results] == [True, True]
        assert {name: rows(connection, name) for name in expected} == expected


EFFECTS: st.SearchStrategy[list[AnyEffect]] = st.lists(
    st.one_of(
        st.builds(
            lambda k, n: Put((k,), {"last_amount": n, "status": "open"}), st.sampled_from("ab"), st.integers(0, 9)
        ),
        st.builds(lambda k, n: Set((k,), {"last_amount": n}), st.sampled_from("ab"), st.integers(0, 9)),
        st.builds(lambda k: Set((k,), {"status": "closed"}), st.sampled_from("ab")),
        st.builds(lambda k: Drop((k,)), st.sampled_from("ab")),
    ),
    max_size=30,
)


@given(EFFECTS)
def test_effects_that_are_kept_as_one_change_of_a_row_mean_what_they_meant_one_by_one(effects: list[AnyEffect]) -> None:
    store = RowStore(DEFINITIONS.models[COUNTERS.name], ReadTable(TABLE).check, whole_streams=False)
    for effect in effects:
        store.check(effect)
        store.take(effect)
    assert applied(effects) == applied(_as_effects(store))


def _as_effects(store: RowStore) -> Iterator[AnyEffect]:
    columns = list(CounterRow.__columns__)
    for key, change in store.rows.items():
        if isinstance(change, list):
            yield Put((key,), dict(zip(columns[1:], change[1:], strict=True)))
        elif isinstance(change, Dropped):
            yield Drop((key,))
        else:
            yield Set((key,), {columns[at]: value for at, value in change.items()})


def test_a_row_is_either_set_or_added_to() -> None:
    store = RowStore(DEFINITIONS.models[COUNTER_SUMS.name], ReadTable(SUMS).check, whole_streams=False)
    store.check(Add((1,), {"events": 1}))
    with pytest.raises(MisfitError, match="either set or added to"):
        store.check(Set((1,), {"events": 1}))


def applied(effects: Any) -> dict[Any, Any]:
    """Apply effects to a table that holds one row, as the definition of their meaning says."""
    memory = MemoryRows(COUNTERS)
    memory.rows[("a",)] = {"last_amount": 0, "status": "old"}
    for effect in effects:
        memory._apply(effect)  # noqa: SLF001 - the meaning of one effect
    return memory.rows


def test_a_batch_read_before_the_checkpoint_moved_doubles_nothing(database_url: str, connection: Connection) -> None:
    projector = Projector(connection, DEFINITIONS)
    projector.prepare()
    write(database_url, [("a", 1), ("b", 2)])
    behind = projector.checkpoints()
    projector.checkpoints = lambda: behind  # type: ignore[method-assign]  # what a stalled leader believes
    projector.step()
    projector.step()
    assert rows(connection, "test_sums_v1") == [(1, 1, 1), (2, 1, 2)]


def test_a_new_projection_catches_up_while_the_others_wait_for_nothing(
    database_url: str, connection: Connection
) -> None:
    early = Projector(connection, DEFINITIONS, [COUNTERS])
    early.prepare()
    write(database_url, [("a", 1), ("b", 2)])
    early.catch_up()
    both = Projector(connection, DEFINITIONS)
    both.prepare()
    write(database_url, [("a", 3)])
    assert both.catch_up() == 3
    assert both.checkpoints() == {"test_counters": 3, "test_sums": 3}
    assert rows(connection, "test_sums_v1") == [(1, 1, 1), (2, 1, 2), (3, 1, 3)]


def test_the_log_wakes_the_leader_and_only_one_leads(database_url: str, connection: Connection) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=_follow, args=(database_url, stop)) for _ in range(2)]
    for thread in threads:
        thread.start()
    write(database_url, [("a", 1)] * 50)

    def followed() -> bool:
        found = connection.execute("SELECT to_regclass('read.test_sums_v1')").fetchone()
        return bool(found and found[0]) and rows(connection, "test_sums_v1") == [(1, 50, 50)]

    try:
        wait_until(followed, "the leader does not wake")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert rows(connection, "test_sums_v1") == [(1, 50, 50)]


def _follow(url: str, stop: threading.Event) -> None:
    Worker(url, DEFINITIONS).run(stop.is_set)


def test_readers_see_old_rows_or_new_ones_while_a_rebuild_takes_over(database_url: str, connection: Connection) -> None:
    projector = Projector(connection, DEFINITIONS)
    projector.prepare()
    write(database_url, [("a", 1), ("b", 2)])
    projector.catch_up()
    connection.execute("UPDATE read.test_sums_v1 SET total = 99")
    seen: list[Any] = []

    def look(_done: int, _total: int) -> None:
        with psycopg.connect(database_url) as reader:
            seen.append(rows(reader, "test_sums_v1"))

    (result,) = rebuild(database_url, DEFINITIONS, [COUNTER_SUMS], progress=look)
    assert (result.position, result.equal) == (2, False)
    assert set(map(str, seen)) == {str([(1, 1, 99), (2, 1, 99)])}
    assert rows(connection, "test_sums_v1") == [(1, 1, 1), (2, 1, 2)]
    indexes = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'test_sums_v1'").fetchall()
    assert indexes == [("test_sums_v1_pkey",)]
    write(database_url, [("a", 1)])
    projector.catch_up()
    assert rows(connection, "test_sums_v1") == [(1, 2, 2), (2, 1, 2)]


def test_events_reach_rules_in_the_order_of_the_log(database_url: str, connection: Connection) -> None:
    async def send() -> None:
        async with PostgresLog(database_url, CODEC, b"key") as log:
            await log.append([append(f"counter-{n}", n, at=0) for n in range(5)])

    asyncio.run(send())
    seen: list[Recorded[Any]] = []

    @by_event("it keeps what it is called with")
    def spy_rule(recorded: Recorded[Any]) -> list[AnyEffect]:
        seen.append(recorded)
        return []

    spy = replace(COUNTERS, rules=dict.fromkeys(COUNTERS.rules, spy_rule))
    projector = Projector(connection, definitions("no other process needs them", [DECIDER], [spy]))
    projector.prepare()
    projector.catch_up()
    assert [recorded.position for recorded in seen] == [1, 2, 3, 4, 5]
    assert ReadTable(TABLE).keys == ["counter_id"]
