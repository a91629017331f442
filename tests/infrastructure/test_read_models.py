"""How far read models are, seen from the database alone; and snapshots that a takeover cannot empty."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, func, select, text

from domain.kernel import Jurisdiction
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.log_statements import AS_APPEND
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.rows.row_security import open_to_readers
from infrastructure.read_models.reading import ReadModels
from projections import authentications, projection_acts
from projections.figures.figure_definitions import HEADLINES
from projections.figures.figure_reading import DIMENSIONS
from projections.figures.period import Period
from projections.open_rates import OpenRateFilter
from projections.progress import BuildPurpose, BuildState, NotBuiltError, ProjectionProgress, ProjectionState
from projections.registry import PROJECTIONS
from projections.row_security import FIGURES, VIEWER, Viewer
from tests.infrastructure.read_tables import MADE, looked_after, make_read_tables
from tests.infrastructure.sample_counter import DECIDER, append

pytestmark = pytest.mark.anyio

VERSIONS = {it.name: it.version for it in PROJECTIONS}
NOW = datetime(2022, 6, 1, tzinfo=UTC)
HEAD = 3


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def models(database_url: str) -> AsyncIterator[ReadModels]:
    """The read models as the role for queries sees them, over a log with three events."""
    async with PostgresLog(database_url, Codec([DECIDER]), b"key") as log:
        await log.append([append("counter-a", 1, 2, 3, at=0)])
    models = ReadModels(Addresses.at(database_url).reader, PROJECTIONS)
    yield models
    await models.aclose()


@pytest.fixture
def prepared(database_url: str, models: ReadModels) -> ReadModels:
    make_read_tables(database_url, position=HEAD)
    return models


async def seen(models: ReadModels, name: str) -> ProjectionProgress:
    return next(it for it in (await models.progress()).projections if it.name == name)


async def state(models: ReadModels, name: str = "keys") -> ProjectionState:
    return (await seen(models, name)).state


def build(owner: psycopg.Connection, projection: str = "keys", **columns: Any) -> int:
    given = {
        "projection": projection,
        "version": VERSIONS[projection],
        "purpose": "rebuild",
        "by_worker": True,
        **columns,
    }
    names, places = ", ".join(given), ", ".join(["%s"] * len(given))
    statement = f"INSERT INTO read.build ({names}) VALUES ({places}) RETURNING build_id"  # noqa: S608 - our own names
    row = owner.execute(statement.encode(), list(given.values())).fetchone()
    assert row is not None
    return int(row[0])


def act(owner: psycopg.Connection, position: int, kind: str, projection: str = "keys") -> None:
    owner.execute(
        "INSERT INTO read.projection_acts_v1 VALUES (%s, %s, %s, 0, 'a disk is full', 'official-7', 'platform', now())",
        (position, projection, kind),
    )


# --- States ---------------------------------------------------------------------------------------------------------


async def test_before_a_worker_has_run_every_read_model_is_there_and_none_is_built(models: ReadModels) -> None:
    progress = await models.progress()
    assert progress.head == HEAD
    assert [it.name for it in progress.projections] == sorted(projection.name for projection in PROJECTIONS)
    assert {it.state for it in progress.projections} == {ProjectionState.BUILDING}
    assert {(it.position, it.lag_events, it.percent, it.applied_at) for it in progress.projections} == {(0, 3, 0, None)}
    assert min(it.lag_s for it in progress.projections) > 0
    assert progress.position == 0
    assert not any(place.built for place in (await models.places()).values())


async def test_the_first_state_that_holds_is_told(
    prepared: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    owner.execute("UPDATE read.checkpoint SET position = 1, applied_at = now() WHERE projection = 'keys'")
    assert await state(prepared) is ProjectionState.UNLED
    assert await state(prepared, "people") is ProjectionState.UNLED
    owner.execute("ALTER TABLE log.event DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE log.event_1 DISABLE TRIGGER USER")
    with looked_after(database_url, "keys"):
        owner.execute("UPDATE log.event SET recorded_at = now() + interval '1 minute'")
        assert await state(prepared) is ProjectionState.LIVE
        owner.execute("UPDATE log.event SET recorded_at = now() - interval '1 minute'")
        assert await state(prepared) is ProjectionState.CATCHING_UP
        act(owner, 2, "pause")
        assert await state(prepared) is ProjectionState.PAUSED
        owner.execute("UPDATE read.checkpoint SET error = 'rule failed at 2' WHERE projection = 'keys'")
        assert await state(prepared) is ProjectionState.STOPPED
    assert (await seen(prepared, "keys")).error == "rule failed at 2"


async def test_a_version_is_being_made_until_its_first_rows_are_in_use(
    prepared: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    with looked_after(database_url):
        owner.execute("UPDATE read.checkpoint SET position = 0 WHERE projection = 'keys'")
        assert await state(prepared) is not ProjectionState.BUILDING
        first = build(owner, purpose="first", state="filling")
        assert await state(prepared) is ProjectionState.BUILDING
        assert not (await prepared.places())["keys_v2"].built
        owner.execute("UPDATE read.build SET state = 'done' WHERE build_id = %s", (first,))
        assert (await prepared.places())["keys_v2"].built


async def test_a_pause_says_who_why_and_when_until_it_is_resumed(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    assert (await seen(prepared, "keys")).pause is None
    act(owner, 1, "pause")
    pause = (await seen(prepared, "keys")).pause
    assert pause is not None
    assert (pause.by, pause.why) == ("official-7", "a disk is full")
    assert (await seen(prepared, "people")).pause is None
    act(owner, 2, "resume")
    assert (await seen(prepared, "keys")).pause is None


async def test_without_the_list_of_acts_nothing_is_paused(prepared: ReadModels, owner: psycopg.Connection) -> None:
    owner.execute(f"DROP TABLE read.{projection_acts.Row.table.name}".encode())
    assert await state(prepared) is ProjectionState.UNLED


# --- Numbers --------------------------------------------------------------------------------------------------------


async def test_lag_rate_parked_events_and_other_versions(
    prepared: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    owner.execute("UPDATE read.checkpoint SET position = 1, events_per_s = 4 WHERE projection = 'keys'")
    owner.execute("INSERT INTO read.checkpoint (projection, version, position) VALUES ('keys', 7, 2)")
    owner.execute("INSERT INTO read.previous (projection, version, position) VALUES ('keys', 2, 1)")
    for table, position, stream in (("keys_v2", 1, "key-a"), ("keys_v2", 2, "key-a"), ("keys_v2_build", 3, "key-b")):
        owner.execute(
            "INSERT INTO read.parked (table_name, position, stream, stream_version, name, error)"
            " VALUES (%s, %s, %s, 1, 'key.registered.v1', 'KeyError')",
            (table, position, stream),
        )
    with looked_after(database_url, "keys"):
        keys = await seen(prepared, "keys")
    assert (keys.position, keys.lag_events, keys.percent, keys.left_s) == (1, 2, 33, 0.5)
    assert keys.lag_s > 0
    assert (keys.parked_events, keys.parked_streams, keys.previous_position) == (2, 1, 1)
    assert [(it.version, it.position) for it in keys.other_versions] == [(7, 2)]
    assert [(it.position, it.stream, it.error) for it in await prepared.parked("keys", 1, 10)] == [
        (2, "key-a", "KeyError")
    ]
    # What nobody looks after does not move, however fast it was.
    assert (await seen(prepared, "keys")).left_s is None


async def test_a_read_model_at_rest_has_no_rate(
    prepared: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    owner.execute(
        "UPDATE read.checkpoint SET events_per_s = 4, applied_at = clock_timestamp() WHERE projection = 'keys'"
    )
    with looked_after(database_url, "keys"):
        assert (await seen(prepared, "keys")).events_per_s == 4
        owner.execute("UPDATE read.checkpoint SET applied_at = applied_at - interval '1 minute'")
        assert (await seen(prepared, "keys")).events_per_s == 0


async def test_the_build_that_is_told_is_the_running_one_or_else_the_last(
    prepared: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    assert (await seen(prepared, "keys")).build is None
    running = build(owner, state="filling", events_done=1, events_total=4, why="a rule was mended")
    waiting = build(owner, purpose="verification")
    with looked_after(database_url, "keys", kind=MADE):
        told = (await seen(prepared, "keys")).build
    assert told is not None
    assert (told.build_id, told.running, told.percent, told.why) == (running, True, 25, "a rule was mended")
    assert (told.purpose, told.state) == (BuildPurpose.REBUILD, BuildState.FILLING)
    told = (await seen(prepared, "keys")).build
    assert told is not None
    assert not told.running
    owner.execute(
        "UPDATE read.build SET state = 'done', equal = true, rows = 3, started_at = now() - interval '9 s',"
        " ended_at = now(), outcome = 'equal' WHERE build_id = %s",
        (running,),
    )
    told = (await seen(prepared, "keys")).build
    assert told is not None
    assert told.build_id == waiting
    listed = await prepared.builds("keys", 10)
    assert [it.build_id for it in listed] == [waiting, running]
    assert (listed[1].equal, listed[1].rows, round(listed[1].seconds), listed[1].percent) == (True, 3, 9, 100)


async def test_looking_takes_few_statements(prepared: ReadModels) -> None:
    statements: list[str] = []

    @event.listens_for(prepared.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    await prepared.progress()
    assert len(statements) <= 5
    statements.clear()
    await prepared.places()
    assert not statements, "places are read by a statement that is prepared, without the engine"


# --- Snapshots ------------------------------------------------------------------------------------------------------

OURS = authentications.Row.table
AUDITOR = Viewer(role="auditor")


def have_rows(owner: psycopg.Connection, table: str, count: int) -> None:
    values = ", ".join(["%s"] * len(OURS.columns))
    for number in range(count):
        row = [number if column.name == "authentications" else f"{number}" for column in OURS.columns]
        owner.execute(f"INSERT INTO read.{table} VALUES ({values})".encode(), row)  # noqa: S608 - our own names


def make_beside(owner: psycopg.Connection) -> None:
    owner.execute(f"CREATE TABLE read.{OURS.name}_build (LIKE read.{OURS.name} INCLUDING ALL)".encode())
    open_to_readers(owner, OURS, f"{OURS.name}_build")
    have_rows(owner, f"{OURS.name}_build", 5)


def take_over(owner: psycopg.Connection) -> None:
    with owner.transaction():
        owner.execute("SET LOCAL lock_timeout = '200ms'")
        owner.execute(f"ALTER TABLE read.{OURS.name} RENAME TO {OURS.name}_before".encode())
        owner.execute(f"ALTER TABLE read.{OURS.name}_build RENAME TO {OURS.name}".encode())


async def test_a_transaction_that_names_a_table_after_a_takeover_finds_it_empty(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    have_rows(owner, OURS.name, 2)
    async with prepared.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", viewer=AUDITOR)
        await connection.execute(text("SELECT position FROM read.checkpoint"))
        make_beside(owner)
        take_over(owner)
        assert (await connection.execute(select(func.count()).select_from(OURS))).scalar() == 0
    async with prepared.engine.connect() as connection:
        counted = await connection.execute(select(func.count()).select_from(OURS), execution_options={VIEWER: AUDITOR})
        assert counted.scalar() == 5


async def test_a_takeover_waits_for_a_snapshot_which_sees_the_rows_of_before(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    have_rows(owner, OURS.name, 2)
    async with prepared.snapshot() as reading:
        make_beside(owner)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            take_over(owner)
        rows = await reading.connection.execute(select(func.count()).select_from(OURS))
        assert rows.scalar() == 2
    take_over(owner)
    async with prepared.snapshot() as reading:
        rows = await reading.connection.execute(select(func.count()).select_from(OURS))
        assert rows.scalar() == 5


async def test_the_position_of_a_snapshot_is_that_of_the_figures(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    owner.execute("UPDATE read.checkpoint SET position = 1 WHERE projection = 'keys'")
    async with prepared.snapshot() as reading:
        assert reading.position == HEAD
    owner.execute("UPDATE read.checkpoint SET position = 2 WHERE projection = 'open_rates'")
    async with prepared.snapshot() as reading:
        assert reading.position == 2


async def test_there_is_no_snapshot_of_figures_that_are_not_built(
    models: ReadModels, owner: psycopg.Connection, database_url: str
) -> None:
    with pytest.raises(NotBuiltError):
        async with models.snapshot():
            raise AssertionError("there is nothing to read")
    make_read_tables(database_url, position=HEAD)
    build(owner, "open_rates", purpose="first")
    owner.execute("UPDATE read.checkpoint SET position = 0 WHERE projection = 'open_rates'")
    with pytest.raises(NotBuiltError) as refused:
        async with models.snapshot():
            raise AssertionError("there is nothing to read")
    assert refused.value.names == ["open_rates"]
    owner.execute("UPDATE read.checkpoint SET position = 1 WHERE projection = 'open_rates'")
    async with models.snapshot() as reading:
        assert reading.position == 1
    owner.execute(f"DROP TABLE read.{OURS.name}".encode())
    for _ in range(2):
        with pytest.raises(NotBuiltError):
            async with models.snapshot():
                raise AssertionError("there is nothing to read")


async def test_sessions_that_the_database_ended_are_replaced_before_anybody_notices(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    async def state() -> object:
        async with prepared.snapshot() as reading:
            return reading.position

    for read in (prepared.places, prepared.progress, state):
        # Several connections are open, and all are lost.
        await asyncio.gather(*(prepared.places() for _ in range(4)))
        expected = await read()
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        assert type(await read()) is type(expected)


async def test_every_table_that_a_figure_reads_is_known_as_one_of_the_figures(prepared: ReadModels) -> None:
    tables: set[str] = set()

    @event.listens_for(prepared.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("LOCK"):
            tables.update(re.findall(r"read\.(\w+)_v\d+", statement))

    period = Period.parse("2021")
    async with prepared.snapshot() as reading:
        for jurisdiction in Jurisdiction:
            await reading.history(jurisdiction)
            await reading.figures(jurisdiction, period, NOW)
            await reading.open_rates(jurisdiction, [period], NOW, OpenRateFilter())
            await reading.indices(jurisdiction, NOW)
            for definition in HEADLINES:
                await reading.series(definition.id, jurisdiction, [period], NOW)
            for figure, dimension in DIMENSIONS:
                await reading.shares(figure, dimension, jurisdiction, period)
    assert tables == {it.name for it in PROJECTIONS if FIGURES in it.seen.roles}


async def test_the_version_of_the_figures_follows_their_own_read_models(
    prepared: ReadModels, owner: psycopg.Connection
) -> None:
    first = await prepared.figures_version()
    async with prepared.snapshot() as reading:
        assert reading.version == first
    # An event that no figure counts, such as an access to personal data, moves all read models.
    owner.execute("UPDATE read.checkpoint SET position = position - 1")
    assert await prepared.figures_version() == first
    owner.execute(AS_APPEND)
    owner.execute(
        'INSERT INTO log.event SELECT (jsonb_populate_record(event, \'{"position": 4, "version": 4,'
        ' "name": "consent.granted.v1"}\')).* FROM log.event WHERE position = 3'
    )
    changes = {
        "UPDATE read.checkpoint SET position = 4": "consents",
        "UPDATE read.checkpoint SET generation = generation + 1 WHERE projection = 'consents'": "consents",
        "UPDATE read.checkpoint SET act_position = 2 WHERE projection = 'open_rates'": "open_rates",
    }
    for change, name in changes.items():
        before = (await prepared.figures_version()).states
        owner.execute(change)
        after = (await prepared.figures_version()).states
        assert {it for it in after if after[it] != before[it]} == {name}
    owner.execute("UPDATE read.checkpoint SET generation = generation + 1 WHERE projection = 'keys'")
    assert (await prepared.figures_version()).states == after


async def test_a_read_that_ends_after_everything_was_closed_leaves_no_connection_open(prepared: ReadModels) -> None:
    async with prepared.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await prepared.aclose()
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    assert driver.closed
