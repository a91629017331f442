"""Carries out erasures: destroys keys, removes claims and receipts, shreds keys, and records each step.

Each step is recorded after it is done. After a crash in between, the same reaction repeats the step and records it:
destroying or shredding a missing key changes nothing, and recording a recorded step appends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.ports import EventStore
from application.reactions import invoice_retention
from application.reactor import ReactionRun, Reactor, RetryPolicy, of_person
from domain.erasure.model import (
    Erasure,
    ErasureRequested,
    ErasureStatus,
    KeysDestroyed,
    RecordKeysDestroyed,
    RecordKeysShredded,
    pending,
)
from domain.erasure.rules import ERASURE
from domain.kernel import PurposeGroup, Recorded
from infrastructure.codec import Codec
from infrastructure.keys.data_keys import KeyOwner, Keys
from infrastructure.reactors.every_event import for_every_event
from infrastructure.reactors.indexing import BLIND_INDEX

ERASER = "eraser"

RETRY = RetryPolicy(timeout_s=600.0)
"""The claims and receipts of a person are found by reading all events with personal data of their kinds."""

REPEAT_EVENTS = 100
"""How many erasures are repeated together."""

MAX_SWEEPS_AT_ONCE = 2
"""For how many people claims are removed at once: each takes a connection of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """The reactions of erasure. `remove` deletes a person's hashes."""

    store: EventStore
    keys: Keys
    remove: Callable[[str, Collection[PurposeGroup]], Awaitable[None]]
    now: Callable[[], datetime]
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_SWEEPS_AT_ONCE))

    @property
    def reactor(self) -> Reactor:
        """The eraser. Keys are shredded last.

        It comes after the holds of invoices, which the law wants kept, and after the blind index: the rows of a person
        are gone from there before it is recorded that the keys are shredded.
        """
        return Reactor(
            name=ERASER,
            reactions={ErasureRequested: (self.destroy,), KeysDestroyed: (self.remove_traces, self.shred)},
            key_of=of_person,
            retry=RETRY,
            after=(invoice_retention.REACTOR.name, BLIND_INDEX),
        )

    async def destroy(self, recorded: Recorded[ErasureRequested], run: ReactionRun) -> None:
        """Destroy the requested keys, but those under a legal hold by now; then record it."""
        person_id = recorded.event.person_id
        wanted = pending(await self._state(person_id))
        groups = tuple(group for group in wanted if group in recorded.event.groups)
        if groups:
            await self.keys.destroy(_owners(person_id, groups))
            command = RecordKeysDestroyed(at=self.now(), by=run.organisation_id, person_id=person_id, groups=groups)
            await run.send(command)

    async def remove_traces(self, recorded: Recorded[KeysDestroyed], _run: ReactionRun) -> None:
        """Delete the claims and receipts that hold hashes of the erased data."""
        async with self._turns:
            await self.remove(recorded.event.person_id, recorded.event.groups)

    async def shred(self, recorded: Recorded[KeysDestroyed], run: ReactionRun) -> None:
        """Shred the destroyed keys; then record it."""
        person_id = recorded.event.person_id
        state = await self._state(person_id)
        groups = tuple(group for group in recorded.event.groups if state.status(group) is ErasureStatus.DESTROYED)
        if groups:
            await self.keys.shred(_owners(person_id, groups))
            command = RecordKeysShredded(at=self.now(), by=run.organisation_id, person_id=person_id, groups=groups)
            await run.send(command)

    async def _state(self, person_id: str) -> Erasure:
        stream = ERASURE.stream(person_id)
        return ERASURE.fold((await self.store.read([stream]))[stream].events)


async def reapply_erasures(
    keys: Keys, url: str, codec: Codec, report: Callable[[int, int], None], *, batch_events: int = REPEAT_EVENTS
) -> int:
    """Destroy and shred the keys that were destroyed according to the log at `url`; return the number of erasures.

    For after a backup of the database of the keys was restored. `report` is as in `for_every_event`.
    """

    async def repeat(erasures: Sequence[Recorded[KeysDestroyed]]) -> None:
        owners = {KeyOwner(each.event.person_id, group) for each in erasures for group in each.event.groups}
        await keys.destroy(owners)
        await keys.shred(owners)

    return await for_every_event(url, codec, KeysDestroyed, repeat, report, batch_events=batch_events)


def _owners(person_id: str, groups: Sequence[PurposeGroup]) -> Sequence[KeyOwner]:
    return [KeyOwner(person_id, group) for group in groups]
