"""Keys of data subjects: one suite on those in memory and on those in a database; then what a process has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import psycopg
import pytest

from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.keys.data_keys import DataKey, Keys, KeysUnavailableError, UnknownKeyError
from infrastructure.keys.key_cache import CachedKey, KeyCache
from tests.databases import gone
from tests.infrastructure.cutting_proxy import cutting_proxy
from tests.infrastructure.keyrings import ANN, ANN_MAIL, BOB, Place, person
from tests.memory_keys import MemoryKeys
from tests.waiting import until

pytestmark = pytest.mark.anyio
T = TypeVar("T")


@pytest.fixture
def place(keys_url: str, tmp_path: Path) -> Place:
    return Place(keys_url, tmp_path)


@pytest.fixture
def superuser_url(postgres: EmbeddedPostgres) -> str:
    return postgres.superuser_url


@pytest.fixture
def superuser(superuser_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["memory", "database"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[Keys]:
    if request.param == "memory":
        yield MemoryKeys()
    else:
        async with request.getfixturevalue("place").opened() as keyring:
            yield keyring


def seal(key: DataKey, text: bytes = b"text") -> bytes:
    return key.cipher.encrypt(b"\0" * 12, text, b"")


def opens(key: DataKey, sealed: bytes) -> bool:
    return key.cipher.decrypt(b"\0" * 12, sealed, b"") == b"text"


# --- Everywhere -----------------------------------------------------------------------------------------------------


async def test_who_has_no_key_gets_one_and_keeps_it(keys: Keys) -> None:
    first = await keys.for_sealing([ANN, BOB])
    again = await keys.for_sealing([ANN, ANN_MAIL, BOB])
    assert {first[ANN].key_id, first[BOB].key_id} < {key.key_id for key in again.values()}
    assert len({key.key_id for key in again.values()}) == 3
    assert opens(again[ANN], seal(first[ANN]))


async def test_what_was_sealed_is_opened_by_the_id_of_the_key(keys: Keys) -> None:
    given = await keys.for_sealing([ANN, BOB])
    found = await keys.for_opening([given[ANN].key_id, given[BOB].key_id])
    assert opens(found[given[ANN].key_id], seal(given[ANN]))


async def test_a_key_that_was_never_given_is_an_error_and_not_an_erasure(keys: Keys) -> None:
    key_id = (await keys.for_sealing([ANN]))[ANN].key_id
    with pytest.raises(UnknownKeyError):
        await keys.for_opening([key_id, b"\1" * 16])
    assert await keys.for_opening([]) == {}


async def test_a_destroyed_key_neither_seals_nor_opens_ever_again(keys: Keys) -> None:
    given = await keys.for_sealing([ANN, ANN_MAIL, BOB])
    for _ in range(2):
        await keys.destroy([ANN])
        assert set(await keys.for_sealing([ANN, ANN_MAIL, BOB])) == {ANN_MAIL, BOB}
        ids = [given[owner].key_id for owner in (ANN, BOB)]
        assert set(await keys.for_opening(ids)) == {given[BOB].key_id}
        await keys.shred([ANN])


async def test_who_is_erased_before_there_was_a_key_never_gets_one(keys: Keys) -> None:
    await keys.destroy([ANN])
    assert await keys.for_sealing([ANN]) == {}


async def test_only_what_was_destroyed_is_shredded(keys: Keys) -> None:
    await keys.for_sealing([ANN])
    with pytest.raises(AssertionError):
        await keys.shred([ANN])


async def test_many_at_once_get_one_key_of_one_owner(keys: Keys) -> None:
    given = await asyncio.gather(*[keys.for_sealing([ANN]) for _ in range(1_000)])
    assert len({key[ANN].key_id for key in given}) == 1


# --- At hand --------------------------------------------------------------------------------------------------------


def at_once(asked: Coroutine[Any, Any, T]) -> T:
    """Return the answer to what is asked; fail if it waits for anything."""
    with pytest.raises(StopIteration) as ended:
        asked.send(None)
    return cast("T", ended.value.value)


async def test_a_key_at_hand_is_given_without_waiting(place: Place) -> None:
    async with place.opened(lease_s=60) as keyring:
        given = await keyring.for_sealing([ANN, BOB])
        assert at_once(keyring.for_sealing([BOB, ANN])) == given
        by_id = {key.key_id: key for key in given.values()}
        assert at_once(keyring.for_opening(by_id)) == by_id


async def test_only_so_many_keys_are_at_hand_and_those_not_used_for_longest_go_first() -> None:
    cache = KeyCache(max_size=2)
    ann, bob, mail = (CachedKey(owner, bytes([at]) * 16, None) for at, owner in enumerate((ANN, BOB, ANN_MAIL)))
    cache.put([ann, bob])
    cache.of_ids([ann.key_id])
    cache.put([mail])
    assert cache.of_owners([BOB, ANN_MAIL, ANN]) == [mail, ann]
    assert cache.of_ids([ann.key_id, bob.key_id, mail.key_id]) == [ann, mail]
    cache.put([ann])
    cache.drop([ANN_MAIL, BOB])
    assert cache.of_owners([ANN, BOB, ANN_MAIL]) == [ann]
    assert cache.of_ids([mail.key_id]) == []


async def test_a_process_has_forgotten_a_key_when_its_destruction_by_another_returns(place: Place) -> None:
    async with place.opened() as here, place.opened() as there:
        for number in range(20):
            owner = person(number)
            key = (await there.for_sealing([owner]))[owner]
            assert set(await there.for_opening([key.key_id])) == {key.key_id}
            await here.destroy([owner])
            assert await there.for_opening([key.key_id]) == {}
            assert await there.for_sealing([owner]) == {}


async def test_who_hears_of_no_destruction_uses_no_key_at_hand(place: Place, superuser: psycopg.Connection) -> None:
    async with cutting_proxy(place.url) as proxy, place.opened(lease_s=0.5) as here:
        cut_off = Place(f"{proxy.url}?application_name=cut_off", place.folder)
        async with cut_off.opened(lease_s=0.5, reconnect_timeout_s=0.2) as there:
            key = (await there.for_sealing([ANN]))[ANN]
            proxy.refusing = True
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cut_off'"
            )
            await here.destroy([ANN])
            with pytest.raises(KeysUnavailableError):
                await there.for_opening([key.key_id])
            assert not there.reachable
            proxy.refusing = False
            assert await there.for_opening([key.key_id]) == {}
            assert there.reachable


async def test_who_missed_too_many_destructions_forgets_everything(place: Place) -> None:
    async with place.opened() as here, place.opened(max_destructions=1) as there:
        given = await there.for_sealing([ANN, ANN_MAIL, BOB])
        await here.destroy([ANN, ANN_MAIL])
        assert set(await there.for_opening([key.key_id for key in given.values()])) == {given[BOB].key_id}


async def test_who_meets_a_database_of_an_earlier_time_forgets_everything(place: Place, superuser_url: str) -> None:
    async with place.opened() as here, place.opened() as there:
        given = await there.for_sealing([ANN, BOB])
        await here.destroy([ANN_MAIL])
        await here.destroy([BOB])
        with psycopg.connect(f"{superuser_url.rpartition('/')[0]}/{place.url.rpartition('/')[2]}") as brought_back:
            # As if it came from a backup: neither destruction has taken place.
            brought_back.execute("ALTER TABLE keys.key DISABLE TRIGGER USER")
            brought_back.execute("DELETE FROM keys.key WHERE destroyed_at IS NOT NULL")
            brought_back.execute("UPDATE keys.last_destruction SET number = 0")
        await here.destroy([ANN])
        assert await there.for_opening([given[ANN].key_id]) == {}


async def test_a_key_that_is_being_found_while_it_is_destroyed_does_not_stay_at_hand(place: Place) -> None:
    async with place.opened() as here, place.opened() as there:
        for number in range(30):
            owner = person(number)
            await here.for_sealing([owner])
            await asyncio.gather(here.destroy([owner]), *[there.for_sealing([owner]) for _ in range(5)])
            assert await there.for_sealing([owner]) == {}


# --- When the database is gone --------------------------------------------------------------------------------------


async def test_while_the_database_is_gone_keys_are_unavailable_and_afterwards_they_are_back(
    place: Place, postgres: EmbeddedPostgres
) -> None:
    async with place.opened(reconnect_timeout_s=0.2) as keyring:
        key_id = (await keyring.for_sealing([ANN]))[ANN].key_id
        with gone(postgres, place.url):
            await until(lambda: not keyring.reachable, "the lease does not end")
            for asked in (
                keyring.for_opening([key_id]),
                keyring.for_sealing([BOB]),
                keyring.destroy([ANN]),
                keyring.shred([ANN]),
            ):
                with pytest.raises(KeysUnavailableError):
                    await asked
            assert not keyring.reachable
        assert set(await keyring.for_opening([key_id])) == {key_id}


async def test_without_their_key_encryption_key_keys_are_unavailable_and_nobody_is_erased(place: Place) -> None:
    async with place.opened() as keyring:
        key_id = (await keyring.for_sealing([ANN]))[ANN].key_id
    (file,) = (place.folder / "keys").iterdir()
    kept = file.read_bytes()
    file.unlink()
    async with place.opened() as keyring:
        with pytest.raises(KeysUnavailableError):
            await keyring.for_opening([key_id])
        file.write_bytes(kept)
        assert set(await keyring.for_opening([key_id])) == {key_id}
