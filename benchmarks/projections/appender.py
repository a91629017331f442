"""Appends events of the sample history once more, about other people, at a steady rate: whether or not it is followed.

`python -m benchmarks.projections.appender` reads from its standard input what is wanted, says that it is ready, and
begins when it is told. At the end it prints a line for each call, with when it was confirmed, by the clock that all
processes share, and the positions of its events; then null.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import uvloop
from psycopg import sql

from application.ports import Append, Receipt
from benchmarks.projections.copying import IDS, OTHER_IDS, replaced, replaced_stream
from domain.kernel import Context
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog

TICK_S = 0.01
READY = "ready"

# Whole streams that begin in a stretch of the history, with their events in the order in which they came.
STRETCH = """
SELECT {stream}, event.version, event.name, convert_to({payload}, 'UTF8'), event.effective_at, event.activity, {ids}
FROM log.event JOIN log.stream AS held ON held.stream = event.stream
WHERE event.position > {after} AND event.position <= {until} AND held.first_position > {after}
  AND event.stream NOT LIKE ALL ({other_ids})
ORDER BY event.position LIMIT {events}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to append: events from `after` to `until`, at most so many, with this digit in their ids."""

    url: str
    after: int
    until: int
    events: int
    rate: int
    digit: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as it is to stand in the log."""

    name: str
    payload: bytes


class StoredCodec(Codec):
    """Writes the bytes that it is given."""

    def __init__(self) -> None:
        super().__init__([])

    def encode(self, event: object) -> tuple[str, bytes]:
        assert isinstance(event, Stored)
        return event.name, event.payload


def stretch(wanted: Wanted) -> Sequence[Append]:
    """Return what is to be appended, one event each."""
    query = sql.SQL(STRETCH).format(
        stream=replaced_stream("event.stream", wanted.digit),
        payload=replaced("convert_from(event.payload, 'UTF8')", wanted.digit),
        ids=sql.SQL(", ").join(replaced(f"event.{name}", wanted.digit) for name in IDS),
        other_ids=sql.Literal(OTHER_IDS),
        after=sql.Literal(wanted.after),
        until=sql.Literal(wanted.until),
        events=sql.Literal(wanted.events),
    )
    with psycopg.connect(wanted.url) as connection:
        rows = connection.execute(query).fetchall()
    return [
        Append(
            stream=stream,
            events=[Stored(name, payload)],
            expected={stream: version - 1},
            context=Context(effective_at=at, activity=activity, **dict(zip(IDS, ids, strict=True))),
        )
        for stream, version, name, payload, at, activity, *ids in rows
    ]


@dataclass(slots=True)
class Sender:
    """Sends what is due, not waiting for earlier calls, but for earlier events of the same stream."""

    log: PostgresLog
    confirmed: list[tuple[float, list[int]]] = field(default_factory=list)
    """When each call was confirmed, and the positions of its events."""

    _under_way: set[str] = field(default_factory=set)
    _held: list[Append] = field(default_factory=list)

    def take(self, due: Sequence[Append]) -> Sequence[Append]:
        """Return what can be sent now; the rest is held until the next time."""
        waiting, self._held = [*self._held, *due], []
        blocked = set(self._under_way)
        now: list[Append] = []
        for append in waiting:
            (self._held if append.stream in blocked else now).append(append)
        self._under_way.update(append.stream for append in now)
        return now

    @property
    def holds(self) -> bool:
        return bool(self._held)

    async def send(self, appends: Sequence[Append]) -> None:
        outcomes = await self.log.append(appends)
        now = time.monotonic()
        positions = [outcome.position for outcome in outcomes if isinstance(outcome, Receipt)]
        assert len(positions) == len(appends), "every event is written"
        self.confirmed.append((now, positions))
        self._under_way.difference_update(append.stream for append in appends)


async def append_steadily(url: str, appends: Sequence[Append], rate: int) -> list[tuple[float, list[int]]]:
    """Append what is due every few milliseconds; return when each call was confirmed, with its positions."""
    async with PostgresLog(url, StoredCodec(), b"key") as log:
        sender, began, sent = Sender(log), time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while sent < len(appends) or sender.holds:
                until = min(int((time.monotonic() - began) * rate), len(appends))
                if ready := sender.take(appends[sent:until]):
                    group.create_task(sender.send(ready))
                sent = until
                await asyncio.sleep(TICK_S)
    return sender.confirmed


def main() -> None:
    wanted = Wanted(**json.loads(sys.stdin.readline()))
    appends = stretch(wanted)
    print(READY, flush=True)
    sys.stdin.readline()
    for confirmed in uvloop.run(append_steadily(wanted.url, appends, wanted.rate)):
        print(json.dumps(confirmed))
    print(json.dumps(None), flush=True)


if __name__ == "__main__":
    main()
