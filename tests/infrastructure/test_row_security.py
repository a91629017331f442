"""PostgreSQL itself shows a reader no row that its viewer may not see, whatever the query forgets to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url

from application.ports import Role
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.external import verify_sessions
from infrastructure.database.migrations import migrate
from infrastructure.postgres.failures import DatabaseUnusableError
from infrastructure.projector.rows.row_security import open_to_readers
from projections import messages
from projections.read_model import SCHEMA, ReadModel
from projections.registry import PROJECTIONS
from projections.row_security import FIGURES, Viewer, arms, policy, rows_seen
from tests.infrastructure.as_roles import addresses_of
from tests.infrastructure.viewed import ORGANISATIONS, PARTIES, Connection, Keys, fill, keys_seen, tell
from tests.infrastructure.who_sees import NEVER_TOLD, PUBLIC, Asker, EveryRow, sees

ROWS = 60
NUMBERS = {"org-a": "1", "org-b": "2"}
NOBODY = (
    None,
    Viewer(role=""),
    Viewer(role="", organisation_id="org-a"),
    Viewer(role="owner", organisation_id="org-a"),
    Viewer(role="AUDITOR"),
)
every_model = pytest.mark.parametrize("model", PROJECTIONS, ids=lambda it: it.name)


@dataclass(frozen=True)
class Filled:
    """A database whose read models hold rows at random of three organisations, and those rows."""

    url: str
    every_row: EveryRow

    def seen_by(self, asker: Asker, model: ReadModel) -> Keys:
        """Return the keys of the rows that an asker has to see."""
        keys = [column.name for column in model.table.primary_key]
        rows = [row for row in self.every_row[model.name] if sees(asker, model.name, row, self.every_row)]
        return {tuple(row[key] for key in keys) for row in rows}


@pytest.fixture(scope="module")
def filled(module_read_models_url: str) -> Filled:
    random, every_row = Random(20260105), dict[str, Sequence[Mapping[str, Any]]]()
    with psycopg.connect(module_read_models_url, autocommit=True) as owner:
        for model in PROJECTIONS:
            every_row[model.name] = fill(owner, model.table, random, ROWS)
    return Filled(module_read_models_url, every_row)


@pytest.fixture(scope="module")
def reader(postgres: EmbeddedPostgres, filled: Filled) -> Iterator[Connection]:
    with psycopg.connect(addresses_of(postgres, filled.url).reader, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def owner(filled: Filled) -> Iterator[Connection]:
    with psycopg.connect(filled.url, autocommit=True) as connection:
        yield connection


def askers() -> Iterator[Asker]:
    """Every role; agencies with nobody there, with somebody, and with somebody who chose them; and odd names."""
    yield Asker(role=FIGURES)
    for role in set(Role) - {Role.AGENCY}:
        yield Asker(role=role, organisation="org-a")
    for organisation in ORGANISATIONS:
        own = Asker(role="agency", organisation=organisation, number=NUMBERS.get(organisation, ""))
        yield own
        for person in PARTIES[::5]:
            for chose in (False, True):
                yield replace(own, person=person, chose=chose)
    for odd in ("org", "%", "_____", ",", "{org-a}", "NULL"):
        yield Asker(role="agency", organisation=odd)


def viewer_of(asker: Asker) -> Viewer:
    return Viewer(
        role=asker.role,
        organisation_id=asker.organisation,
        identifiers=tuple(it for it in (asker.number, asker.mandator) if it),
        person_id=asker.person,
        chosen_by=asker.person if asker.chose else "",
    )


# --- Who sees what --------------------------------------------------------------------------------------------------


@every_model
def test_who_says_nothing_sees_nothing(reader: Connection, owner: Connection, model: ReadModel) -> None:
    assert len(keys_seen(owner, model.table, None)) > 3
    assert [keys_seen(reader, model.table, viewer) for viewer in NOBODY] == [set()] * len(NOBODY)


@every_model
def test_postgresql_and_our_own_filter_show_each_the_rows_that_plain_words_give(
    filled: Filled, reader: Connection, model: ReadModel
) -> None:
    """The oracle says it in Python; the declaration in a policy and in our own queries, also cut into arms."""
    engine = create_engine(make_url(filled.url).set(drivername="postgresql+psycopg"))
    found: dict[Asker, Sequence[Keys]] = {}
    expected: dict[Asker, Sequence[Keys]] = {}
    with engine.connect() as connection:
        for asker in askers():
            viewer, keys = viewer_of(asker), select(*model.table.primary_key)
            own = {tuple(row) for row in connection.execute(keys.where(rows_seen(model.table, viewer)))}
            shown = [keys_seen(reader, model.table, viewer), own]
            if model.lists and not model.seen.withheld and (ways := arms(model.table, viewer)) is not None:
                shown.append({tuple(row) for way in ways for row in connection.execute(keys.where(way))})
            found[asker], expected[asker] = shown, [filled.seen_by(asker, model)] * len(shown)
    engine.dispose()
    assert found == expected


@every_model
def test_an_agency_sees_some_rows_and_no_others(filled: Filled, owner: Connection, model: ReadModel) -> None:
    """What is compared above means something."""
    somebody = [asker for asker in askers() if asker.organisation == "org-a" and asker.role == "agency"]
    seen = [filled.seen_by(asker, model) for asker in somebody]
    every = keys_seen(owner, model.table, None)
    if model.name in PUBLIC:
        assert all(keys == every for keys in seen)
    else:
        assert all(keys < every for keys in seen)
        assert any(seen) == (model.seen.to_agencies)
        assert model.seen.to_agencies or model.name in NEVER_TOLD


@every_model
def test_auditors_of_the_database_see_every_row_and_change_none(
    postgres: EmbeddedPostgres, filled: Filled, owner: Connection, model: ReadModel
) -> None:
    with psycopg.connect(addresses_of(postgres, filled.url).auditor, autocommit=True) as auditor:
        assert keys_seen(auditor, model.table, None) == keys_seen(owner, model.table, None)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, model.table.name)))


def test_mandates_for_every_service_are_shown_to_an_agency_that_names_the_mandator(
    filled: Filled, reader: Connection
) -> None:
    (model,) = (it for it in PROJECTIONS if it.name == "mandates")
    for organisation in ("org-a", "org-b"):
        unnamed = filled.seen_by(Asker(role="agency", organisation=organisation), model)
        for mandator in ("org-a", "org-b", "org-c"):
            asker = Asker(role="agency", organisation=organisation, mandator=mandator)
            assert keys_seen(reader, model.table, viewer_of(asker)) == filled.seen_by(asker, model)
            assert filled.seen_by(asker, model) >= unnamed
        assert any(
            filled.seen_by(Asker(role="agency", organisation=organisation, mandator=it), model) > unnamed
            for it in PARTIES
        )


@pytest.mark.parametrize("name", ["people", "erasures", "accesses", "access_suppressions"])
def test_what_is_a_persons_own_is_shown_of_that_person_alone(filled: Filled, reader: Connection, name: str) -> None:
    (model,) = (it for it in PROJECTIONS if it.name == name)
    owner = "subject_id" if name == "accesses" else "person_id"
    persons = {str(row[owner]) for row in filled.every_row[name]}
    shown = [
        keys_seen(reader, model.table, Viewer(role="agency", organisation_id="org-a", person_id=it)) for it in persons
    ]
    assert all(shown)
    assert sum(map(len, shown)) == len(filled.every_row[name])


def test_what_was_set_for_one_transaction_is_gone_after_it(reader: Connection) -> None:
    viewer = Viewer(role="auditor")
    assert keys_seen(reader, messages.Row.table, viewer)
    assert not keys_seen(reader, messages.Row.table, None)
    with pytest.raises(psycopg.errors.DivisionByZero), reader.transaction():  # noqa: PT012 - in one transaction
        tell(reader, viewer)
        reader.execute("SELECT 1 / 0")
    assert not keys_seen(reader, messages.Row.table, None)


def test_a_read_model_that_was_forgotten_is_seen_by_nobody(owner: Connection, reader: Connection) -> None:
    forgotten = messages.Row.table.to_metadata(
        messages.Row.table.metadata.__class__(schema=SCHEMA), name="forgotten_v1"
    )
    forgotten.info.clear()
    assert policy(forgotten, forgotten.name) == "coalesce(false, false)"
    owner.execute("CREATE TABLE read.forgotten_v1 (LIKE read.{})".replace("{}", messages.Row.table.name))
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
    "CREATE OR REPLACE FUNCTION read.messages_v3_rows() RETURNS SETOF text LANGUAGE sql AS ''",
    "SET ROLE kroniek_projector",
    "SET ROLE kroniek_auditor",
    "SET SESSION AUTHORIZATION kroniek",
    "SET row_security = off; SELECT count(*) FROM read.{}",
)


@pytest.mark.parametrize("statement", SWITCHES)
def test_a_reader_cannot_switch_it_off(reader: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
        reader.execute(statement.format(messages.Row.table.name).encode())


def test_a_reader_does_not_change_what_a_condition_means(postgres: EmbeddedPostgres, filled: Filled) -> None:
    """Operators of one's own, found first, would make every comparison true; conditions keep those of PostgreSQL."""
    superuser_url = f"{postgres.superuser_url.rpartition('/')[0]}/{filled.url.rpartition('/')[2]}"
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        superuser.execute("CREATE SCHEMA mine AUTHORIZATION kroniek_reader")
    with psycopg.connect(addresses_of(postgres, filled.url).reader, autocommit=True) as reader:
        before = keys_seen(reader, messages.Row.table, Viewer(role="agency", organisation_id="org-a"))
        reader.execute("CREATE FUNCTION mine.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true")
        reader.execute("CREATE OPERATOR mine.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.yes)")
        reader.execute("SET search_path = mine, pg_catalog")
        assert reader.execute("SELECT 'a'::text = 'b'::text").fetchone() == (True,)
        assert keys_seen(reader, messages.Row.table, Viewer(role="agency", organisation_id="org-a")) == before
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
