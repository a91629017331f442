"""For whom a statement reads travels with it, in one round trip, and nothing of it stays on the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import psycopg
import pytest
from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from infrastructure.database.addresses import Addresses
from infrastructure.read_models.reading import ReadModels
from projections import consents, messages
from projections.registry import PROJECTIONS
from projections.row_security import VIEWER, Viewer
from tests.infrastructure.sessions import until_running
from tests.infrastructure.viewed import fill

pytestmark = pytest.mark.anyio

AUDITOR = Viewer(role="auditor")
AGENCY = Viewer(role="agency", organisation_id="org-a")
COUNT: Select[int] = select(func.count()).select_from(consents.Row.table)
ROWS = 40
SETTINGS = text("SELECT current_setting('kroniek.role', true), current_setting('kroniek.organisation', true)")


@pytest.fixture
def filled(read_models_url: str) -> str:
    with psycopg.connect(read_models_url) as owner:
        fill(owner, consents.Row.table, Random(7), ROWS)
        fill(owner, messages.Row.table, Random(7), ROWS)
    return read_models_url


@pytest.fixture
async def models(filled: str) -> AsyncIterator[ReadModels]:
    models = ReadModels(Addresses.at(filled).reader, PROJECTIONS, statement_timeout_s=0.3)
    yield models
    await models.aclose()


@pytest.fixture
async def patient(filled: str) -> AsyncIterator[ReadModels]:
    """The same without a bound on how long a statement may take."""
    models = ReadModels(Addresses.at(filled).reader, PROJECTIONS)
    yield models
    await models.aclose()


@pytest.fixture
async def single(models: ReadModels) -> AsyncIterator[AsyncConnection]:
    """A connection as the API uses it: every statement is a transaction of its own."""
    async with models.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


async def counted(connection: AsyncConnection, viewer: Viewer | None) -> int:
    return (await connection.execute(COUNT, execution_options={VIEWER: viewer})).scalar_one()


async def settings(connection: AsyncConnection, viewer: Viewer | None = None) -> Row[str, str]:
    found: Row[str, str] = (await connection.execute(SETTINGS, execution_options={VIEWER: viewer})).one()
    return found


async def test_each_statement_reads_for_its_own_viewer(single: AsyncConnection) -> None:
    of_agency = await counted(single, AGENCY)
    assert 0 < of_agency < ROWS
    for _ in range(20):  # PostgreSQL plans a statement once and for all after some times
        assert await counted(single, None) == 0
        assert await counted(single, AGENCY) == of_agency
        assert await counted(single, AUDITOR) == ROWS
        assert await counted(single, Viewer(role="agency", organisation_id="org-x")) == 0


async def test_nothing_of_a_viewer_stays_on_the_connection(single: AsyncConnection) -> None:
    assert tuple(await settings(single, AGENCY)) == ("agency", "org-a")
    assert not any(await settings(single))
    with pytest.raises(ProgrammingError):
        await single.execute(text("SELECT * FROM read.nowhere"), execution_options={VIEWER: AGENCY})
    assert not any(await settings(single))
    assert await counted(single, None) == 0


async def test_in_a_transaction_the_viewer_stays_until_its_end(models: ReadModels) -> None:
    async with models.engine.connect() as connection:
        assert await counted(connection, AUDITOR) == ROWS
        assert await counted(connection, None) == ROWS
        await connection.rollback()
        assert await counted(connection, None) == 0


async def test_what_goes_wrong_is_raised_as_it_would_be_without_a_viewer(single: AsyncConnection) -> None:
    for statement, error, sqlstate in (
        ("SELECT 1 FROM read.nowhere", ProgrammingError, "42P01"),
        ("SELECT 1 / 0", DataError, "22012"),
        ("SELECT pg_sleep(5)", OperationalError, "57014"),
    ):
        for viewer in (None, AGENCY, AGENCY):
            with pytest.raises(error) as raised:
                await single.execute(text(statement), execution_options={VIEWER: viewer})
            assert getattr(raised.value.orig, "sqlstate", "") == sqlstate
            assert await counted(single, AUDITOR) == ROWS


async def test_many_at_once_never_read_for_each_other(models: ReadModels) -> None:
    engine = models.engine.execution_options(isolation_level="AUTOCOMMIT")
    expected: dict[Viewer | None, int] = {}
    async with engine.connect() as connection:
        for viewer in (None, AGENCY, AUDITOR, Viewer(role="agency", organisation_id="org-b")):
            expected[viewer] = await counted(connection, viewer)

    async def ask(viewer: Viewer | None) -> bool:
        async with engine.connect() as connection:
            return await counted(connection, viewer) == expected[viewer]

    asked = list(expected) * 50
    Random(7).shuffle(asked)
    assert all(await asyncio.gather(*(ask(viewer) for viewer in asked)))


async def test_a_broken_off_request_leaves_a_connection_that_works(patient: ReadModels, filled: str) -> None:
    engine = patient.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def slow() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(60)"), execution_options={VIEWER: AGENCY})

    for _ in range(5):
        task = asyncio.create_task(slow())
        await until_running(filled, "pg_sleep")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with engine.connect() as connection:
            assert await counted(connection, None) == 0
            assert await counted(connection, AUDITOR) == ROWS
