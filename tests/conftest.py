"""What tests share: one PostgreSQL server for the run, a fresh migrated database for each test, asyncio."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.database.data_folder import KEYS, NAME
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.migrations import migrate, migrate_keys
from tests import lengths

TEMPLATE = "migrated"
KEYS_TEMPLATE = "migrated_keys"
_numbers = itertools.count(1)


FOLDER = Path(__file__).parent
LONGEST_FIRST = (
    "api/test_dashboard_browser.py",
    "api/test_administration_browser.py",
    "api/test_doors_bodies.py",
    "api/test_full_sample.py",
    "api/test_platform.py",
    "api/test_import_command.py",
    "api/test_projections_command.py",
    "fuzz/test_fuzz.py",
    "infrastructure/test_conformance.py",
    "infrastructure/test_worker.py",
    "benchmarks/test_projections_benchmark.py",
)
"""Files that take longest. Where several processes share the files, the last of them would wait for such a one."""

SMOKE = (
    "api/test_keys_gone.py",
    "api/test_graph.py",
    "infrastructure/test_erase_again.py",
    "infrastructure/test_events_of.py",
    "infrastructure/test_event_log.py",
    "infrastructure/test_migrate.py",
)
"""Of those with a database, what `--quick` runs: one file for each room."""
OUTSIDE = frozenset({"postgres", "open_tmp_folder", "window", "token"})
"""Fixtures of what is not this process: a database server, platforms of their own, a browser, a token for keys."""
NOT_QUICK = (
    "benchmarks",
    "fuzz",
    "infrastructure/test_crashes.py",
    "infrastructure/test_import.py",
    "infrastructure/test_projection_kills.py",
    "infrastructure/test_sample.py",
    "test_adding.py",
)
"""Files that start servers and tools of their own, or take long without."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the suites that are marked `long` at their full length")
    parser.addoption("--quick", action="store_true", help="run what needs no database, and one file of each room")


def pytest_configure(config: pytest.Config) -> None:
    lengths.choose(long=config.getoption("--long"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ranks = {FOLDER / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    if config.getoption("--quick"):
        chosen = [item for item in items if _is_quick(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _is_quick(item: pytest.Item) -> bool:
    if item.path in {FOLDER / name for name in SMOKE}:
        return True
    slow = any(item.path.is_relative_to(FOLDER / name) for name in NOT_QUICK)
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    return not slow and item.get_closest_marker("long") is None and OUTSIDE.isdisjoint(fixtures)


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


@pytest.fixture(scope="session")
def keys_template(postgres: EmbeddedPostgres) -> str:
    _create(postgres, KEYS_TEMPLATE, "template1", KEYS)
    migrate_keys(_at(postgres.addresses.keys, KEYS_TEMPLATE))
    return KEYS_TEMPLATE


@pytest.fixture
def keys_url(postgres: EmbeddedPostgres, keys_template: str) -> Iterator[str]:
    """The address of a database of keys of this test's own, as the role that owns it."""
    yield from _database(postgres, keys_template, KEYS)


@pytest.fixture(scope="module")
def module_keys_url(postgres: EmbeddedPostgres, keys_template: str) -> Iterator[str]:
    """The same for all tests of one module."""
    yield from _database(postgres, keys_template, KEYS)


def _database(postgres: EmbeddedPostgres, template: str, owner: str = NAME) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _create(postgres, name, template, owner)
    yield _at(postgres.url if owner == NAME else postgres.addresses.keys, name)
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(postgres: EmbeddedPostgres, name: str, template: str, owner: str = NAME) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute(statement.format(*map(sql.Identifier, (name, template, owner))))


def _at(url: str, database: str) -> str:
    return url.rpartition("/")[0] + "/" + database
