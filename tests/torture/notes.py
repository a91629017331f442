"""What the writers said: the parent's notes, made before a writer goes on, which no kill of a writer can undo."""

from __future__ import annotations

import os
import struct
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

_RECORD = struct.Struct("<iiiq")
_CHUNK_BYTES = 1 << 16


class Said(IntEnum):
    """What a writer says about one wish. A position instead is the log's own answer: written, and there."""

    REFUSED = -1
    UNKNOWN = -2
    SENT = -3


class Kind(StrEnum):
    """How a lane deals with a wish whose outcome it does not know."""

    KEYED = "asks again with the same idempotency key until it is answered"
    UNKEYED = "goes on with another wish, on what the stream holds by then"
    SHARED = "the same, on a stream that it races others for"


@dataclass(frozen=True, slots=True)
class Word:
    """One record of a writer: `word` is a position or one of `Said`."""

    lane: int
    serial: int
    events: int
    word: int

    def tell(self, pipe: int) -> None:
        """Write it in one piece: a pipe takes so little whole or not at all, and keeps it when the writer is killed."""
        os.write(pipe, _RECORD.pack(self.lane, self.serial, self.events, self.word))


@dataclass(slots=True)
class Lane:
    """What is known of one lane. The index of `answers` is the serial: a position, one of `Said`, or 0 for no word."""

    number: int
    kind: Kind
    sent: int = 0
    answers: array[int] = field(default_factory=lambda: array("q", [0]))
    checked: int = 0

    def take(self, word: Word) -> None:
        while len(self.answers) <= word.serial:
            self.answers.append(0)
        self.sent = max(self.sent, word.serial)
        if word.word != Said.SENT:
            self.answers[word.serial] = word.word

    @property
    def next_serial(self) -> int:
        """Where a writer that is started again goes on: the unanswered wish if it has a key, else the next one."""
        unanswered = self.kind is Kind.KEYED and self.sent and self.answers[self.sent] <= 0
        return self.sent if unanswered else self.sent + 1


@dataclass(slots=True)
class Notes:
    """All lanes. Each is written to by one thread at a time: that of its writer's pipe."""

    lanes: dict[int, Lane] = field(default_factory=dict)
    events: int = 0
    wishes: int = 0
    unknown: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self, pipe: int) -> None:
        """Note what comes from one writer until its end of the pipe is closed, by itself or by its death."""
        rest = b""
        while chunk := os.read(pipe, _CHUNK_BYTES):
            rest += chunk
            whole = len(rest) - len(rest) % _RECORD.size
            self._take(rest[:whole])
            rest = rest[whole:]
        assert not rest, "a record was torn"

    def acknowledged(self) -> Iterator[tuple[int, int, int]]:
        """Yield lane, serial and position of every wish that the log has acknowledged."""
        for lane in self.lanes.values():
            for serial, answer in enumerate(lane.answers):
                if answer > 0:
                    yield lane.number, serial, answer

    def _take(self, records: bytes) -> None:
        events = wishes = unknown = refused = 0
        for record in _RECORD.iter_unpack(records):
            word = Word(*record)
            self.lanes[word.lane].take(word)
            if word.word > 0:
                events += word.events
                wishes += 1
            unknown += word.word == Said.UNKNOWN
            refused += word.word == Said.REFUSED
        with self._lock:
            self.events += events
            self.wishes += wishes
            self.unknown += unknown
            self.refused += refused
