"""PostgreSQL itself shows a reader no row that its viewer may not see, whatever the query forgets to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Table, create_engine, select
from sqlalchemy.engine import make_url

from api.graph.queries.visibility import visible
from application.ports import Caller, Role
from infrastructure.database import DatabaseUnusableError, EmbeddedPostgres, migrate, verify_sessions
from infrastructure.projector.rows.row_security import open_to_readers
from infrastructure.read_models.reading import FIGURES as FIGURE_MODELS
from projections import mandates, messages
from projections.read_model import SCHEMA
from projections.registry import PROJECTIONS
from projections.row_security import EVERYTHING, FIGURES, IN_SESSION, NOTHING, SEEN, Viewer, condition
from tests.infrastructure.as_roles import addresses_of
from tests.infrastructure.read_tables import make_read_tables
from tests.infrastructure.viewed import ORGANISATIONS, Connection, Keys, fill, keys_seen, tell

TABLES = [projection.table for projection in PROJECTIONS]
ROWS = 60
NOBODY = (
    None,
    Viewer(role=""),
    Viewer(role="", organisation_id="org-a"),
    Viewer(role="owner", organisation_id="org-a"),
    Viewer(role="AUDITOR"),
)


IN_A_SESSION = [table for table in TABLES if IN_SESSION in SEEN[table].agency]
"""What an agency is shown of a person only while that person is in a session."""

OF_PARTIES = [it for it in TABLES if SEEN[it].agency not in (EVERYTHING, NOTHING) and it not in IN_A_SESSION]
"""What an agency sees as far as it is a party to it."""


def name_of(it: object) -> str:
    return it.name if isinstance(it, Table) else str(it)


@pytest.fixture(scope="module")
def filled(module_database_url: str) -> str:
    """A database whose read models hold rows at random of three organisations."""
    make_read_tables(module_database_url)
    random = Random(20260105)
    with psycopg.connect(module_database_url, autocommit=True) as owner:
        for table in TABLES:
            fill(owner, table, random, ROWS)
    return module_database_url


@pytest.fixture(scope="module")
def reader(postgres: EmbeddedPostgres, filled: str) -> Iterator[Connection]:
    with psycopg.connect(addresses_of(postgres, filled).reader, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def owner(filled: str) -> Iterator[Connection]:
    with psycopg.connect(filled, autocommit=True) as connection:
        yield connection


# --- Who sees what --------------------------------------------------------------------------------------------------


def test_every_read_model_stands_in_the_table() -> None:
    assert set(SEEN) == set(TABLES)
    assert {table.name for table, seen in SEEN.items() if FIGURES in seen.roles} == {
        projection.table.name for projection in PROJECTIONS if projection.name in FIGURE_MODELS
    }


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_who_says_nothing_sees_nothing(reader: Connection, owner: Connection, table: Table) -> None:
    assert len(keys_seen(owner, table, None)) > 3
    assert [keys_seen(reader, table, viewer) for viewer in NOBODY] == [set()] * len(NOBODY)


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_a_read_model_shows_each_role_what_the_application_would_ask_for(
    filled: str, reader: Connection, table: Table
) -> None:
    """Two ways to say the same, on rows at random: neither shows a row that the other hides."""
    engine = create_engine(make_url(filled).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        for role in Role:
            for organisation in (*ORGANISATIONS, "org", "%", "_____", ","):
                query = visible(_caller(role, organisation), table, select(*table.primary_key))
                asked: Keys = {tuple(row) for row in connection.execute(query)}
                viewer = Viewer(role=role, organisation_id=organisation)
                assert (role, organisation, keys_seen(reader, table, viewer)) == (role, organisation, asked)
    engine.dispose()


@pytest.mark.parametrize(
    "table",
    [it for it in TABLES if SEEN[it].agency not in (EVERYTHING, NOTHING) and it not in IN_A_SESSION],
    ids=name_of,
)
def test_an_agency_sees_some_rows_and_never_those_of_others(
    reader: Connection, owner: Connection, table: Table
) -> None:
    own = keys_seen(reader, table, Viewer(role="agency", organisation_id="org-a"))
    assert set() < own < keys_seen(owner, table, None)


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_the_figures_are_computed_from_all_rows_of_their_own_read_models(
    reader: Connection, owner: Connection, table: Table
) -> None:
    every = keys_seen(owner, table, None) if FIGURES in SEEN[table].roles else set()
    assert keys_seen(reader, table, Viewer(role=FIGURES)) == every


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_auditors_of_the_database_see_every_row_and_change_none(
    postgres: EmbeddedPostgres, filled: str, owner: Connection, table: Table
) -> None:
    with psycopg.connect(addresses_of(postgres, filled).auditor, autocommit=True) as auditor:
        assert keys_seen(auditor, table, None) == keys_seen(owner, table, None)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, table.name)))


def test_mandates_for_every_service_are_shown_to_an_agency_that_names_the_mandator(
    reader: Connection, owner: Connection
) -> None:
    query = (
        "SELECT mandate_id, mandator_id FROM read.mandates_v2"
        " WHERE cardinality(organisation_ids) = 0 AND mandator_id <> ''"
    )
    keyed = {row[:-1]: row[-1] for row in owner.execute(query.replace("mandate_id", "mandate_id, period")).fetchall()}
    for organisation in ("org-a", "org-b"):
        seen = keys_seen(reader, mandates.TABLE, Viewer(role="agency", organisation_id=organisation))
        for mandator in ("org-a", "org-b", "org-c", ""):
            viewer = Viewer(role="agency", organisation_id=organisation, mandator_id=mandator)
            named = {key for key, it in keyed.items() if it == mandator}
            assert keys_seen(reader, mandates.TABLE, viewer) == seen | named


@pytest.mark.parametrize("table", IN_A_SESSION, ids=name_of)
def test_what_a_person_is_told_of_themselves_is_shown_of_that_person_alone(
    reader: Connection, owner: Connection, table: Table
) -> None:
    column = "subject_id" if "subject_id" in table.c else "person_id"
    query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(SCHEMA, table.name))
    persons = {str(row[0]) for row in owner.execute(query).fetchall()}
    shown = [
        keys_seen(reader, table, Viewer(role="agency", organisation_id="org-a", person_id=person)) for person in persons
    ]
    assert all(shown)
    assert sum(map(len, shown)) == len(keys_seen(owner, table, None))


def test_what_was_set_for_one_transaction_is_gone_after_it(reader: Connection) -> None:
    viewer = Viewer(role="auditor")
    assert keys_seen(reader, messages.TABLE, viewer)
    assert not keys_seen(reader, messages.TABLE, None)
    with pytest.raises(psycopg.errors.DivisionByZero), reader.transaction():  # noqa: PT012 - in one transaction
        tell(reader, viewer)
        reader.execute("SELECT 1 / 0")
    assert not keys_seen(reader, messages.TABLE, None)


def test_a_read_model_that_was_forgotten_is_seen_by_nobody(owner: Connection, reader: Connection) -> None:
    forgotten = messages.TABLE.to_metadata(messages.TABLE.metadata.__class__(schema=SCHEMA), name="forgotten_v1")
    assert condition(forgotten) == "false"
    owner.execute("CREATE TABLE read.forgotten_v1 (LIKE read.messages_v2)".replace("messages_v2", messages.TABLE.name))
    fill(owner, forgotten, Random(1), 5)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        keys_seen(reader, forgotten, Viewer(role="auditor"))
    open_to_readers(owner, forgotten, forgotten.name)
    assert keys_seen(reader, forgotten, Viewer(role="auditor")) == set()
    assert len(keys_seen(owner, forgotten, None)) > 1
    owner.execute("DROP TABLE read.forgotten_v1")


# --- Who may change that --------------------------------------------------------------------------------------------

SWITCHES = (
    "ALTER TABLE read.{} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE read.{} NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY seen ON read.{}",
    "ALTER POLICY seen ON read.{} USING (true)",
    "CREATE POLICY mine ON read.{} USING (true)",
    "CREATE VIEW mine AS SELECT * FROM read.{}",
    "CREATE OR REPLACE FUNCTION read.consents_v1_rows() RETURNS SETOF text LANGUAGE sql AS ''",
    "SET ROLE kroniek_projector",
    "SET ROLE kroniek_auditor",
    "SET SESSION AUTHORIZATION kroniek",
    "SET row_security = off; SELECT count(*) FROM read.{}",
)


@pytest.mark.parametrize("statement", SWITCHES)
def test_a_reader_cannot_switch_it_off(reader: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
        reader.execute(statement.format(messages.TABLE.name).encode())


def test_a_reader_does_not_change_what_a_condition_means(postgres: EmbeddedPostgres, filled: str) -> None:
    """Operators of one's own, found first, would make every comparison true; conditions keep those of PostgreSQL."""
    superuser_url = f"{postgres.superuser_url.rpartition('/')[0]}/{filled.rpartition('/')[2]}"
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        superuser.execute("CREATE SCHEMA mine AUTHORIZATION kroniek_reader")
    with psycopg.connect(addresses_of(postgres, filled).reader, autocommit=True) as reader:
        before = keys_seen(reader, messages.TABLE, Viewer(role="agency", organisation_id="org-a"))
        reader.execute("CREATE FUNCTION mine.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true")
        reader.execute("CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.yes)")
        reader.execute("SET search_path = mine, pg_catalog")
        assert reader.execute("SELECT 'a'::text = 'b'::text").fetchone() == (True,)
        assert keys_seen(reader, messages.TABLE, Viewer(role="agency", organisation_id="org-a")) == before
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        superuser.execute("DROP SCHEMA mine CASCADE")


@pytest.mark.parametrize(
    ("change", "back", "why"),
    [
        ("ALTER ROLE kroniek_reader BYPASSRLS", "ALTER ROLE kroniek_reader NOBYPASSRLS", "It has BYPASSRLS"),
        ("ALTER ROLE kroniek_reader SUPERUSER", "ALTER ROLE kroniek_reader NOSUPERUSER", "It is a superuser"),
        (
            "GRANT kroniek_projector TO kroniek_reader",
            "REVOKE kroniek_projector FROM kroniek_reader",
            "It is a member of kroniek_projector",
        ),
        (
            "GRANT kroniek_auditor TO kroniek_reader",
            "REVOKE kroniek_auditor FROM kroniek_reader",
            "It is a member of kroniek_auditor",
        ),
    ],
    ids=["bypassing", "superuser", "projector", "auditor"],
)
def test_the_platform_does_not_start_with_a_reader_from_whom_nothing_is_hidden(
    own_server: EmbeddedPostgres, change: str, back: str, why: str
) -> None:
    with psycopg.connect(own_server.superuser_url, autocommit=True) as superuser:
        superuser.execute(change.encode())
        with pytest.raises(DatabaseUnusableError, match=f"as kroniek_reader:\n- {why}: row-level security would"):
            verify_sessions(own_server.addresses)
        superuser.execute(back.encode())
    verify_sessions(own_server.addresses)


@pytest.fixture(scope="module")
def own_server(open_tmp_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this module's own: roles belong to a server, and other tests rely on those of theirs."""
    server = EmbeddedPostgres(open_tmp_folder / "roles")
    server.start()
    migrate(server.url)
    yield server
    server.stop()


def _caller(role: Role, organisation: str) -> Caller:
    return Caller(subject="tester", role=role, organisation_id=organisation)
