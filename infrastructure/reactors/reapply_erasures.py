"""Erasing again what was erased: after a backup of the database of the keys was brought back, keys and all."""

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


async def erase_again(keys: Keys, url: str, codec: Codec, told: Callable[[int, int], None]) -> int:
    """Destroy and shred the keys that the log at `url` says were destroyed; return how many erasures there are.

    `told` hears up to which position it came, and to which it goes. The platform may run meanwhile.
    """
    reader = LogReader(codec)
    names = [codec.names[KeysDestroyed]]
    position = seen = 0
    with psycopg.connect(url, autocommit=True) as connection:
        head = await asyncio.to_thread(reader.head, connection)
        while position < head:
            read = partial(reader.read_next, connection, names=names, limit=BATCH_EVENTS)
            found = await asyncio.to_thread(read, after=position, until=head)
            if found:
                owners = {KeyOwner(it.event.person_id, group) for it in found for group in it.event.groups}
                await keys.destroy(owners)
                await keys.shred(owners)
            seen += len(found)
            position = found[-1].position if len(found) == BATCH_EVENTS else head
            told(position, head)
    return seen
