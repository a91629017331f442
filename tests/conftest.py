"""What tests share: one PostgreSQL server for the run, a fresh migrated database for each test, asyncio."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import structlog
from psycopg import sql

from infrastructure.database.data_folder import KEYS
from infrastructure.database.embedded import EmbeddedPostgres, let_shred
from infrastructure.database.migrations import migrate, migrate_keys
from tests import lengths
from tests.databases import Databases, Template
from tests.infrastructure.emptying import empty_log
from tests.infrastructure.read_tables import make_read_tables
from tests.waiting import wait_until

FOLDER = Path(__file__).parent
SMOKE = (
    "api/test_graph.py",
    "api/test_keys_gone.py",
    "infrastructure/test_event_log.py",
    "infrastructure/test_events_of.py",
    "infrastructure/test_migrate.py",
    "infrastructure/test_reapply_erasures.py",
)
"""Of those with a database, what `--quick` runs: one file for each room."""
_SMOKE = frozenset(FOLDER / name for name in SMOKE)
DURABLE = ("fsync", "full_page_writes")
FAST = {
    # A connection costs both sides thousands of hashes otherwise, and tests make thousands of connections.
    "scram_iterations": "1",
    # Each of the servers of a run holds its journal in memory.
    "max_wal_size": "1GB",
    # Two files of the journal are fewer to overwrite, where keys are shredded, than the server's own number.
    "min_wal_size": "32MB",
}
"""Settings of the server of the tests that the embedded one does not have."""
MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it have names that nobody can guess
LEAST_MEMORY_BYTES = 8 * 2**30
OUTSIDE = frozenset({"postgres", "open_tmp_folder", "window", "token"})
"""Fixtures of what is not this process: a database server, platforms of their own, a browser, a token for keys."""
NOT_QUICK = (
    "benchmarks",
    "fuzz",
    "torture",
    "api/test_administration_browser.py",
    "api/test_dashboard_browser.py",
    "api/test_failover.py",
    "api/test_full_sample.py",
    "api/test_graph_browser.py",
    "infrastructure/test_conformance.py",
    "infrastructure/test_conformance_damaged.py",
    "infrastructure/test_crashes.py",
    "infrastructure/test_import.py",
    "infrastructure/test_projection_kills.py",
    "infrastructure/test_sample.py",
    "test_adding.py",
)
"""Files that start servers and tools of their own, or take long without: not even read for `--quick`."""
_NOT_QUICK = frozenset(FOLDER / name for name in NOT_QUICK)


@pytest.fixture(autouse=True)
def events_of_every_level_are_logged() -> None:
    """Undo what a command configured that an earlier test ran in this process: it would hide lines from this one."""
    structlog.reset_defaults()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the suites that are marked `long` at their full length")
    parser.addoption("--quick", action="store_true", help="run what needs no database, and one file of each room")


def pytest_configure(config: pytest.Config) -> None:
    lengths.choose(long=config.getoption("--long"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collections of garbage: modules and items stay, and to look through them is half the time.

    No later collection looks through them either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: tests wait for servers, browsers and processes of their own."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seconds = {FOLDER / name: length for name, length in lengths.SECONDS.items()}
    items.sort(key=lambda item: -seconds.get(item.path, 0))
    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=[item for item in items if not _is_quick(item)])
        items[:] = [item for item in items if _is_quick(item)]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files of which nothing would be run: to read them takes time too."""
    return True if config.getoption("--quick") and collection_path in _NOT_QUICK else None


def _is_quick(item: pytest.Item) -> bool:
    if item.path in _SMOKE:
        return True
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    return item.get_closest_marker("long") is None and OUTSIDE.isdisjoint(fixtures)


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
def server_folder(open_tmp_folder: Path) -> Iterator[Path]:
    """A folder for the server: in memory if there is room for short suites, since databases are made by hundreds."""
    if not lengths.sized(_has_room(MEMORY), long=False):
        yield open_tmp_folder
        return
    folder = Path(tempfile.mkdtemp(prefix="kroniek-tests-", dir=MEMORY))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _has_room(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    available: int = psutil.virtual_memory().available
    return min(shutil.disk_usage(folder).free, available) >= LEAST_MEMORY_BYTES


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(server_folder / "server")
    server.start()
    try:
        _alter_system(server, {**dict.fromkeys(DURABLE, "off"), **FAST})
        _hash_passwords_again(server)
        yield server
    finally:
        stopped_at_once(server_folder / "server")


@pytest.fixture(scope="module")
def durable(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Give the server its own settings back: the platform asks of one before it starts that it waits for the disk."""
    _alter_system(postgres, dict.fromkeys(DURABLE, "on"))
    yield
    _alter_system(postgres, dict.fromkeys(DURABLE, "off"))


def _alter_system(server: EmbeddedPostgres, settings: Mapping[str, str]) -> None:
    """Change settings of a server; every new session has them when this returns."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
    wait_until(lambda: _settings(server, settings) == settings, f"there are other settings than {settings}")


def _settings(server: EmbeddedPostgres, names: Iterable[str]) -> Mapping[str, str]:
    with psycopg.connect(server.superuser_url) as connection:
        found = connection.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(names)]
        )
        return dict(found.fetchall())


def _hash_passwords_again(server: EmbeddedPostgres) -> None:
    """Store the passwords of logins as often hashed as the server does now."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        for url in (server.superuser_url, *server.addresses.known.values()):
            login = urlsplit(url)
            name = sql.Identifier(login.username or "")
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(login.password)))


def stopped_at_once(folder: Path) -> None:
    """End a server whose data nobody needs any more: without the checkpoint that would write all of them."""
    process = psutil.Process(int((folder / "pgdata" / "postmaster.pid").read_text().splitlines()[0]))
    process.send_signal(signal.SIGQUIT)
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the server does not end")


# --- Databases --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Iterator[Databases]:
    with Databases(postgres) as databases:
        yield databases


@pytest.fixture(scope="session")
def empty(databases: Databases) -> Template:
    return databases.template("template1")


@pytest.fixture(scope="session")
def migrated(databases: Databases) -> Template:
    return databases.template("migrated", migrate)


@pytest.fixture(scope="session")
def with_read_models(databases: Databases) -> Template:
    def make(url: str) -> None:
        migrate(url)
        make_read_tables(url)

    return databases.template("with_read_models", make)


@pytest.fixture(scope="session")
def migrated_keys(databases: Databases, postgres: EmbeddedPostgres) -> Template:
    def make(url: str) -> None:
        migrate_keys(url)
        with psycopg.connect(postgres.superuser_url.rpartition("/")[0] + "/" + url.rpartition("/")[2]) as connection:
            let_shred(connection)

    return databases.template("migrated_keys", make, owner=KEYS)


@pytest.fixture
def empty_database_url(empty: Template) -> Iterator[str]:
    """The address of a database of this test's own with nothing in it."""
    with empty.copied() as url:
        yield url


@pytest.fixture
def database_url(migrated: Template) -> Iterator[str]:
    """The address of a database of this test's own with the schema in it, as the role that owns it."""
    with migrated.copied() as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(migrated: Template) -> Iterator[str]:
    """The same for all tests of one module, for those that only read or that clean up after themselves."""
    with migrated.copied() as url:
        yield url


@pytest.fixture
def emptied_database_url(module_database_url: str) -> str:
    """That of the module, with nothing in its log: for those that change nothing but the log."""
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        empty_log(connection)
    return module_database_url


@pytest.fixture
def read_models_url(with_read_models: Template) -> Iterator[str]:
    """The same for one test, with the tables of all read models: empty, open to readers, and at position 0."""
    with with_read_models.copied() as url:
        yield url


@pytest.fixture(scope="module")
def module_read_models_url(with_read_models: Template) -> Iterator[str]:
    """The same for all tests of one module."""
    with with_read_models.copied() as url:
        yield url


@pytest.fixture
def keys_url(migrated_keys: Template) -> Iterator[str]:
    """The address of a database of keys of this test's own, as the role that owns it."""
    with migrated_keys.copied() as url:
        yield url


@pytest.fixture(scope="module")
def module_keys_url(migrated_keys: Template) -> Iterator[str]:
    """The same for all tests of one module."""
    with migrated_keys.copied() as url:
        yield url
