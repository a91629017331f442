"""The index follows the log: by its reactor, or all at once; whoever was erased meanwhile stays out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.lookups import Identifier, LookupPurpose, eidas, national
from application.ports import Append
from domain.contexts import DECIDERS
from domain.erasure.model import KeysDestroyed
from domain.identity.person import PERSON, PersonRegistered
from domain.identity.values import Route
from domain.kernel import Context, Jurisdiction, NationalNumber, PersonalText, PurposeGroup, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.data_keys import KeyOwner, UnknownKeyError
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.keyring import Keyring
from infrastructure.reactors.engine import ReactorEngine
from infrastructure.reactors.indexing import Indexer, fill_index
from infrastructure.reactors.reaction_calls import CommandSender, EventRun
from infrastructure.sealing import PREFIX
from tests.check_digits import national_number
from tests.infrastructure.erasing import RULES, running
from tests.waiting import until

pytestmark = pytest.mark.anyio

CODEC = Codec(DECIDERS)
CONTEXT = Context(acting_id="tester", effective_at=datetime(2026, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Site:
    """A log, keys and an index, and what keeps the index."""

    url: str
    keys_url: str
    log: PostgresLog
    keys: Keyring
    index: BlindIndex

    @property
    def indexer(self) -> Indexer:
        return Indexer(index=self.index, keys=self.keys, codec=CODEC)

    async def register(self, *events: PersonRegistered) -> None:
        streams = [PERSON.stream(event.person_id) for event in events]
        await self.log.append(
            [
                Append(stream=stream, events=[event], expected={stream: 0}, context=CONTEXT)
                for stream, event in zip(streams, events, strict=True)
            ]
        )

    async def erase(self, *person_ids: str) -> None:
        await self.keys.destroy([KeyOwner(person_id, PurposeGroup.IDENTIFICATION) for person_id in person_ids])

    def recorded(self) -> Sequence[Recorded[PersonRegistered]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            reader = LogReader(CODEC)
            return list(reader.read(connection, after=0, until=reader.head(connection)))

    def people(self) -> set[str]:
        return {person_id for (person_id,) in self._ask("SELECT DISTINCT person_id FROM keys.blind_index")}

    def residue(self) -> int:
        return len(self._ask("SELECT part FROM keys.blind_index_residue"))

    def _ask(self, query: str) -> Sequence[tuple[str]]:
        with psycopg.connect(self.keys_url) as connection:
            return connection.execute(query.encode()).fetchall()

    @asynccontextmanager
    async def indexed(self) -> AsyncIterator[None]:
        """Run the reactor of the index while the block runs."""
        sender = CommandSender(store=self.log, rules=RULES)
        async with running(ReactorEngine(self.url, CODEC, [self.indexer.reactor], sender)):
            yield


@pytest.fixture
async def site(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with (
        Keyring(keys_url, FileProvider(tmp_path / "keys"), lease_s=0.05) as keys,
        PostgresLog(database_url, CODEC, b"key", keys=keys) as log,
        BlindIndex(keys_url, keys.named) as index,
    ):
        yield Site(database_url, keys_url, log, keys, index)


def person(serial: int, person_id: str = "") -> PersonRegistered:
    return PersonRegistered(
        person_id=person_id or f"p{serial}",
        jurisdiction=Jurisdiction.BE,
        route=Route.NATIONAL_REGISTER,
        registrar_id="register",
        number=PersonalText(national_number(serial)),
    )


EVA = replace(
    person(1, "eva"), route=Route.EIDAS, member_state="es", number=PersonalText("ES/BE/02635542Y"), registrar_id="node"
)
WITHOUT_NUMBER = replace(person(1, "long-ago"), number=PersonalText(""))


NOW = datetime(2026, 1, 5, tzinfo=UTC)


def number(serial: int) -> Identifier:
    return national(Jurisdiction.BE, NationalNumber(national_number(serial)), NOW)


async def until_it_has(site: Site, people: set[str]) -> None:
    await until(lambda: site.people() == people, f"the index does not become {people}")


async def test_the_reactor_adds_whoever_was_and_is_registered(site: Site) -> None:
    await site.register(*[person(serial) for serial in range(1, 151)])
    async with site.indexed():
        await until_it_has(site, {f"p{serial}" for serial in range(1, 151)})
        await site.register(EVA, WITHOUT_NUMBER, person(200))
        await until_it_has(site, {"eva", "p200", *(f"p{serial}" for serial in range(1, 151))})
    for purpose in LookupPurpose:
        assert await site.index.find(purpose, number(7)) == "p7"
        assert await site.index.find(purpose, eidas(Jurisdiction.BE, "ES/BE/02635542Y")) == "eva"
        assert await site.index.find(purpose, number(1)) == "p1"


async def test_everybody_of_a_log_is_added_at_once_and_again_without_change(site: Site) -> None:
    await site.register(*[person(serial) for serial in range(1, 31)], EVA, WITHOUT_NUMBER)
    await site.erase("p3", "p30")
    told: list[tuple[int, int]] = []
    expected = {"eva", *(f"p{serial}" for serial in range(1, 31))} - {"p3", "p30"}
    for _ in range(2):
        assert await fill_index(site.indexer, site.url, lambda *position: told.append(position)) == 32
        assert site.people() == expected
    assert told == [(32, 32), (32, 32)]


async def test_a_log_without_people_has_nobody_to_add(site: Site) -> None:
    assert await fill_index(site.indexer, site.url, lambda *_position: None) == 0
    assert site.people() == set()


async def react(site: Site, recorded: Recorded[Any]) -> None:
    """React to an event as the engine does."""
    reactor = site.indexer.reactor
    sender = CommandSender(store=site.log, rules=RULES)
    for reaction in reactor.reactions[type(recorded.event)]:
        await reaction(recorded, EventRun(reactor=reactor.name, recorded=recorded, sender=sender))


async def test_a_reaction_may_be_repeated_also_after_the_person_is_gone(site: Site) -> None:
    await site.register(person(1), person(2))
    for recorded in [*site.recorded(), *site.recorded()]:
        await react(site, recorded)
    assert site.people() == {"p1", "p2"}
    await site.erase("p1")
    for recorded in site.recorded():
        await react(site, recorded)
    assert site.people() == {"p2"}


async def test_what_went_with_the_keys_is_overwritten_before_that_is_recorded(site: Site) -> None:
    await site.register(person(1), person(2))
    await fill_index(site.indexer, site.url, lambda *_position: None)
    await site.erase("p1")
    assert site.residue() == len(LookupPurpose)
    for group, left in ((PurposeGroup.INVOICING, len(LookupPurpose)), (PurposeGroup.IDENTIFICATION, 0)):
        recorded: Any = site.recorded()[0]
        await react(site, replace(recorded, event=KeysDestroyed(person_id="p1", groups=(group,))))
        assert site.residue() == left
    assert site.people() == {"p2"}


async def test_a_key_that_was_never_given_is_an_error_and_no_erasure(site: Site) -> None:
    await site.register(person(1))
    (recorded,) = site.recorded()
    forged = replace(recorded.event, number=_of_another_key(recorded.event.number))
    with pytest.raises(UnknownKeyError):
        await react(site, replace(recorded, event=forged))
    assert site.people() == set()


def _of_another_key(sealed: PersonalText) -> PersonalText:
    other = "A" if sealed[len(PREFIX)] != "A" else "B"
    return PersonalText(PREFIX + other + sealed[len(PREFIX) + 1 :])
