"""Readers that tail the log while it is written, and note everything that they see, in the order in which they do."""

from __future__ import annotations

import ctypes
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, BinaryIO

import psycopg

from domain.kernel import Recorded
from infrastructure.database.addresses import DatabaseRole, acting_as
from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.subscription import LogSubscription
from tests.following import follow
from tests.torture.events import CODEC, ENDED, MARKED, MARKED_EVERY, Ended, size
from tests.torture.notes import Notes

PAGE_EVENTS = 1_000
MAX_WAIT_S = 60
END_TIMEOUT_S = 120

_NOTICED = -1
"""Stands where a position would: here the reader noticed by itself that the log has a gap, and stopped."""

_RECORD = struct.Struct("<qiii")

Connection = psycopg.Connection[Any]

FAULTS = ("missed", "repeated", "reordered", "gaps", "noticed")
"""What a reader may have to complain of: see `compare`."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A reading process. It ends by itself when it sees the event after which nothing comes."""

    process: ForkServerProcess
    file: Path
    seen_until: Any
    rare: bool

    def wait(self) -> None:
        self.process.join(END_TIMEOUT_S)
        assert self.process.exitcode == 0, f"a reader ended with {self.process.exitcode}"


def tail(url: str, names: Sequence[str] | None, file: Path, seen_until: Any) -> None:
    """Note every event of the log from its beginning on, until the last one."""
    ended = False
    with file.open("wb") as notes, psycopg.connect(url, autocommit=True) as connection:
        log = LogReader(CODEC)
        batches = (
            follow(log, connection, after=0, stopped=lambda: ended)
            if names is None
            else _follow(connection, log, names, seen_until, lambda: ended)
        )
        try:
            for batch in batches:
                ended = _note(batch, notes)
                seen_until.value = batch[-1].position
        except MissingEventsError:
            notes.write(_RECORD.pack(_NOTICED, 0, 0, 0))


def _note(batch: Sequence[Recorded[Any]], notes: BinaryIO) -> bool:
    """Note what was seen; return whether it was the end."""
    for recorded in batch:
        event = recorded.event
        if isinstance(event, Ended):
            return True
        notes.write(_RECORD.pack(recorded.position, event.lane, event.serial, event.part))
    return False


def _follow(
    connection: Connection, log: LogReader, names: Sequence[str], seen_until: Any, stopped: Callable[[], bool]
) -> Iterator[Sequence[Recorded[Any]]]:
    """Follow a few types of events: all up to the head, whenever the log tells that it has moved."""
    after = 0
    with LogSubscription(connection) as subscription:
        while not stopped():
            head = log.head(connection)
            while found := log.read_next(connection, after=after, until=head, names=names, limit=PAGE_EVENTS):
                yield found
                after = found[-1].position
            after = seen_until.value = head
            if not stopped():
                subscription.wait(MAX_WAIT_S)


def start(processes: Any, url: str, file: Path, *, rare: bool = False) -> Reader:
    """Start a reader of all events, or of those of the rare type only, as the role that projects."""
    seen_until = processes.RawValue(ctypes.c_longlong, 0)
    names = (MARKED, ENDED) if rare else None
    process = processes.Process(target=tail, args=(acting_as(url, DatabaseRole.PROJECTOR), names, file, seen_until))
    process.start()
    return Reader(process, file, seen_until, rare)


def compare(reader: Reader, notes: Notes, seed: int) -> Counter[str]:
    """Count what a reader missed of the acknowledged events, and what it saw again, out of order or with a gap.

    `noticed` is 1 where the reader itself refused to go on over a gap; what came after that it did not see.
    """
    found: Counter[str] = Counter(dict.fromkeys(FAULTS, 0))
    seen: set[tuple[int, int, int]] = set()
    before = 0
    for position, *event in _RECORD.iter_unpack(reader.file.read_bytes()):
        lane, serial, part = event
        if position == _NOTICED:
            found["noticed"] += 1
            break
        found["events"] += 1
        found["repeated"] += (lane, serial, part) in seen
        found["reordered"] += position <= before
        found["gaps"] += position > before + 1 and not reader.rare
        seen.add((lane, serial, part))
        before = position
    for lane, serial, _ in notes.acknowledged():
        found["missed"] += sum((lane, serial, part) not in seen for part in _wanted(reader, seed, lane, serial))
    return found


def _wanted(reader: Reader, seed: int, lane: int, serial: int) -> range:
    if reader.rare:
        return range(1, 2) if serial % MARKED_EVERY == 0 else range(0)
    return range(1, size(seed, lane, serial) + 1)
