"""Repeats all erasures of the log, after a backup of the database of the keys was restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import psycopg

from domain.erasure.model import KeysDestroyed
from infrastructure.codec import Codec
from infrastructure.event_log import LogReader
from infrastructure.keys import KeyOwner, Keys

BATCH_EVENTS = 100
"""How many erasures are repeated together."""


async def reapply_erasures(
    keys: Keys, url: str, codec: Codec, report: Callable[[int, int], None], *, batch_events: int = BATCH_EVENTS
) -> int:
    """Destroy and shred the keys that were destroyed according to the log at `url`; return the number of erasures.

    `report` is called with the position reached and the last one. The platform may run meanwhile.
    """
    reader = LogReader(codec)
    names = [codec.names[KeysDestroyed]]
    position = seen = 0
    with psycopg.connect(url, autocommit=True) as connection:
        head = await asyncio.to_thread(reader.head, connection)
        while position < head:
            read = partial(reader.read_next, connection, names=names, limit=batch_events)
            found = await asyncio.to_thread(read, after=position, until=head)
            if found:
                events = [recorded.event for recorded in found]
                owners = {KeyOwner(event.person_id, group) for event in events for group in event.groups}
                await keys.destroy(owners)
                await keys.shred(owners)
            seen += len(found)
            position = found[-1].position if len(found) == batch_events else head
            report(position, head)
    return seen
