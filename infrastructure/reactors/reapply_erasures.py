"""Repeats all erasures of the log, after a backup of the database of the keys was restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.erasure.model import KeysDestroyed
from domain.kernel import Recorded
from infrastructure.codec import Codec
from infrastructure.keys.data_keys import KeyOwner, Keys
from infrastructure.reactors.every_event import for_every_event

BATCH_EVENTS = 100
"""How many erasures are repeated together."""


async def reapply_erasures(
    keys: Keys, url: str, codec: Codec, report: Callable[[int, int], None], *, batch_events: int = BATCH_EVENTS
) -> int:
    """Destroy and shred the keys that were destroyed according to the log at `url`; return the number of erasures.

    `report` is called with the position reached and the last one. The platform may run meanwhile.
    """

    async def repeat(erasures: Sequence[Recorded[KeysDestroyed]]) -> None:
        owners = {KeyOwner(each.event.person_id, group) for each in erasures for group in each.event.groups}
        await keys.destroy(owners)
        await keys.shred(owners)

    return await for_every_event(url, codec, KeysDestroyed, repeat, report, batch_events=batch_events)
