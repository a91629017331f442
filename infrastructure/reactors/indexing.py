"""Keeping the blind index: people are added when they are registered, and what is left of them is overwritten.

The rows themselves go in the transaction that destroys a person's key: there is no moment between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg

from application.lookups import identifier_of
from application.ports import Sealed
from domain.erasure.model import KeysDestroyed
from domain.identity.person import PersonRegistered
from domain.kernel import PersonalText, PurposeGroup, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import LogReader
from infrastructure.keys import Keys
from infrastructure.keys.blind_index import BlindIndex, NamedPerson
from infrastructure.reactors.reactions import Duties
from infrastructure.sealing import open_all

FILL_EVENTS = 1_000
"""How many registrations are read and added at once when the index is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """The duties of the blind index."""

    index: BlindIndex
    keys: Keys
    codec: Codec

    async def add(self, recorded: Recorded[PersonRegistered]) -> None:
        """Add the person. Who is added at the same time shares the calls of the database, and its commit."""
        await self.add_all([recorded])

    async def overwrite(self, recorded: Recorded[KeysDestroyed]) -> None:
        """Overwrite the rows that went with the keys."""
        if PurposeGroup.IDENTIFICATION in recorded.event.groups:
            await self.index.overwrite()

    async def add_all(self, registered: Sequence[Recorded[PersonRegistered]]) -> None:
        """Open the numbers and add the people; whoever was erased, or came without a number, is left out."""
        numbered = [recorded for recorded in registered if recorded.event.number]
        if not numbered:
            return
        name = self.codec.names[PersonRegistered]
        sealed = [Sealed(it.event.number, it.stream, name, "number") for it in numbered]
        opened = await open_all(sealed, self.keys)
        people = [
            NamedPerson(it.event.person_id, identifier_of(it.event, PersonalText(number)))
            for it, number in zip(numbered, opened, strict=True)
            if number is not None
        ]
        await self.index.add(people)


def indexing(indexer: Indexer) -> Duties:
    """Return what is due for the index."""
    return {PersonRegistered: (indexer.add,), KeysDestroyed: (indexer.overwrite,)}


async def fill(indexer: Indexer, url: str, told: Callable[[int, int], None]) -> int:
    """Add everybody of the log at `url` who is not in the index yet; return how many registrations there are.

    `told` hears up to which position it came, and to which it goes. The platform may run meanwhile.
    """
    reader = LogReader(indexer.codec)
    names = [indexer.codec.names[PersonRegistered]]
    position = seen = 0
    with psycopg.connect(url, autocommit=True) as connection:
        head = await asyncio.to_thread(reader.head, connection)
        while position < head:
            read = partial(reader.read_next, connection, names=names, limit=FILL_EVENTS)
            found = await asyncio.to_thread(read, after=position, until=head)
            await indexer.add_all(found)
            seen += len(found)
            position = found[-1].position if len(found) == FILL_EVENTS else head
            told(position, head)
    return seen
