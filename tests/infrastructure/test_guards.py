"""The database guards the log: against those who run the platform, against its owner, and against a careless server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from application.ports import Receipt
from infrastructure.codec import Codec
from infrastructure.database import make_ready, open_database
from infrastructure.database.addresses import DatabaseRole
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.external import verify, verify_sessions
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.log_statements import APPEND_PROTOCOL
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.settings import Settings
from tests.infrastructure.as_roles import addresses_of
from tests.infrastructure.sample_counter import DECIDER, append
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("durable")

CODEC = Codec([DECIDER])
PLATFORM = (DatabaseRole.WRITER, DatabaseRole.PROJECTOR, DatabaseRole.READER, DatabaseRole.AUDITOR)
CHANGES = (
    "INSERT INTO {table} DEFAULT VALUES",
    "INSERT INTO {table} DEFAULT VALUES ON CONFLICT DO NOTHING",
    "COPY {table} FROM STDIN",
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "MERGE INTO {table} AS held USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE {table}",
    "TRUNCATE {table} CASCADE",
    "SELECT * FROM {table} FOR UPDATE",
    "LOCK TABLE {table} IN ROW EXCLUSIVE MODE",
)
DISARMINGS = (
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} DISABLE TRIGGER USER",
    "ALTER TABLE {table} ADD COLUMN added integer",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "ALTER TABLE {table} RENAME TO gone",
    "CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION log.refuse_change()",
    "CREATE RULE mine AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE INDEX mine ON {table} ({column})",
    "DROP TABLE {table} CASCADE",
)
ELSEWHERE = (
    "CREATE TABLE log.mine (one integer)",
    "CREATE FUNCTION log.mine() RETURNS integer LANGUAGE sql RETURN 1",
    "ALTER TABLE log.event DETACH PARTITION log.event_2",
    "DROP TRIGGER event_is_append_only ON log.event",
    "DROP TRIGGER event_is_append_only ON log.event_2",
    "ALTER FUNCTION log.append SECURITY INVOKER",
    "ALTER FUNCTION log.refuse_change() RENAME TO gone",
    "DROP FUNCTION log.append",
    "DROP SCHEMA log CASCADE",
    "SELECT log.add_partition()",
    "SET session_replication_role = replica",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION log.refuse_change()",
    "UPDATE kroniek_migration SET name = name",
)
# What a call of `log.append` says that writes the first event of a stream, by the names of its parameters.
ONE_EVENT = {
    "protocol": str(APPEND_PROTOCOL),
    "batch": "1",
    "presumed_versions": "{0}",
    "effective_ats": "{2026-01-05T09:00:00Z}",
    "versions": "{1}",
    "names": "{test.counter-raised.v1}",
    "payloads": '{"{}"}',
    "written_known": "{false}",
    "written_to": "{1}",
    "first_places": "{1}",
    "last_places": "{1}",
}
PRESENT_APPEND = "FROM pg_proc WHERE pronamespace = 'log'::regnamespace AND proargnames[1] = 'protocol'"
OF_ITS_STREAM = ("presumed_streams", "streams", "written_streams")
OF_ITS_CONTEXT = re.compile("(acting|subject|organisation|mandate|command|correlation|causation)_ids|activities|traces")


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def grown(module_database_url: str) -> Iterator[psycopg.Connection]:
    """The owner's connection to a log of three partitions, the first detached: for those to whom all is refused."""
    with psycopg.connect(module_database_url, autocommit=True) as owner:
        owner.execute("SELECT log.add_partition(), log.add_partition()")
        owner.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
        owner.execute("UPDATE log.partition SET attached = false WHERE number = 1")
        yield owner


def tables(connection: psycopg.Connection) -> Sequence[tuple[str, str]]:
    """Return every table, partition and view of the log, with the name of its first column."""
    return connection.execute(
        "SELECT relname::text, attname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
        "WHERE relnamespace = 'log'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum = 1 ORDER BY relname"
    ).fetchall()


def append_one(connection: psycopg.Connection, stream: str, **said: str) -> int:
    """Call `log.append` as somebody would who does not use our code; return the position before the event."""
    said = ONE_EVENT | dict.fromkeys(OF_ITS_STREAM, f"{{{stream}}}") | {"writer_id": str(uuid4())} | said
    row = connection.execute(f"SELECT proargnames[:pronargs] {PRESENT_APPEND}").fetchone()
    assert row is not None
    values = {name: said.get(name, '{""}' if OF_ITS_CONTEXT.fullmatch(name) else "{}") for name in row[0]}
    call = sql.SQL("SELECT log.append({})").format(
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in values.items()
        )
    )
    row = connection.execute(call).fetchone()
    assert row is not None
    return int(row[0])


def signature_of_append(connection: psycopg.Connection) -> str:
    row = connection.execute(f"SELECT oid::regprocedure::text {PRESENT_APPEND}").fetchone()
    assert row is not None
    return str(row[0])


def refused(connection: psycopg.Connection, statement: sql.Composed | str, *why: type[psycopg.Error]) -> bool:
    """Whether the database refuses the statement for this reason; any other refusal is raised."""
    text = sql.SQL(statement) if isinstance(statement, str) else statement
    try:
        with connection.transaction(force_rollback=True), connection.cursor() as cursor:
            if text.as_string().startswith("COPY"):
                with cursor.copy(text):
                    pass
            else:
                cursor.execute(text)
    except why:
        return True
    return False


# --- Against those who run the platform -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", PLATFORM)
def test_no_role_of_the_platform_can_change_empty_or_disarm_any_part_of_the_log(
    postgres: EmbeddedPostgres, module_database_url: str, grown: psycopg.Connection, role: DatabaseRole
) -> None:
    every = tables(grown)
    assert {"event", "event_1", "event_2", "event_3", "stored_events", "commit", "stream", "claim"} <= {
        name for name, _ in every
    }
    allowed = []
    with psycopg.connect(addresses_of(postgres, module_database_url).known[role], autocommit=True) as connection:
        for name, column in every:
            for change in (*CHANGES, *DISARMINGS):
                statement = sql.SQL(change).format(table=sql.Identifier("log", name), column=sql.Identifier(column))
                if not refused(
                    connection, statement, psycopg.errors.InsufficientPrivilege, *_meaningless(name, change)
                ):
                    allowed.append((name, change))
        signature = signature_of_append(grown)
        allowed += [
            ("", statement)
            for statement in ELSEWHERE
            if not refused(connection, statement.replace("log.append", signature), psycopg.errors.InsufficientPrivilege)
        ]
    assert allowed == []


def _meaningless(name: str, change: str) -> tuple[type[psycopg.Error], ...]:
    """Return how PostgreSQL refuses, before it looks at rights, what there is no such thing as for this table."""
    if name == "stored_events" or "RULE" in change:
        return (
            psycopg.errors.WrongObjectType,
            psycopg.errors.FeatureNotSupported,
            psycopg.errors.ObjectNotInPrerequisiteState,
        )
    return ()


@pytest.mark.parametrize("role", [DatabaseRole.PROJECTOR, DatabaseRole.READER, DatabaseRole.AUDITOR])
def test_only_the_writer_may_append(postgres: EmbeddedPostgres, database_url: str, role: DatabaseRole) -> None:
    with psycopg.connect(addresses_of(postgres, database_url).known[role], autocommit=True) as connection:
        rows = connection.execute(
            "SELECT format('SELECT log.append(%s)', (SELECT string_agg('NULL', ', ') FROM unnest(proargtypes)))"
            " FROM pg_proc WHERE oid::regproc::text = 'log.append'"
        ).fetchall()
        assert len(rows) == 2
        for (call,) in rows:
            assert refused(connection, call, psycopg.errors.InsufficientPrivilege)


def test_nothing_that_a_writer_puts_into_its_temporary_schema_runs_with_the_rights_of_the_owner(
    postgres: EmbeddedPostgres, database_url: str, owner: psycopg.Connection
) -> None:
    """The classic way to borrow the rights of a function: a type of one's own with a name that it uses."""
    with psycopg.connect(addresses_of(postgres, database_url).writer, autocommit=True) as connection:
        connection.execute("CREATE TYPE pg_temp.text AS (mine integer)")
        connection.execute(
            "CREATE FUNCTION pg_temp.borrow(bigint) RETURNS pg_temp.text LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'borrowed by %', current_user; END $$"
        )
        connection.execute("CREATE CAST (bigint AS pg_temp.text) WITH FUNCTION pg_temp.borrow(bigint)")
        connection.execute("CREATE CAST (pg_temp.text AS pg_catalog.text) WITH INOUT AS IMPLICIT")
        assert append_one(connection, "counter-a") == 0
        # That it would work but for the order in which the function looks for names:
        owner.execute(f"ALTER FUNCTION {signature_of_append(owner)} SET search_path = pg_catalog")
        with pytest.raises(psycopg.errors.RaiseException, match=r"borrowed by kroniek\n"):
            append_one(connection, "counter-b")


def test_a_writer_takes_away_neither_the_head_of_the_log_nor_the_commits_of_others(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    with psycopg.connect(addresses_of(postgres, database_url).writer, autocommit=True) as connection:
        append_one(connection, "counter-a", outdated="{1}")
        assert connection.execute("SELECT log.head()").fetchone() == (1,)
        append_one(connection, "counter-b", outdated="{1,2}")
        assert connection.execute("SELECT position FROM log.commit ORDER BY 1").fetchall() == [(1,), (2,)]


# --- Against the owner ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["event", "event_1", "event_2", "event_3"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.{} SET version = 2",
        "DELETE FROM log.{}",
        "TRUNCATE log.{}",
        "MERGE INTO log.{} USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_the_owner_and_a_superuser_as_replica_are_refused_too(
    postgres: EmbeddedPostgres, module_database_url: str, grown: psycopg.Connection, table: str, change: str
) -> None:
    superuser_url = f"{postgres.superuser_url.rpartition('/')[0]}/{module_database_url.rpartition('/')[2]}"
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        for connection in (grown, superuser):
            assert refused(connection, change.format(table), psycopg.errors.RestrictViolation)


@pytest.mark.anyio
async def test_recorded_at_never_goes_back_even_where_the_clock_does(
    postgres: EmbeddedPostgres, database_url: str, owner: psycopg.Connection
) -> None:
    """The clock went back by a day since the last commit: the same as a last commit a day from now."""
    async with PostgresLog(addresses_of(postgres, database_url).writer, CODEC, b"key") as log:
        await log.append([append("counter-a", 1, at=0)])
        owner.execute("UPDATE log.commit SET recorded_at = recorded_at + interval '1 day'")
        await log.append([append("counter-a", 2, at=1), append("counter-b", 1, at=0)])
        (receipt,) = await log.append([append("counter-a", 3, at=2)])
    assert isinstance(receipt, Receipt)
    events = list(LogReader(CODEC).read(owner, after=0, until=receipt.position))
    assert [event.position for event in events] == [1, 2, 3, 4]
    assert all(before.recorded_at <= after.recorded_at for before, after in pairwise(events))
    assert events[1].recorded_at == events[0].recorded_at + timedelta(days=1)
    assert events[-1].recorded_at > datetime.now(UTC) + timedelta(hours=23)


# --- Against a server that would lose what it confirmed -------------------------------------------------------------


def test_an_append_is_on_disk_when_it_is_confirmed_whatever_the_session_is_set_to(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    with psycopg.connect(addresses_of(postgres, database_url).writer) as connection:
        connection.execute("SET synchronous_commit = off")
        append_one(connection, "counter-a")
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        connection.rollback()


@pytest.mark.parametrize("role", [DatabaseRole.WRITER, DatabaseRole.PROJECTOR, DatabaseRole.READER])
def test_a_setting_of_one_login_that_loses_commits_is_refused(
    postgres: EmbeddedPostgres, database_url: str, role: DatabaseRole
) -> None:
    addresses = addresses_of(postgres, database_url)
    verify_sessions(addresses)
    database = sql.Identifier(database_url.rpartition("/")[2])
    with psycopg.connect(postgres.superuser_url, autocommit=True) as superuser:
        setting = sql.SQL("ALTER ROLE {} IN DATABASE {} SET synchronous_commit = off")
        superuser.execute(setting.format(sql.Identifier(role), database))
    with pytest.raises(DatabaseUnusableError, match=f"as {role}:\n- `synchronous_commit` is off"):
        verify_sessions(addresses)


def test_a_setting_in_the_address_itself_is_refused(database_url: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="`synchronous_commit` is off"):
        verify(f"{database_url}?options=-c%20synchronous_commit%3Doff")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_may_lose_what_it_confirmed_is_refused(
    postgres: EmbeddedPostgres, database_url: str, name: str
) -> None:
    with psycopg.connect(postgres.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"ALTER SYSTEM SET {name} = off")
        try:
            _reload(superuser, lambda: _shows(postgres, name, "off"))
            with pytest.raises(DatabaseUnusableError, match=f"`{name}` is off"):
                verify(database_url)
            with pytest.raises(DatabaseUnusableError, match=f"as kroniek_writer:\n- `{name}` is off"):
                verify_sessions(addresses_of(postgres, database_url))
        finally:
            superuser.execute(f"ALTER SYSTEM RESET {name}")
            _reload(superuser, lambda: _shows(postgres, name, "on"))


def test_commits_that_do_not_wait_for_the_standbys_there_are_are_refused(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    name = database_url.rpartition("/")[2]
    with psycopg.connect(postgres.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"ALTER DATABASE {name} SET synchronous_commit = local")
        verify(database_url)
        superuser.execute("SET synchronous_commit = local")
        superuser.execute("ALTER SYSTEM SET synchronous_standby_names = 'other'")
        try:
            _reload(superuser, lambda: _shows(postgres, "synchronous_standby_names", "other"))
            with pytest.raises(DatabaseUnusableError, match="synchronous standbys"):
                verify(database_url)
        finally:
            superuser.execute("ALTER SYSTEM RESET synchronous_standby_names")
            _reload(superuser, lambda: _shows(postgres, "synchronous_standby_names", ""))


def test_the_embedded_server_is_refused_too_and_not_left_running(open_tmp_folder: Path) -> None:
    settings = Settings(data_dir=open_tmp_folder / "unsafe")
    with open_database(settings) as addresses:
        make_ready(addresses)
        superuser_url = EmbeddedPostgres(settings.data_dir).superuser_url
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            superuser.execute("ALTER SYSTEM SET fsync = off")
    with pytest.raises(DatabaseUnusableError, match="`fsync` is off"), open_database(settings):
        pass
    assert not EmbeddedPostgres(settings.data_dir).running()


def _reload(superuser: psycopg.Connection, done: Callable[[], bool]) -> None:
    superuser.execute("SELECT pg_reload_conf()")
    wait_until(done, "the server does not take the setting over")


def _shows(postgres: EmbeddedPostgres, name: str, value: str) -> bool:
    with psycopg.connect(postgres.url) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)
