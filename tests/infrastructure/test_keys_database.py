"""The database of the keys: what is in it, what can never be undone, what is gone from it, and who may reach it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from domain.kernel import PurposeGroup
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.database.external import verify_keys
from infrastructure.keys.data_keys import KeyBrokenError, KeysUnavailableError, UnknownKeyError
from infrastructure.postgres.failures import DatabaseUnusableError
from tests.infrastructure.keyrings import ANN, BOB, Place, person

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("durable")]


@pytest.fixture
def place(keys_url: str, tmp_path: Path) -> Place:
    return Place(keys_url, tmp_path)


@pytest.fixture
def superuser(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def keys_connection(keys_url: str) -> Iterator[psycopg.Connection]:
    """The keys as their owner sees them."""
    with psycopg.connect(keys_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def shredded(module_keys_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """The keys as their owner sees them, with one that was destroyed and shredded."""

    async def shred() -> None:
        async with Place(module_keys_url, tmp_path_factory.mktemp("keys")).opened() as keyring:
            await keyring.for_sealing([ANN])
            await keyring.destroy([ANN])
            await keyring.shred([ANN])

    asyncio.run(shred())
    with psycopg.connect(module_keys_url, autocommit=True) as connection:
        yield connection


async def test_keys_stay_when_whoever_made_them_ends_before_anything_is_written_with_them(place: Place) -> None:
    async with place.opened() as keyring:
        made = (await keyring.for_sealing([ANN]))[ANN]
    async with place.opened() as keyring:
        assert (await keyring.for_sealing([ANN]))[ANN].key_id == made.key_id


async def test_processes_that_make_the_same_keys_at_once_agree(place: Place) -> None:
    owners = [person(number, group) for number in range(40) for group in PurposeGroup]
    async with place.opened() as one, place.opened() as two, place.opened() as three:
        some = [random.Random(at).sample(owners, 30) for at in range(20)]
        given = await asyncio.gather(*[it.for_sealing(wanted) for wanted in some for it in (one, two, three)])
        agreed = await one.for_sealing(owners)
    assert all(agreed[owner].key_id == key.key_id for found in given for owner, key in found.items())


async def test_keys_for_many_new_people_at_once_cost_few_commits(
    place: Place, keys_connection: psycopg.Connection
) -> None:
    async with place.opened(lease_s=60) as keyring:
        await keyring.for_sealing([ANN])
        await asyncio.gather(*[keyring.for_sealing([person(at)]) for at in range(1_000)])
    ((made, commits),) = keys_connection.execute("SELECT count(*), count(DISTINCT xmin::text) FROM keys.key").fetchall()
    assert made == 1_001
    assert commits <= 4


async def test_a_key_without_its_bytes_that_nobody_destroyed_is_an_error(
    place: Place, keys_connection: psycopg.Connection
) -> None:
    async with place.opened() as keyring:
        key_id = (await keyring.for_sealing([ANN]))[ANN].key_id
        keys_connection.execute("DELETE FROM keys.secret")
    async with place.opened() as keyring:
        with pytest.raises(UnknownKeyError):
            await keyring.for_opening([key_id])
        with pytest.raises(UnknownKeyError):
            await keyring.for_sealing([ANN])
        assert set(await keyring.for_sealing([BOB])) == {BOB}


async def test_a_wrapped_key_in_the_place_of_another_is_found_out(
    place: Place, keys_connection: psycopg.Connection
) -> None:
    async with place.opened() as keyring:
        given = await keyring.for_sealing([ANN, BOB])
    keys_connection.execute(
        "UPDATE keys.secret AS put SET wrapped = taken.wrapped FROM keys.secret AS taken"
        " WHERE put.key_id = %s AND taken.key_id = %s",
        (given[BOB].key_id, given[ANN].key_id),
    )
    async with place.opened() as keyring:
        with pytest.raises(KeyBrokenError):
            await keyring.for_opening([given[BOB].key_id])
        assert set(await keyring.for_sealing([ANN])) == {ANN}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE keys.key SET destroyed_at = NULL, destruction = NULL, shredded_at = NULL",
        "UPDATE keys.key SET destroyed_at = now()",
        "UPDATE keys.key SET shredded_at = NULL",
        "UPDATE keys.key SET subject_id = 'somebody else'",
        "DELETE FROM keys.key",
        "TRUNCATE keys.key CASCADE",
        "INSERT INTO keys.secret SELECT key_id, kek_id, decode(repeat('00', 60), 'hex') FROM keys.key, keys.kek",
        "DELETE FROM keys.kek",
        "DELETE FROM keys.last_destruction",
    ],
)
def test_nothing_undoes_a_destruction(shredded: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shredded.execute(statement.encode())


async def test_of_a_shredded_key_no_bytes_are_left_in_the_files_of_the_table(
    place: Place, keys_connection: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    def in_files(wrapped: bytes) -> bool:
        superuser.execute("CHECKPOINT")
        row = keys_connection.execute("SELECT oid::text FROM pg_database WHERE datname = current_database()").fetchone()
        folder = superuser.execute("SHOW data_directory").fetchone()
        assert row is not None
        assert folder is not None
        files = (Path(folder[0]) / "base" / row[0]).iterdir()
        return any(wrapped in file.read_bytes() for file in files if file.is_file())

    people = [person(number) for number in range(200)]
    async with place.opened() as keyring:
        given = await keyring.for_sealing([ANN, *people])
        found = keys_connection.execute("SELECT key_id, wrapped FROM keys.secret").fetchall()
        wrapped: dict[bytes, bytes] = dict(found)
        assert all(in_files(wrapped[given[owner].key_id]) for owner in (ANN, people[0], people[1]))
        # Somebody who still looks at the database as it was keeps nothing of it.
        with psycopg.connect(place.url) as looking:
            looking.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            looking.execute("SELECT count(*) FROM keys.key")
            await keyring.destroy([ANN, people[0]])
            assert in_files(wrapped[given[ANN].key_id])
            await keyring.shred([ANN, people[0]])
            assert not in_files(wrapped[given[ANN].key_id])
            assert not in_files(wrapped[given[people[0]].key_id])
        assert in_files(wrapped[given[people[1]].key_id])
    async with place.opened() as keyring:
        assert len(await keyring.for_sealing([ANN, *people])) == 199
    assert keys_connection.execute(
        "SELECT count(*), count(shredded_at), min(subject_id) FROM keys.key WHERE destroyed_at IS NOT NULL"
    ).fetchone() == (2, 2, "ann")


async def test_shredding_does_not_keep_others_waiting_behind_a_backup(place: Place) -> None:
    async with place.opened() as keyring:
        await keyring.for_sealing([ANN])
        await keyring.destroy([ANN])
        with psycopg.connect(place.url) as backup:
            backup.execute("SELECT * FROM keys.secret")
            with pytest.raises(KeysUnavailableError):
                await keyring.shred([ANN])
        await keyring.shred([ANN])


async def test_keys_are_found_while_their_part_is_written_anew(place: Place) -> None:
    people = [person(number) for number in range(100)]
    async with place.opened() as here, place.opened(max_cached=1) as there:
        ids = [key.key_id for key in (await here.for_sealing(people)).values()]
        await here.destroy([ANN])
        with psycopg.connect(place.url, autocommit=True) as connection:

            def write_anew() -> None:
                for number in range(32):
                    connection.execute("SELECT keys.make_spare('keys.secret')")
                    connection.execute("SELECT keys.write_part(to_regclass(%s))", (f"keys.secret_{number}",))

            for _ in range(5):
                writing = asyncio.create_task(asyncio.to_thread(write_anew))
                while not writing.done():
                    assert len(await there.for_opening(ids)) == 100
                await writing


async def test_a_named_key_is_made_once_and_belongs_to_no_person(place: Place) -> None:
    async with place.opened() as one, place.opened() as two:
        names = ["blind-index-a", "blind-index-b"]
        made = [await asyncio.gather(*[keyring.named(name) for keyring in (one, two)]) for name in names]
        assert [len(set(keys)) for keys in made] == [1, 1]
        assert {len(key) for keys in made for key in keys} == {32}
        assert made[0] != made[1]
        assert await one.named("blind-index-a") == made[0][0]


# --- Who may ---------------------------------------------------------------------------------------------------------


def test_no_role_of_the_log_reaches_the_keys_and_the_role_of_the_keys_does_not_reach_the_log(
    postgres: EmbeddedPostgres,
) -> None:
    addresses = postgres.addresses
    base = addresses.keys.rpartition("/")[2]
    assert base == "kroniek_keys"
    tries = [f"{url.rpartition('/')[0]}/kroniek_keys" for url in addresses.of_log().values()]
    for url in [*tries, f"{addresses.keys.rpartition('/')[0]}/kroniek"]:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url)
    with psycopg.connect(addresses.keys) as connection:
        roles = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert roles == (False,) * 5
        members = connection.execute(
            "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members"
            " WHERE 'kroniek_keys'::regrole IN (member, roleid)"
        )
        assert members.fetchall() == [("pg_checkpoint", "kroniek_keys")]


def test_a_database_that_holds_the_log_or_may_lose_what_it_confirmed_is_refused_for_keys(
    database_url: str, keys_url: str, superuser: psycopg.Connection
) -> None:
    with pytest.raises(DatabaseUnusableError, match="It holds the log too"):
        verify_keys(database_url)
    verify_keys(keys_url)
    name = sql.Identifier(keys_url.rpartition("/")[2])
    superuser.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    with pytest.raises(DatabaseUnusableError, match="`synchronous_commit` is off"):
        verify_keys(keys_url)
