"""Keeps the blind index: adds people when they are registered, and overwrites the bytes of deleted rows.

The rows themselves are deleted in the transaction that destroys a person's key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from application.lookups import identifier_of
from application.ports import Sealed
from application.reactor import ReactionRun, Reactions, Reactor, of_person
from domain.erasure.model import KeysDestroyed
from domain.identity.person import PersonRegistered
from domain.kernel import PersonalText, PurposeGroup, Recorded
from infrastructure.codec import Codec
from infrastructure.keys.blind_index import BlindIndex, NamedPerson
from infrastructure.keys.data_keys import Keys
from infrastructure.reactors.every_event import for_every_event
from infrastructure.sealing import open_all

BLIND_INDEX = "blind-index"

FILL_EVENTS = 1_000
"""How many registrations are read and added at once when the index is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """The reactions of the blind index."""

    index: BlindIndex
    keys: Keys
    codec: Codec

    @property
    def reactor(self) -> Reactor:
        reactions: Reactions = {PersonRegistered: (self.add,), KeysDestroyed: (self.overwrite,)}
        return Reactor(name=BLIND_INDEX, reactions=reactions, key_of=of_person)

    async def add(self, recorded: Recorded[PersonRegistered], _run: ReactionRun) -> None:
        """Add the person. Concurrent calls share a transaction."""
        await self.add_all([recorded])

    async def overwrite(self, recorded: Recorded[KeysDestroyed], _run: ReactionRun) -> None:
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


async def fill_index(indexer: Indexer, url: str, report: Callable[[int, int], None]) -> int:
    """Add everybody who is registered in the log at `url`; return the number of registrations."""
    return await for_every_event(
        url, indexer.codec, PersonRegistered, indexer.add_all, report, batch_events=FILL_EVENTS
    )
