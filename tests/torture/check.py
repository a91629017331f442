"""Holds the log against what its writers were told: nothing lost, doubled, reordered, left out or made up."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import psycopg

from tests.torture.events import CODEC, ENDED, Noted
from tests.torture.notes import Notes, Said

PAGE_EVENTS = 20_000
MAX_EXAMPLES = 10
CONNECT_TIMEOUT_S = 30

_PAGE = """
SELECT position, recorded_at, stream, version, name, payload
FROM log.event WHERE position > %s ORDER BY position LIMIT %s
"""

Row: TypeAlias = tuple[int, datetime, str, int, str, bytes]

WOUNDS = ("lost", "doubled", "gaps", "reordered", "torn", "made up")
"""What may be wrong: see `LogCheck`."""


@dataclass(slots=True)
class LogCheck:
    """Reads the log from where it was, and compares. `wounds` counts, `examples` tells of the first few.

    lost: acknowledged, and not at the position that the receipt says. doubled: a wish is there twice, or is there
    although it was refused. gaps: a position or a version of a stream is left out. reordered: a stream holds a lane's
    wishes in another order than they were sent, or time goes back. torn: only a part of a wish is there. made up: an
    event that nobody sent.
    """

    notes: Notes
    head: int = 0
    events: int = 0
    wounds: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    _recorded_at: datetime = datetime.min.replace(tzinfo=UTC)
    _versions: dict[str, int] = field(default_factory=dict)
    _found: dict[int, array[int]] = field(default_factory=dict)
    _last: dict[tuple[str, int], int] = field(default_factory=dict)
    _open: Noted | None = None

    def go_on(self, url: str) -> None:
        """Check the events that are new, and that every wish which was acknowledged before this call is there."""
        acknowledged = self._new_answers()
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            for row in _rows(connection, self.head):
                self.take(row)
        for lane, serial, answer in acknowledged:
            self.compare(lane, serial, answer)

    def everything(self, url: str) -> LogCheck:
        """Check the whole log again from its beginning, when nobody writes any more; return that check."""
        for lane in self.notes.lanes.values():
            lane.checked = 0
        again = LogCheck(self.notes)
        again.go_on(url)
        again.end()
        if again.head < self.head:
            again._wound("lost", f"the log ended at {self.head} and ends at {again.head} now")
        return again

    def take(self, row: Row) -> None:
        """Check the next row of the log."""
        position, recorded_at, stream, version, name, payload = row
        if position != self.head + 1:
            self._wound("gaps" if position > self.head else "reordered", f"position {position} after {self.head}")
        if recorded_at < self._recorded_at:
            self._wound("reordered", f"position {position} was recorded before the one ahead of it")
        if version != self._versions.get(stream, 0) + 1:
            self._wound("gaps", f"{stream} has {version} after {self._versions.get(stream, 0)}")
        self.head, self._recorded_at, self._versions[stream] = position, recorded_at, version
        self.events += 1
        if name != ENDED:
            event = CODEC.decode(name, payload)
            assert isinstance(event, Noted)
            self._take_event(position, stream, event)

    def compare(self, lane: int, serial: int, answer: int) -> None:
        """Hold what was answered to a wish against what was found of it."""
        found = self._found.get(lane, array("q"))
        position = found[serial] if serial < len(found) else 0
        if answer > 0 and position != answer:
            self._wound("lost", f"lane {lane}, wish {serial}: acknowledged at {answer}, found at {position}")
        if answer == Said.REFUSED and position:
            self._wound("doubled", f"lane {lane}, wish {serial}: refused, and there at {position}")

    def end(self) -> None:
        """Check what can be said only when nobody writes any more."""
        if self._open is not None:
            self._wound("torn", f"the log ends in the middle of {self._open}")
        for lane, found in self._found.items():
            sent = self.notes.lanes[lane].sent if lane in self.notes.lanes else 0
            for serial in range(sent + 1, len(found)):
                self._wound("made up", f"lane {lane}, wish {serial}: at {found[serial]}, and never sent")

    def _new_answers(self) -> list[tuple[int, int, int]]:
        """Take what was answered since the last time; the last wish of a lane may still be without an answer."""
        found = []
        for lane in self.notes.lanes.values():
            upto = len(lane.answers)
            found += [(lane.number, serial, lane.answers[serial]) for serial in range(lane.checked, upto)]
            # A wish may be unanswered for a while, when its writer goes on asking with its key: those come again.
            lane.checked = max(upto - 4, 0)
        return found

    def _take_event(self, position: int, stream: str, event: Noted) -> None:
        before, self._open = self._open, None if event.part == event.of else event
        follows = before is not None and (before.lane, before.serial, before.part) == (
            event.lane,
            event.serial,
            event.part - 1,
        )
        if follows != (event.part > 1) or (before is not None and not follows):
            self._wound("torn", f"position {position}: {event} after {before}")
        if event.part == event.of:
            self._take_wish(position, stream, event)

    def _take_wish(self, position: int, stream: str, event: Noted) -> None:
        found = self._found.setdefault(event.lane, array("q", [0]))
        while len(found) <= event.serial:
            found.append(0)
        if found[event.serial]:
            self._wound("doubled", f"{event} at {found[event.serial]} and at {position}")
        found[event.serial] = position
        if event.serial < self._last.get((stream, event.lane), 0):
            self._wound("reordered", f"{stream} has {event} after {self._last[stream, event.lane]}")
        self._last[stream, event.lane] = event.serial

    def _wound(self, kind: str, example: str) -> None:
        assert kind in WOUNDS
        self.wounds[kind] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{kind}: {example}")


def _rows(connection: psycopg.Connection[Any], after: int) -> Iterator[Row]:
    """Yield the rows after a position, to the end of the log as it is when the last page is read."""
    while True:
        page = connection.execute(_PAGE, (after, PAGE_EVENTS), binary=True).fetchall()
        yield from page
        if len(page) < PAGE_EVENTS:
            return
        after = page[-1][0]
