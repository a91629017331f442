"""Keeps the blind index: adds people when they are registered, and overwrites the bytes of deleted rows.

The rows themselves are deleted in the transaction that destroys a person's key.
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
from infrastructure.reactors.reactions import Reactions
from infrastructure.sealing import open_all

FILL_EVENTS = 1_000
"""How many registrations are read and added at once when the index is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """The reactions of the blind index."""

    index: BlindIndex
    keys: Keys
    codec: Codec

    async def add(self, recorded: Recorded[PersonRegistered]) -> None:
        """Add the person. Concurrent calls share a transaction."""
        await self.add_all([recorded])

    async def overwrite(self, recorded: Recorded[KeysDestroyed]) -> None:
        """Overwrite the rows that were deleted with the keys."""
        if PurposeGroup.IDENTIFICATION in recorded.event.groups:
            await self.index.overwrite()

    async def add_all(self, registered: Sequence[Recorded[PersonRegistered]]) -> None:
        """Open the numbers and add the people, but those who were erased or have no number."""
        numbered = [recorded for recorded in registered if recorded.event.number]
        if not numbered:
            return
        name = self.codec.names[PersonRegistered]
        sealed = [Sealed(recorded.event.number, recorded.stream, name, "number") for recorded in numbered]
        opened = await open_all(sealed, self.keys)
        people = [
            NamedPerson(recorded.event.person_id, identifier_of(recorded.event, PersonalText(number)))
            for recorded, number in zip(numbered, opened, strict=True)
            if number is not None
        ]
        await self.index.add(people)


def indexing(indexer: Indexer) -> Reactions:
    """Return the reactions of the index."""
    return {PersonRegistered: (indexer.add,), KeysDestroyed: (indexer.overwrite,)}


async def fill_index(indexer: Indexer, url: str, report: Callable[[int, int], None]) -> int:
    """Add everybody who is registered in the log at `url`; return the number of registrations.

    `report` is called with the position reached and the last one. The platform may run meanwhile.
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
            report(position, head)
    return seen
