"""What tests share: one PostgreSQL server for the run, a fresh migrated database for each test, asyncio."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.migrate import migrate

TEMPLATE = "migrated"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def open_tmp_folder() -> Iterator[Path]:
    """A folder for the run that the server's ordinary user can enter; pytest's own are closed to it under root."""
    folder = Path(tempfile.mkdtemp(prefix="kroniek-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(open_tmp_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(open_tmp_folder / "server")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres) -> str:
    _create(postgres, TEMPLATE, "template1")
    migrate(_at(postgres.url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of a database of this test's own with nothing in it."""
    yield from _database(postgres, "template1")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """The address of a database of this test's own with the schema in it, as the role that owns it."""
    yield from _database(postgres, migrated_template)


@pytest.fixture(scope="module")
def module_database_url(postgres: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """The same for all tests of one module, for those that only read or that clean up after themselves."""
    yield from _database(postgres, migrated_template)


def _database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _create(postgres, name, template)
    yield _at(postgres.url, name)
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(postgres: EmbeddedPostgres, name: str, template: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER kroniek")
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def _at(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database
