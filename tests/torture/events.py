"""The events of the torture: each says which wish of which lane it belongs to, so that every one can be told apart."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from application.ports import Append, Idempotency
from domain.kernel import CommandBase, Context, Decider
from infrastructure.codec import Codec

CONTEXT = Context(acting_id="torture", organisation_id="torture", effective_at=datetime(2021, 11, 3, 9, tzinfo=UTC))

SERIALS_IN_A_STREAM = 100
"""Then a lane begins a new stream: streams stay as short as they are in life."""

LARGE = 1_000
"""So many events are more than fits in with others: the log gives them a turn of their own."""

MARKED_EVERY = 50

NOTED = "torture.noted.v1"
MARKED = "torture.marked.v1"
ENDED = "torture.ended.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Part `part` (from 1) of the `of` events of a lane's wish number `serial` (from 1)."""

    lane: int
    serial: int
    part: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Noted):
    """The same, of a type that is rare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Noted):
    """Nothing comes after this event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(CommandBase):
    """The wish: write so many events."""

    ACTIVITY: ClassVar[str] = "test"
    lane: int
    serial: int
    of: int


def decide(command: Note, _state: int) -> Sequence[Noted]:
    first = Marked if command.serial % MARKED_EVERY == 0 else Noted
    return [
        (first if part == 1 else Noted)(lane=command.lane, serial=command.serial, part=part, of=command.of)
        for part in range(1, command.of + 1)
    ]


def evolve(state: int, _event: Noted) -> int:
    return state + 1


DECIDER: Decider[Note, int, Noted] = Decider(
    category="torture",
    key=("lane",),
    initial=0,
    rules={Note: decide},
    evolve=evolve,
    checked=False,
    events={NOTED: Noted, MARKED: Marked, ENDED: Ended},
)
CODEC = Codec([DECIDER])


def size(seed: int, lane: int, serial: int) -> int:
    """Return how many events a wish has: mostly one, some a few, seldom many. The same for ever for a seed."""
    drawn = zlib.crc32(f"{seed}.{lane}.{serial}".encode()) % 2_000
    if drawn == 0:
        return LARGE
    return 1 if drawn < 1_400 else drawn % 4 + 2


def stream_of(lane: int, serial: int) -> str:
    return f"torture-{lane}.{(serial - 1) // SERIALS_IN_A_STREAM}"


def version_before(seed: int, lane: int, serial: int) -> int:
    """Return the version of the lane's stream before a wish, when every wish before it was granted once."""
    first = (serial - 1) // SERIALS_IN_A_STREAM * SERIALS_IN_A_STREAM + 1
    return sum(size(seed, lane, before) for before in range(first, serial))


def append(seed: int, lane: int, serial: int, stream: str, version: int, *, keyed: bool = False) -> Append:
    note = Note(at=CONTEXT.effective_at, by="torture", lane=lane, serial=serial, of=size(seed, lane, serial))
    key = Idempotency(organisation_id="torture", key=f"{lane}.{serial}", fingerprint=b"%d" % note.of)
    return Append(
        stream=stream,
        events=DECIDER.decide(note, version),
        expected={stream: version},
        context=CONTEXT,
        idempotency=key if keyed else None,
    )


def end() -> Append:
    return Append(
        stream="torture-end",
        events=[Ended(lane=0, serial=1, part=1, of=1)],
        expected={"torture-end": 0},
        context=CONTEXT,
    )
