"""Reads all events of one class in batches, for work that has to be done for the whole log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import AnyRecorded, LogReader


async def for_every_event(
    url: str,
    codec: Codec,
    event_class: type,
    work: Callable[[Sequence[AnyRecorded]], Awaitable[None]],
    report: Callable[[int, int], None],
    *,
    batch_events: int,
) -> int:
    """Do the work for all events of a class in the log at `url`, batch by batch in order; return how many there are.

    `report` is called with the position reached and the last one. The platform may run meanwhile.
    """
    reader, names = LogReader(codec), [codec.names[event_class]]
    position = seen = 0
    with psycopg.connect(url, autocommit=True) as connection:
        head = await asyncio.to_thread(reader.head, connection)
        while position < head:
            found = await asyncio.to_thread(
                reader.read_next, connection, after=position, until=head, names=names, limit=batch_events
            )
            if found:
                await work(found)
            seen += len(found)
            position = found[-1].position if len(found) == batch_events else head
            report(position, head)
    return seen
