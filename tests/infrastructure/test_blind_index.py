"""The blind index: who knows a number finds the person, for one purpose; nothing else can be learned from its rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.lookups import Identifier, IdentifierKind, LookupPurpose, eidas, national
from domain.kernel import InvalidValue, Jurisdiction, NationalNumber, PurposeGroup
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.keys.blind_index import BlindIndex, NamedPerson, digest_of, key_name
from infrastructure.keys.data_keys import KeyOwner, KeysUnavailableError
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keks import retire, rotate
from infrastructure.keys.keyring import Keyring
from tests.check_digits import national_number, service_number
from tests.infrastructure.sessions import until_blocked
from tests.lengths import runs_longer, sized

pytestmark = pytest.mark.anyio

MAILBOX, IDENTIFICATION = LookupPurpose
LEASE_S = 0.05


@dataclass(frozen=True)
class Index:
    """An index with the keys of the people in it, and its database."""

    blind: BlindIndex
    keys: Keyring
    url: str
    provider: FileProvider

    async def register(self, *people: NamedPerson) -> None:
        await self.keys.for_sealing([identification(person.person_id) for person in people])
        await self.blind.add(people)

    async def erase(self, *person_ids: str) -> None:
        await self.keys.destroy([identification(person_id) for person_id in person_ids])

    def rows(self) -> Sequence[Sequence[Any]]:
        with psycopg.connect(self.url) as connection:
            query = "SELECT purpose, digest, person_id FROM keys.blind_index ORDER BY purpose, digest, person_id"
            return connection.execute(query).fetchall()


@asynccontextmanager
async def opened(url: str, provider: FileProvider) -> AsyncIterator[Index]:
    async with Keyring(url, provider, lease_s=LEASE_S) as keys, BlindIndex(url, keys.named) as blind:
        yield Index(blind, keys, url, provider)


@pytest.fixture
async def index(keys_url: str, tmp_path: Path) -> AsyncIterator[Index]:
    async with opened(keys_url, FileProvider(tmp_path / "keys")) as index:
        yield index


NOW = datetime(2026, 1, 5, tzinfo=UTC)


def identification(person_id: str) -> KeyOwner:
    return KeyOwner(person_id, PurposeGroup.IDENTIFICATION)


def belgian(serial: int) -> Identifier:
    return national(Jurisdiction.BE, NationalNumber(national_number(serial)), NOW)


def dutch(serial: int) -> Identifier:
    return national(Jurisdiction.NL, NationalNumber(service_number(serial)), NOW)


ANN = NamedPerson("ann", belgian(1))
BOB = NamedPerson("bob", belgian(2))
CEES = NamedPerson("cees", dutch(3))
EVA = NamedPerson("eva", eidas(Jurisdiction.BE, "ES/BE/02635542Y"))
EVERYBODY = (ANN, BOB, CEES, EVA)


# --- Finding --------------------------------------------------------------------------------------------------------


async def test_everybody_is_found_under_their_number_for_each_purpose(index: Index) -> None:
    await index.register(*EVERYBODY)
    for purpose in LookupPurpose:
        found = await asyncio.gather(*[index.blind.find(purpose, person.identifier) for person in EVERYBODY])
        assert found == [person.person_id for person in EVERYBODY]


async def test_nobody_is_found_under_a_number_that_is_not_theirs(index: Index) -> None:
    await index.register(*EVERYBODY)
    strangers = [
        belgian(3),
        dutch(1),
        eidas(Jurisdiction.NL, "ES/NL/02635542Y"),
        eidas(Jurisdiction.BE, "ES/BE/02635542y"),
    ]
    assert await asyncio.gather(*[index.blind.find(MAILBOX, it) for it in strangers]) == [None] * len(strangers)


async def test_the_same_characters_of_another_country_or_kind_are_another_number(index: Index) -> None:
    known = [
        Identifier(kind=kind, jurisdiction=jurisdiction, number="123456782")
        for kind in IdentifierKind
        for jurisdiction in Jurisdiction
    ]
    await index.register(*[NamedPerson(f"p{place}", it) for place, it in enumerate(known)])
    assert [await index.blind.find(MAILBOX, it) for it in known] == ["p0", "p1", "p2", "p3"]


@runs_longer
@settings(max_examples=sized(15, long=400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(registered=st.sets(st.integers(1, 997), max_size=40), sought=st.integers(1, 997))
def test_whoever_is_registered_is_found_and_nobody_else(
    registered: set[int], sought: int, module_keys_url: str, tmp_path: Path
) -> None:
    async def claim() -> None:
        async with opened(module_keys_url, FileProvider(tmp_path / "keys")) as index:
            await index.register(*[NamedPerson(f"person-{serial}", belgian(serial)) for serial in registered])
            for purpose in LookupPurpose:
                found = await index.blind.find(purpose, belgian(sought))
                assert found == (f"person-{sought}" if sought in registered else None)

    asyncio.run(claim())
    with psycopg.connect(module_keys_url) as connection:
        connection.execute("TRUNCATE keys.blind_index")


async def test_people_are_added_once_however_often_it_is_done(index: Index) -> None:
    await index.register(*EVERYBODY)
    rows = index.rows()
    await index.register(*EVERYBODY)
    await asyncio.gather(*[index.blind.add(EVERYBODY) for _ in range(20)])
    assert index.rows() == rows
    assert len(rows) == len(EVERYBODY) * len(LookupPurpose)


async def test_of_two_people_under_one_number_the_first_is_found_and_both_are_kept(index: Index) -> None:
    await index.register(NamedPerson("b", belgian(1)), NamedPerson("a", belgian(1)))
    assert await index.blind.find(MAILBOX, belgian(1)) == "a"
    await index.erase("a")
    assert await index.blind.find(MAILBOX, belgian(1)) == "b"


@pytest.mark.parametrize("number", ["", "8505170013", "850517001312", "abcdefghijk", "٨٥٠٥١٧٠٠١٣٤"], ids=range(5))
def test_a_number_of_no_such_country_is_refused(number: str) -> None:
    for jurisdiction in Jurisdiction:
        with pytest.raises(InvalidValue, match="national"):
            national(jurisdiction, NationalNumber(number), NOW)


@pytest.mark.parametrize("said", ["", "/", "ES", "ES/NL/1", "BE/BE/1", "es/BE/1", "ES/BE/", "ES/BE/a b"], ids=range(8))
def test_an_identifier_of_no_other_state_is_refused(said: str) -> None:
    with pytest.raises(InvalidValue, match="eIDAS"):
        eidas(Jurisdiction.BE, said)


def test_an_identifier_is_never_shown() -> None:
    assert national_number(1) not in repr(NamedPerson("ann", belgian(1)))


# --- What can be learned from the rows ------------------------------------------------------------------------------


async def test_rows_of_two_purposes_have_no_digest_in_common(index: Index) -> None:
    await index.register(*[NamedPerson(f"p{serial}", belgian(serial)) for serial in range(1, 500)])
    of = {purpose: {row[1] for row in index.rows() if row[0] == purpose} for purpose in LookupPurpose}
    assert all(len(digests) == 499 for digests in of.values())
    assert not of[MAILBOX] & of[IDENTIFICATION]


async def test_no_key_is_in_the_database_and_no_other_key_gives_a_digest(index: Index) -> None:
    await index.register(ANN)
    keys = {purpose: await index.keys.named(key_name(purpose)) for purpose in LookupPurpose}
    assert len(set(keys.values())) == len(LookupPurpose)
    for purpose, digest, _ in index.rows():
        assert [it for it in LookupPurpose if digest_of(keys[it], ANN.identifier) == digest] == [purpose]
    with psycopg.connect(index.url) as connection:
        rows = connection.execute("SELECT wrapped FROM keys.named_secret WHERE name LIKE 'blind-index-%'").fetchall()
    assert len(rows) == len(LookupPurpose)
    assert not any(key in wrapped for (wrapped,) in rows for key in keys.values())


async def test_a_rotation_wraps_the_keys_of_the_index_anew_and_everybody_is_found_as_before(index: Index) -> None:
    await index.register(*EVERYBODY)
    rows = index.rows()
    async with await psycopg.AsyncConnection.connect(index.url, autocommit=True) as connection:
        (old,) = await (await connection.execute("SELECT kek_id FROM keys.kek")).fetchone() or ("",)
        new = await rotate(connection, index.provider, lambda _done, _of: None)
        wrapping = await (await connection.execute("SELECT DISTINCT kek_id FROM keys.named_secret")).fetchall()
        assert (wrapping, old == new) == ([(new,)], False)
        await retire(connection, index.provider, old)
    async with opened(index.url, index.provider) as other:
        assert await other.blind.find(MAILBOX, ANN.identifier) == "ann"
        await other.blind.add(EVERYBODY)
    assert index.rows() == rows


# --- Gone with the person -------------------------------------------------------------------------------------------


async def test_rows_go_with_the_key_of_their_person(index: Index) -> None:
    await index.register(*EVERYBODY)
    await index.erase("ann", "cees")
    assert {row[2] for row in index.rows()} == {"bob", "eva"}
    assert await index.blind.find(MAILBOX, ANN.identifier) is None


async def test_only_the_key_of_identification_takes_them_along(index: Index) -> None:
    await index.register(ANN)
    others = [KeyOwner("ann", group) for group in PurposeGroup if group is not PurposeGroup.IDENTIFICATION]
    await index.keys.for_sealing(others)
    await index.keys.destroy(others)
    assert await index.blind.find(MAILBOX, ANN.identifier) == "ann"


async def test_who_is_erased_or_has_no_key_is_never_added(index: Index) -> None:
    await index.register(ANN)
    await index.erase("ann", "bob")
    await index.blind.add([ANN, BOB, CEES])
    assert index.rows() == []


async def test_who_registers_anew_under_the_number_of_somebody_erased_is_found(index: Index) -> None:
    await index.register(ANN)
    await index.erase("ann")
    await index.register(NamedPerson("ann-anew", ANN.identifier))
    assert await index.blind.find(IDENTIFICATION, ANN.identifier) == "ann-anew"


async def test_who_is_erased_while_the_index_is_filled_is_not_left_in_it(index: Index) -> None:
    people = [NamedPerson(f"p{serial:03}", belgian(serial)) for serial in range(1, 401)]
    await index.register(*people)
    erased = {person.person_id for person in people[::2]}

    async def erase_some() -> None:
        for start in range(0, len(people), 40):
            await index.erase(*[person.person_id for person in people[start : start + 40 : 2]])

    async def fill() -> None:
        for _ in range(8):
            await asyncio.gather(*[index.blind.add(people[start : start + 50]) for start in range(0, 400, 50)])
            await index.blind.overwrite()

    await asyncio.gather(erase_some(), fill())
    assert {row[2] for row in index.rows()} == {person.person_id for person in people} - erased


async def test_deleted_rows_are_overwritten_where_they_lay(index: Index, postgres: EmbeddedPostgres) -> None:
    url = postgres.superuser_url.rpartition("/")[0] + "/" + index.url.rpartition("/")[2]
    people = [NamedPerson(f"person-{serial:04}", belgian(serial)) for serial in range(1, 301)]
    await index.register(*people)
    digests = {person_id: bytes(digest) for _, digest, person_id in index.rows()}
    await index.erase("person-0007")
    assert digests["person-0007"] in _files(url)
    for _ in range(2):
        await index.blind.overwrite()
        bytes_there = _files(url)
        assert digests["person-0007"] not in bytes_there
        assert all(digests[it.person_id] in bytes_there for it in people if it.person_id != "person-0007")
    assert len(index.rows()) == 299 * len(LookupPurpose)
    with psycopg.connect(index.url) as connection:
        assert connection.execute("SELECT count(*) FROM keys.blind_index_residue").fetchone() == (0,)


@asynccontextmanager
async def exchanging(index: Index, number: int) -> AsyncIterator[None]:
    """Hold the locks under which a part is exchanged, until the block ends."""
    async with await psycopg.AsyncConnection.connect(index.url) as connection:
        await connection.execute("SELECT keys.make_spare('keys.blind_index')")
        await connection.commit()
        await connection.execute("SELECT keys.write_part(%s::regclass)", (f"keys.blind_index_{number}",))
        yield


async def test_who_looks_while_parts_are_written_anew_waits_and_finds(index: Index) -> None:
    """A statement whose snapshot is older than the exchange of a part sees an empty one when it goes on."""
    await index.register(*EVERYBODY)
    for number in range(6):
        async with exchanging(index, number):
            looking = [asyncio.create_task(index.blind.find(MAILBOX, person.identifier)) for person in EVERYBODY]
            # Look-ups and additions share a connection: the one that is asked for first is the one that is blocked.
            await until_blocked(index.url, "keys.blind_index AS known")
            adding = asyncio.create_task(index.register(NamedPerson("dora", belgian(4))))
            erasing = asyncio.create_task(index.erase("fay"))
            assert not any(task.done() for task in looking)
        assert await asyncio.gather(*looking) == [person.person_id for person in EVERYBODY]
        await asyncio.gather(adding, erasing)


async def test_who_is_erased_while_parts_are_written_anew_is_not_left(index: Index) -> None:
    people = [NamedPerson(f"p{serial}", belgian(serial)) for serial in range(1, 7)]
    await index.register(*people)
    for number, person in enumerate(people):
        async with exchanging(index, number):
            erasing = asyncio.create_task(index.erase(person.person_id))
            await until_blocked(index.url)
            assert not erasing.done()
        await erasing
        assert person.person_id not in {row[2] for row in index.rows()}
        assert await index.blind.find(MAILBOX, person.identifier) is None


def _files(url: str) -> bytes:
    """Return what the files of the index hold, tables and their indexes, read by the server itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        rows = connection.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
            " WHERE relname LIKE 'blind_index%' AND relkind IN ('r', 'i')"
        ).fetchall()
    return b"".join(bytes(content) for (content,) in rows)


# --- Trouble --------------------------------------------------------------------------------------------------------


async def test_without_the_database_nobody_is_taken_for_unknown(index: Index) -> None:
    await index.register(ANN)
    key = await index.keys.named(key_name(MAILBOX))

    async def named(_name: str) -> bytes:
        return key

    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    async with BlindIndex(nowhere, named, reconnect_timeout_s=0.1) as blind:
        with pytest.raises(KeysUnavailableError):
            await blind.find(MAILBOX, ANN.identifier)
        with pytest.raises(KeysUnavailableError):
            await blind.overwrite()
