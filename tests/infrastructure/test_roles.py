"""Each task at the database has a role of its own with the rights that the task takes, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from application.ports import Receipt
from infrastructure.codec import Codec
from infrastructure.database import make_ready, open_database
from infrastructure.database.addresses import GROUPS, LOGINS, Addresses, DatabaseRole, acting_as
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.migrations import check_migrated, migrate
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from tests.infrastructure.as_roles import addresses_of
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, DECIDER, append, counted

pytestmark = pytest.mark.usefixtures("durable")

CODEC = Codec([DECIDER])
PROJECTIONS = [COUNTERS, COUNTER_SUMS]
WRITER, PROJECTOR, READER, AUDITOR = GROUPS
ALL_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
EVENTS = ("event", "event_1", "event_2")

# What each may read; besides that, none may do anything with any table of the log.
READABLE = {
    WRITER: {*EVENTS, "stored_events", "partition", "identity", "commit", "stream", "claim", "receipt"},
    PROJECTOR: {*EVENTS, "partition", "identity", "commit", "stream"},
    READER: set[str](),
    AUDITOR: {*EVENTS, "stored_events", "partition", "identity", "commit", "stream"},
}
READABLE_COLUMNS = {READER: {("commit", "position"), ("identity", "log_id")}}
REACTORS: Mapping[DatabaseRole, Mapping[str, Sequence[str]]] = {
    WRITER: {
        "leader": ("SELECT", "INSERT", "UPDATE"),
        "progress": ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "waiting_key": ("SELECT", "INSERT", "UPDATE", "DELETE"),
        "waiting_event": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    },
    READER: dict.fromkeys(("leader", "progress", "waiting_key", "waiting_event"), ("SELECT",)),
}
EXECUTABLE = {
    WRITER: {"append", "lock_appends", "give_up", "forget", "id", "head"},
    PROJECTOR: {"id", "head"},
    READER: {"id", "head", "recorded_after", "sample", "last_of"},
    AUDITOR: {"id", "head", "sample"},
}


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def addresses(postgres: EmbeddedPostgres, database_url: str) -> Addresses:
    return addresses_of(postgres, database_url)


@pytest.fixture
def superuser(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        yield connection


# --- What each may --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", GROUPS)
def test_a_role_reads_of_the_log_what_its_task_takes_and_may_nothing_else(
    owner: psycopg.Connection, role: DatabaseRole
) -> None:
    owner.execute("SELECT log.add_partition()")
    rights = owner.execute(
        "SELECT relname::text, wanted FROM pg_class, unnest(%s::text[]) AS wanted "
        "WHERE relnamespace = 'log'::regnamespace AND relkind IN ('r', 'p', 'v') "
        "AND has_table_privilege(%s, pg_class.oid, wanted)",
        [rights_of(owner), role],
    ).fetchall()
    assert set(rights) == {(table, "SELECT") for table in READABLE[role]}


@pytest.mark.parametrize("role", GROUPS)
def test_a_role_reads_single_columns_only_where_it_is_told_and_writes_none(
    owner: psycopg.Connection, role: DatabaseRole
) -> None:
    columns = owner.execute(
        "SELECT relname::text, attname::text, wanted FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, "
        "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS wanted "
        "WHERE relnamespace = 'log'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0 "
        "AND has_column_privilege(%s, pg_class.oid, attnum, wanted) "
        "AND NOT has_table_privilege(%s, pg_class.oid, wanted)",
        [role, role],
    ).fetchall()
    assert set(columns) == {(*column, "SELECT") for column in READABLE_COLUMNS.get(role, set())}


@pytest.mark.parametrize("role", GROUPS)
def test_a_role_calls_the_functions_of_its_task(owner: psycopg.Connection, role: DatabaseRole) -> None:
    functions = owner.execute(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
        " AND has_function_privilege(%s, oid, 'EXECUTE')",
        [role],
    ).fetchall()
    assert {name for (name,) in functions} == EXECUTABLE[role]


@pytest.mark.anyio
@pytest.mark.parametrize("role", GROUPS)
async def test_no_role_holds_up_appends(addresses: Addresses, role: DatabaseRole) -> None:
    with psycopg.connect(addresses.known[role]) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("LOCK TABLE log.append_lock IN ACCESS SHARE MODE")
        connection.rollback()
        for number in set(ADVISORY.findall(definitions(addresses.owner))):
            connection.execute("SELECT pg_advisory_lock(%s)", (int(number),))
        async with PostgresLog(addresses.writer, CODEC, b"key", reconnect_timeout_s=5) as log, asyncio.timeout(20):
            (outcome,) = await log.append([append("counter-a", 1, at=0)])
    assert isinstance(outcome, Receipt)


ADVISORY = re.compile(r"pg_advisory_\w*lock\((\d+)\)")


def definitions(url: str) -> str:
    """Return the functions of the log, and those of an earlier release, which took a lock by its number."""
    query = "SELECT string_agg(prosrc, '') FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
    with psycopg.connect(url) as owner:
        ((source,),) = owner.execute(query).fetchall()
    return f"{source} pg_advisory_xact_lock(30243645427377515)"


@pytest.mark.parametrize("role", GROUPS)
def test_how_far_reactors_are_is_noted_by_the_writer_and_read_by_the_reader(
    owner: psycopg.Connection, role: DatabaseRole
) -> None:
    rights = owner.execute(
        "SELECT relname::text, wanted FROM pg_class, unnest(%s::text[]) AS wanted "
        "WHERE relnamespace = ANY (ARRAY['reactor', 'leadership']::regnamespace[]) AND relkind = 'r'"
        " AND has_table_privilege(%s, oid, wanted)",
        [rights_of(owner), role],
    ).fetchall()
    assert set(rights) == {(table, right) for table, all_of in REACTORS.get(role, {}).items() for right in all_of}


def test_a_function_with_the_rights_of_the_owner_looks_last_for_what_its_caller_made(owner: psycopg.Connection) -> None:
    functions = owner.execute(
        "SELECT proname::text, proconfig FROM pg_proc WHERE pronamespace = 'log'::regnamespace AND prosecdef"
    ).fetchall()
    assert {"append", "forget", "recorded_after"} <= {name for name, _ in functions}
    for name, settings in functions:
        assert "search_path=pg_catalog, pg_temp" in settings, name


def test_nobody_else_may_anything(owner: psycopg.Connection) -> None:
    """A login without any of the roles: what PUBLIC has, everybody has."""
    found = owner.execute(
        "SELECT 'schema', nspname::text FROM pg_namespace,"
        " aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS acl"
        " WHERE nspname IN ('log', 'read', 'reactor', 'leadership') AND grantee = 0 UNION ALL "
        "SELECT 'table', relname FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) AS acl"
        " WHERE relnamespace = ANY (ARRAY['log', 'read', 'reactor', 'leadership']::regnamespace[])"
        " AND grantee = 0 UNION ALL "
        "SELECT 'function', proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl"
        " WHERE pronamespace = ANY (ARRAY['log', 'read', 'reactor', 'leadership']::regnamespace[]) AND grantee = 0"
    ).fetchall()
    assert found == []


@pytest.mark.parametrize(("role", "may"), [(WRITER, ""), (PROJECTOR, "CREATE"), (READER, ""), (AUDITOR, "")])
def test_only_the_projector_makes_tables_and_only_for_read_models(
    owner: psycopg.Connection, role: DatabaseRole, may: str
) -> None:
    row = owner.execute(
        "SELECT has_schema_privilege(%s, 'read', 'CREATE'), has_schema_privilege(%s, 'log', 'CREATE')", [role, role]
    ).fetchone()
    assert row == (bool(may), False)


def test_no_role_is_a_member_of_another_or_has_a_right_over_the_server(owner: psycopg.Connection) -> None:
    names = [str(role) for role in GROUPS]
    assert (
        owner.execute(
            "SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%s)"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)",
            [names],
        ).fetchall()
        == []
    )
    assert (
        owner.execute(
            "SELECT 1 FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname = ANY(%s)", [names]
        ).fetchall()
        == []
    )


# --- The platform at work -------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_each_task_is_done_by_its_role_and_its_login_alone(addresses: Addresses) -> None:
    async with PostgresLog(addresses.writer, CODEC, b"key") as log:
        (receipt,) = await log.append([append("counter-a", 1, 2, at=0)])
        assert isinstance(receipt, Receipt)
        assert (await log.read(["counter-a"]))["counter-a"].version == 2
    with psycopg.connect(addresses.projector, autocommit=True) as connection:
        projector = Projector(connection, counted())
        projector.prepare()
        assert projector.catch_up() == 2
        assert [it.position for it in rebuild(addresses.projector, counted(), PROJECTIONS)] == [2, 2]
    reads = ReadModels(addresses.reader, PROJECTIONS)
    try:
        assert {place.position for place in (await reads.places()).values()} == {2}
        progress = await reads.progress()
        assert (progress.head, [model.lag_events for model in progress.projections]) == (2, [0] * len(PROJECTIONS))
    finally:
        await reads.aclose()
    for address in (addresses.reader, addresses.auditor):
        with psycopg.connect(address) as connection:
            _read_all(connection)
    with psycopg.connect(addresses.auditor) as connection:
        assert [event.position for event in LogReader(CODEC).read(connection, after=0, until=2)] == [1, 2]


@pytest.mark.anyio
async def test_the_lag_is_that_of_the_oldest_event_missed_also_where_its_partition_is_detached(
    owner: psycopg.Connection, addresses: Addresses
) -> None:
    async with PostgresLog(addresses.writer, CODEC, b"key") as log:
        await log.append([append("counter-a", 1, 2, at=0)])
    Projector(owner, counted(), [COUNTERS]).prepare()
    owner.execute("UPDATE read.checkpoint SET position = 1")
    owner.execute("SELECT log.add_partition()")
    owner.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
    row = owner.execute("SELECT extract(epoch FROM clock_timestamp() - recorded_at) FROM log.event_1").fetchone()
    assert row is not None
    reads = ReadModels(addresses.reader, [COUNTERS])
    (model,) = (await reads.progress()).projections
    await reads.aclose()
    assert model.lag_events == 1
    assert model.lag_s >= row[0]


@pytest.mark.anyio
async def test_one_login_works_as_the_role_of_each_task(database_url: str) -> None:
    addresses = Addresses.at(database_url)
    for role in GROUPS:
        with psycopg.connect(addresses.known[role]) as connection:
            assert connection.execute("SELECT current_user::text, session_user::text").fetchone() == (role, "kroniek")
    reads = ReadModels(addresses.reader, [])
    async with reads.engine.connect() as queries:
        assert (await queries.exec_driver_sql("SELECT current_user::text")).scalar() == READER
    await reads.aclose()


def test_other_options_of_an_address_stay() -> None:
    url = "postgresql://u:p@h:1/d?sslmode=verify-full&options=-c%20statement_timeout%3D9"
    assert conninfo_to_dict(acting_as(url, READER)) == {
        **conninfo_to_dict(url),
        "options": "-c statement_timeout=9 -c role=kroniek_reader",
    }


# --- Logins of their own --------------------------------------------------------------------------------------------


def test_with_logins_of_their_own_the_platform_never_needs_the_owner(
    empty_database_url: str, superuser: psycopg.Connection
) -> None:
    roles = {"database_url_writer": WRITER, "database_url_projector": PROJECTOR, "database_url_reader": READER}
    with logins(superuser, empty_database_url, *roles.values()) as urls:
        settings = Settings.model_validate(dict(zip(roles, urls, strict=True)))
        with (
            open_database(settings) as addresses,
            pytest.raises(DatabaseUnusableError, match="not up to date: run `kroniek migrate` first"),
        ):
            make_ready(addresses)
        migrate(empty_database_url)
        with open_database(settings) as addresses:
            make_ready(addresses)
            with psycopg.connect(addresses.projector) as connection:
                connection.execute("CREATE TABLE read.mine (one integer)")
                row = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'").fetchone()
            assert row == (PROJECTOR,)
            with (
                psycopg.connect(addresses.reader) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute("SELECT * FROM read.mine")
            with pytest.raises(DatabaseUnusableError, match=r"not set: KRONIEK_DATABASE_URL\."):
                _ = addresses.owner
        with psycopg.connect(empty_database_url) as connection:
            connection.execute("DROP TABLE read.mine")


def test_a_process_that_is_given_one_address_is_told_which_other_it_lacks(database_url: str) -> None:
    settings = Settings.model_validate({"database_url_projector": database_url})
    with open_database(settings) as addresses:
        make_ready(addresses)
        with pytest.raises(DatabaseUnusableError, match=r"not set: KRONIEK_DATABASE_URL_WRITER\."):
            _ = addresses.writer
        with pytest.raises(DatabaseUnusableError, match=r"not set: KRONIEK_KEYS_URL\."):
            _ = addresses.keys


def test_a_login_that_may_not_take_its_role_is_told_so(database_url: str, superuser: psycopg.Connection) -> None:
    with logins(superuser, database_url, WRITER) as (writer_url,):
        settings = Settings.model_validate({"database_url": database_url, "database_url_reader": writer_url})
        with (
            open_database(settings) as addresses,
            pytest.raises(DatabaseUnusableError, match=r'as kroniek_reader: .*to set role "kroniek_reader"'),
        ):
            make_ready(addresses)


# --- Making the roles -----------------------------------------------------------------------------------------------


def test_read_models_of_an_earlier_release_are_handed_over_to_the_projector(
    postgres: EmbeddedPostgres, empty_database_url: str, tmp_path: Path
) -> None:
    ours = Path(__file__).parents[2] / "migrations"
    for name in ("0001_log.sql", "0002_read.sql", "0003_one_way_in.sql"):
        shutil.copy(ours / name, tmp_path)
    migrate(empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for projection in PROJECTIONS:
            # As that release made them: row-level security came later.
            ReadTable(projection.table).create_bare(connection)
            ReadTable(projection.table).add_indexes(connection)
            connection.execute("INSERT INTO read.checkpoint VALUES (%s, 1, 0)", (projection.name,))
    addresses = addresses_of(postgres, empty_database_url)
    with pytest.raises(DatabaseUnusableError, match="run `kroniek migrate` first"):
        check_migrated(addresses.reader)
    migrate(empty_database_url)
    check_migrated(addresses.reader)
    with psycopg.connect(addresses.projector, autocommit=True) as connection:
        Projector(connection, counted()).prepare()
    assert [it.state for it in rebuild(addresses.projector, counted(), PROJECTIONS)] == ["done", "done"]
    with psycopg.connect(addresses.reader) as connection:
        _read_all(connection)


@pytest.fixture
def bare_server(open_tmp_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own that has none of the roles."""
    server = EmbeddedPostgres(open_tmp_folder / "bare")
    server.start()
    with psycopg.connect(server.superuser_url, autocommit=True) as superuser:
        superuser.execute("DROP DATABASE kroniek_keys")
        for role in LOGINS:
            superuser.execute(sql.SQL("REVOKE ALL ON DATABASE kroniek FROM {}").format(sql.Identifier(role)))
            superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    yield server
    server.stop()
    shutil.rmtree(open_tmp_folder / "bare")


def test_an_owner_that_may_not_make_roles_says_what_an_administrator_has_to_run(bare_server: EmbeddedPostgres) -> None:
    with pytest.raises(
        DatabaseUnusableError, match="the login kroniek may not make the roles of the platform"
    ) as refusal:
        migrate(bare_server.url)
    statements = re.findall(r"(?:CREATE|GRANT) [^;]+;", str(refusal.value))
    assert len(statements) == 2 * len(GROUPS)
    with psycopg.connect(bare_server.superuser_url, autocommit=True) as superuser:
        superuser.execute(" ".join(statements).encode())
    migrate(bare_server.url)
    make_ready(Addresses.at(bare_server.url))


def test_databases_of_one_server_that_migrate_at_once_share_the_roles(bare_server: EmbeddedPostgres) -> None:
    names = [f"together_{number}" for number in range(4)]
    with psycopg.connect(bare_server.superuser_url, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE kroniek CREATEROLE")
        for name in names:
            superuser.execute(f"CREATE DATABASE {name} OWNER kroniek".encode())
    urls = [f"{bare_server.url.rpartition('/')[0]}/{name}" for name in names]
    threads = [threading.Thread(target=migrate, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for url in urls:
        make_ready(Addresses.at(url))


def test_a_server_that_was_made_before_there_were_roles_gets_them_at_its_next_start(
    bare_server: EmbeddedPostgres, open_tmp_folder: Path
) -> None:
    bare_server.stop()
    note = open_tmp_folder / "bare" / "server.json"
    held = json.loads(note.read_text())
    passwords = held.pop("role_passwords")
    note.write_text(json.dumps(held))
    bare_server.start()
    make_ready(bare_server.addresses)
    renewed = json.loads(note.read_text())["role_passwords"]
    assert set(renewed) == set(LOGINS)
    assert not set(renewed.values()) & set(passwords.values())
    assert len({*renewed.values(), held["owner_password"], held["superuser_password"]}) == len(LOGINS) + 2


def test_the_statements_of_the_page_for_administrators_make_a_platform_without_its_owner(
    bare_server: EmbeddedPostgres,
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "administrator.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", page, re.DOTALL)
    with psycopg.connect(re.sub("kroniek$", "postgres", bare_server.superuser_url), autocommit=True) as superuser:
        superuser.execute("DROP DATABASE kroniek")
        superuser.execute("DROP ROLE kroniek")
        for statement in filter(None, map(str.strip, statements.split(";"))):
            superuser.execute(statement.encode())
    (of_keys,) = re.findall(r"```sql\n(GRANT EXECUTE ON FUNCTION pg_ls_waldir.*?)```", page, re.DOTALL)
    with psycopg.connect(re.sub("kroniek$", "kroniek_keys", bare_server.superuser_url), autocommit=True) as superuser:
        superuser.execute(of_keys.encode())
    place = bare_server.superuser_url.rpartition("@")[2]
    places = (place, f"{place}_keys")
    migrate(f"postgresql://kroniek:change-me-1@{place}")
    urls = dict(re.findall(r"KRONIEK_(DATABASE_URL_[A-Z]+|KEYS_URL)=postgresql://([a-z_]+):", page))
    passwords = dict(re.findall(r"CREATE ROLE ([a-z_]+) LOGIN PASSWORD '([^']+)'", page))
    settings = Settings.model_validate(
        {
            name.lower(): f"postgresql://{login}:{passwords[login]}@{places[name == 'KEYS_URL']}"
            for name, login in urls.items()
        }
    )
    with open_database(settings) as addresses:
        make_ready(addresses)
        assert set(addresses.known) == {WRITER, PROJECTOR, READER, DatabaseRole.KEYS}
    with psycopg.connect(f"postgresql://audit_office:{passwords['audit_office']}@{place}") as connection:
        assert connection.execute("SELECT count(*) FROM log.event").fetchone() == (0,)


# --- Helpers --------------------------------------------------------------------------------------------------------


def _read_all(connection: psycopg.Connection) -> None:
    for projection in PROJECTIONS:
        connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("read", projection.table.name)))


def rights_of(connection: psycopg.Connection) -> list[str]:
    """Return all rights that there are to a table; one of them is new in PostgreSQL 17."""
    return [right for right in ALL_RIGHTS if right != "MAINTAIN" or connection.info.server_version >= 170_000]


@contextlib.contextmanager
def logins(superuser: psycopg.Connection, url: str, *roles: DatabaseRole) -> Iterator[Sequence[str]]:
    """Make a login for each role, as an administrator would; give their addresses, and drop them at the end."""
    names = [f"login_of_{role}" for role in roles]
    place = url.rpartition("@")[2]
    for name, role in zip(names, roles, strict=True):
        superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE {role}".encode())
    try:
        yield [f"postgresql://{name}:secret@{place}" for name in names]
    finally:
        for name in names:
            superuser.execute(f"DROP ROLE {name}".encode())
