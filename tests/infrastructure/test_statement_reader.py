"""Statements made ahead are read as their viewer sees them, all of one state, and whatever happens to a connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from random import Random

import psycopg
import pytest

from application.fair_turns import BusyError, TurnLimits
from infrastructure.database.addresses import Addresses
from infrastructure.read_models.pipeline_connection import STATEMENTS_KEPT
from infrastructure.read_models.reading import ReadModels
from projections import consents, messages
from projections.prepared_statements import BoundStatement, Cells, PreparedStatement, StatementFailedError
from projections.registry import PROJECTIONS
from projections.row_security import Viewer
from tests.infrastructure.sessions import until_running
from tests.infrastructure.viewed import fill
from tests.waiting import until

pytestmark = pytest.mark.anyio

CONSENTS, MESSAGES = consents.Row.table.name, messages.Row.table.name
AUDITOR = Viewer(role="auditor")
AGENCY = Viewer(role="agency", organisation_id="org-a")
ROWS = 40


@pytest.fixture
def filled(read_models_url: str) -> str:
    with psycopg.connect(read_models_url) as owner:
        fill(owner, consents.Row.table, Random(7), ROWS)
        fill(owner, messages.Row.table, Random(7), ROWS)
    return read_models_url


@pytest.fixture
async def models(filled: str) -> AsyncIterator[ReadModels]:
    models = ReadModels(Addresses.at(filled).reader, PROJECTIONS)
    yield models
    await models.aclose()


def bound(text: str, *values: str | None, tables: Sequence[str] = (), generic: bool = False) -> BoundStatement:
    made = PreparedStatement(text.encode(), generic=generic, tables=frozenset(tables))
    return BoundStatement(made, [None if value is None else value.encode() for value in values])


def count_of(table: str, *, generic: bool = False) -> BoundStatement:
    return bound(f"SELECT count(*) FROM read.{table}", tables=[table], generic=generic)  # noqa: S608 - our own table


async def read(models: ReadModels, *statements: BoundStatement, viewer: Viewer = AUDITOR) -> Sequence[Sequence[Cells]]:
    return await models.read_statements(viewer.organisation_id, viewer, statements)


async def counted(models: ReadModels, viewer: Viewer, *, generic: bool = False) -> int:
    ((row,),) = await read(models, count_of(CONSENTS, generic=generic), viewer=viewer)
    return int(row[0] or b"")


async def pids_of(models: ReadModels) -> set[bytes | None]:
    many = [read(models, bound("SELECT pg_backend_pid(), pg_sleep(0.1)")) for _ in range(4)]
    return {rows[0][0][0] for rows in await asyncio.gather(*many)}


async def test_rows_are_the_text_of_their_columns(models: ReadModels) -> None:
    ((one, other), empty) = await read(
        models,
        bound("SELECT n, $1, $2::text FROM generate_series(1, 2) AS n", "é {,}", None),
        bound("SELECT 1 WHERE false"),
    )
    assert (one, other) == ((b"1", "é {,}".encode(), None), (b"2", "é {,}".encode(), None))
    assert not empty


@pytest.mark.parametrize("generic", [True, False])
async def test_each_reads_as_its_viewer_and_nothing_stays_on_the_connection(
    models: ReadModels, *, generic: bool
) -> None:
    of_agency = await counted(models, AGENCY)
    assert 0 < of_agency < ROWS
    for _ in range(20):  # PostgreSQL plans a statement once and for all after some times
        assert await counted(models, AGENCY, generic=generic) == of_agency
        assert await counted(models, AUDITOR, generic=generic) == ROWS
        assert await counted(models, Viewer(role="")) == 0
        assert await counted(models, Viewer(role="agency", organisation_id="org-x"), generic=generic) == 0


async def test_the_viewer_and_the_way_to_plan_are_those_of_this_read(models: ReadModels) -> None:
    viewer = Viewer(role="agency", organisation_id="o", identifiers=('a"\\{', "b,c"), person_id="p", chosen_by="é")
    names = ("role", "organisation", "identifiers", "person", "chosen_by")
    shown = ", ".join(f"current_setting('kroniek.{name}')" for name in names)
    statement = f"SELECT {shown}, current_setting('plan_cache_mode')"
    for generic, planned in ((True, b"force_generic_plan"), (False, b"auto")):
        ((row,),) = await read(models, bound(statement, generic=generic), viewer=viewer)
        assert row == (b"agency", b"o", rb'{"a\"\\{","b,c"}', b"p", "é".encode(), planned)


@pytest.mark.parametrize("statements", [1, 2])
async def test_who_has_less_than_the_viewer_before_finds_nothing_of_theirs(models: ReadModels, statements: int) -> None:
    before = Viewer(role="agency", organisation_id="o", identifiers=("i",), person_id="p", chosen_by="p")
    names = ("role", "organisation", "identifiers", "person", "chosen_by")
    set_now = ", ".join(f"coalesce(current_setting('kroniek.{name}', true), '')" for name in names)
    shown = bound(f"SELECT pg_backend_pid(), {set_now}, current_setting('plan_cache_mode')", generic=True)
    ((first,),) = await read(models, shown)
    assert first[1:] == (b"auditor", b"", b"", b"", b"", b"force_generic_plan")
    for divisor in ("1", "0"):  # a read that succeeds, and one that fails
        with suppress(StatementFailedError):
            await read(models, *[bound("SELECT 1 / $1::int", divisor)] * statements, viewer=before)
        assert await read(models, shown) == [[first]], "the same connection shows the same"


async def test_many_at_once_never_read_for_each_other(models: ReadModels) -> None:
    viewers = [AUDITOR, AGENCY, Viewer(role="agency", organisation_id="org-b"), Viewer(role="")]
    expected = {viewer: await counted(models, viewer) for viewer in viewers}
    asked = viewers * 50
    Random(7).shuffle(asked)
    found = await asyncio.gather(*(counted(models, viewer) for viewer in asked))
    assert found == [expected[viewer] for viewer in asked]


# --- One state ------------------------------------------------------------------------------------------------------


async def test_the_statements_of_a_read_see_one_state(models: ReadModels, filled: str) -> None:
    done = threading.Event()

    def write() -> None:
        with psycopg.connect(filled, autocommit=True) as owner:
            while not done.is_set():
                fill(owner, messages.Row.table, Random(), 3)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            statements = [count_of(MESSAGES), bound("SELECT pg_sleep(0.001)"), count_of(MESSAGES)]
            before, _, after = await read(models, *statements)
            assert before == after
    finally:
        done.set()
        writer.join()


async def test_the_names_of_tables_are_locked_before_the_state_is_fixed(models: ReadModels, filled: str) -> None:
    (expected,) = await read(models, count_of(MESSAGES))
    with psycopg.connect(filled) as owner:
        owner.execute(f"LOCK TABLE read.{MESSAGES} IN ACCESS EXCLUSIVE MODE".encode())
        reading = asyncio.create_task(read(models, count_of(MESSAGES), count_of(CONSENTS)))
        await until_running(filled, "LOCK TABLE")
        # As a takeover does: other rows under the same name.
        swap = f"""
            CREATE TABLE read.aside (LIKE read.{MESSAGES}); ALTER TABLE read.aside OWNER TO kroniek_projector;
            GRANT SELECT ON read.aside TO kroniek_reader; INSERT INTO read.aside SELECT * FROM read.{MESSAGES};
            ALTER TABLE read.{MESSAGES} RENAME TO before; ALTER TABLE read.aside RENAME TO {MESSAGES};
        """  # noqa: S608 - our own tables
        owner.execute(swap.encode())
    assert (await reading)[0] == expected != [(b"0",)]


async def test_one_of_several_that_fails_leaves_a_connection_that_works(models: ReadModels) -> None:
    fails = bound("SELECT 1 / $1::int", "0")
    for _ in range(3):
        for statements in ([count_of(CONSENTS), fails], [fails, count_of(CONSENTS)], [fails]):
            with pytest.raises(StatementFailedError) as raised:
                await read(models, *statements)
            assert raised.value.sqlstate == "22012"
            first, second = await read(models, count_of(CONSENTS), count_of(CONSENTS))
            assert first == second == [(b"%d" % ROWS,)]


# --- What goes wrong ------------------------------------------------------------------------------------------------


async def test_what_postgresql_refuses_comes_with_its_sqlstate(filled: str) -> None:
    models = ReadModels(Addresses.at(filled).reader, PROJECTIONS, statement_timeout_s=0.3)
    statements = [
        (bound("SELECT 1 FROM read.nowhere"), "42P01"),
        (bound("SELECT 1 FROM read.nowhere", tables=["nowhere"]), "42P01"),
        (bound("SELECT $1::int", "a"), "22P02"),
        (bound("SELECT $1", "a\0b"), "22021"),
        (bound("SELECT pg_sleep(5)"), "57014"),
    ]
    try:
        for statement, sqlstate in statements * 2:
            with pytest.raises(StatementFailedError) as raised:
                await read(models, statement)
            assert raised.value.sqlstate == sqlstate
            with pytest.raises(StatementFailedError) as raised:
                await read(models, count_of(CONSENTS), statement)
            assert raised.value.sqlstate == sqlstate
            assert await counted(models, AUDITOR) == ROWS
    finally:
        await models.aclose()


async def test_a_zero_character_in_the_viewer_cuts_nothing_off(models: ReadModels) -> None:
    with pytest.raises(StatementFailedError) as raised:
        await counted(models, Viewer(role="agency", organisation_id="org-a\0x"))
    assert raised.value.sqlstate == "22021"
    assert await counted(models, AUDITOR) == ROWS


async def test_more_statements_than_are_kept_are_read_all_the_same(models: ReadModels) -> None:
    for _ in range(2):
        for number in range(2 * STATEMENTS_KEPT):
            statement = bound(f"SELECT $1::int + {number}", "1")
            (rows, same) = await read(models, statement, statement)
            assert rows == same == [(b"%d" % (number + 1),)]
    ((row,),) = await read(models, bound("SELECT count(*) FROM pg_prepared_statements"))
    assert int(row[0] or b"") == STATEMENTS_KEPT


async def test_a_large_value_and_a_large_answer_go_through(models: ReadModels) -> None:
    text = "x" * 5_000_000
    (((length,),), ((same,),)) = await read(models, bound("SELECT length($1)", text), bound("SELECT $1::text", text))
    assert (length, same) == (b"5000000", text.encode())


async def test_a_reader_that_is_cancelled_ends_its_statement_in_the_database(models: ReadModels, filled: str) -> None:
    for statements in ([bound("SELECT pg_sleep(60)")], [count_of(CONSENTS), bound("SELECT pg_sleep(60)")]):
        for _ in range(3):
            reading = asyncio.create_task(read(models, *statements))
            await until_running(filled, "pg_sleep")
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            with psycopg.connect(filled) as owner:
                left = (
                    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND strpos(query, 'pg_sleep(60)') > 0"
                )
                assert owner.execute(f"{left} AND pid <> pg_backend_pid()".encode()).fetchone() == (0,)
            assert await counted(models, AUDITOR) == ROWS


async def test_a_reader_that_is_cancelled_at_any_moment_leaves_everything_usable(models: ReadModels) -> None:
    random = Random(3)
    for _ in range(100):
        statements = [count_of(CONSENTS), bound("SELECT pg_sleep(0.002)"), count_of(MESSAGES)]
        readings = [asyncio.create_task(read(models, *statements)) for _ in range(3)]
        await asyncio.sleep(random.random() / 200)
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        assert await counted(models, AGENCY) < ROWS
        assert await counted(models, AUDITOR) == ROWS


# --- Lost connections -----------------------------------------------------------------------------------------------


def end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


async def test_connections_that_were_ended_are_replaced_before_anybody_notices(models: ReadModels, filled: str) -> None:
    before = await pids_of(models)
    end_sessions(filled)
    after = await pids_of(models)
    assert len(before) == len(after) == 4
    assert not before & after


async def test_a_read_whose_session_is_ended_is_read_again(models: ReadModels, filled: str) -> None:
    reading = asyncio.create_task(read(models, bound("SELECT pg_sleep(1), 7")))
    await until_running(filled, "pg_sleep")
    end_sessions(filled)
    (((_, seven),),) = await reading
    assert seven == b"7"


async def test_a_server_that_cannot_be_reached_is_told() -> None:
    nowhere = ReadModels("postgresql://kroniek@127.0.0.1:9/kroniek", PROJECTIONS)
    with pytest.raises(StatementFailedError) as raised:
        await read(nowhere, bound("SELECT 1"))
    assert raised.value.sqlstate == "08006"
    await nowhere.aclose()


async def test_no_more_connections_are_open_than_there_are_turns(filled: str) -> None:
    models = ReadModels(
        Addresses.at(filled).reader, PROJECTIONS, limits=TurnLimits(turns=2, share=2, waiting=30, wait_s=30)
    )
    try:
        assert len(await pids_of(models)) <= 2
        pids = await asyncio.gather(*(read(models, bound("SELECT pg_backend_pid()")) for _ in range(30)))
        assert len({rows[0][0][0] for rows in pids}) <= 2
    finally:
        await models.aclose()


async def test_who_finds_no_turn_is_told_to_ask_again(filled: str) -> None:
    limits = TurnLimits(turns=2, share=1, waiting=1, wait_s=0.05)
    models = ReadModels(Addresses.at(filled).reader, PROJECTIONS, limits=limits)
    try:
        reading = asyncio.create_task(read(models, bound("SELECT pg_sleep(60)")))
        await until_running(filled, "pg_sleep")
        with pytest.raises(BusyError) as raised:
            await read(models, bound("SELECT 1"))
        assert raised.value.retry_after_s == 1
        (((one,),),) = await models.read_statements("org-b", AUDITOR, [bound("SELECT 1")])
        assert one == b"1"
        reading.cancel()
        await until(reading.done, "the reading goes on")
    finally:
        await models.aclose()
