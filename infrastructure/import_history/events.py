"""Writes chunks of decided events: each whole or not at all, and never twice.

A chunk is decided on the versions that its streams are assumed to have, and on the assumption that its claims are free.
The first append of its transaction is the record of the chunk, which is accepted only if all of that holds; every other
one is accepted only if the record is. Where an assumption is wrong, nothing was written: the versions are read and the
chunk is decided again. So the record itself names the refused lines. All are a group, since an event of somebody who
was erased is found out when the transaction is made: then nothing is written, and the chunk is decided without it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from application.handler import answer_of
from application.ports import Append, Erased, Outcome, Receipt
from domain.kernel import Claim, InvalidValue, Refusal
from infrastructure.import_history.decided import DecidedEvent, Understanding
from infrastructure.import_history.line_refusals import refused_line, understood
from infrastructure.import_history.lines import Chunk
from infrastructure.import_history.record import PASSING, Import
from infrastructure.system_events import ChunkImported, RefusedLine

MAX_REMEMBERED = 200_000
"""Of how many streams the heads are remembered; those used least lately are forgotten."""

EventLine: TypeAlias = DecidedEvent | RefusedLine


class EventsWriter:
    """Writes chunks of one import."""

    def __init__(self, history: Import, understanding: Understanding) -> None:
        self._import = history
        self._understanding = understanding
        self._versions = _Versions()
        # Assuming nothing: versions and claims are read first. It is slower, so only once an assumption was wrong.
        self._careful = False
        self._erased: set[int] = set()
        """The numbers of lines of the chunk to be written that are of somebody who was erased."""

    @property
    def in_flight(self) -> int:
        """How many chunks may be under way at once: versions that were read hold for the next chunk only."""
        return 1 if self._careful else 3

    async def prepare(self, chunk: Chunk) -> Sequence[EventLine]:
        now = self._import.now()
        lines = await understood(chunk, lambda _number, line: self._understanding(line, now))
        events = _events(lines)
        if any(claim.release for event in events for claim in event.claims):
            self._careful = True
        await self._learn_heads_of_older(events)
        return lines

    async def write(
        self, chunk: Chunk, lines: Sequence[EventLine], version: int, *, again: bool
    ) -> ChunkImported | None:
        """Write a chunk on the given version of the import's stream; return None if nothing was written.

        With `again`, an earlier try wrote nothing: nothing is assumed any more.
        """
        if again:
            self._careful = True
            self._versions = _Versions()
        holders: dict[Claim, str | None] = {}
        if self._careful:
            events = _events(lines)
            await self._learn_heads({event.stream for event in events})
            holders = await self._learn_holders(events)
        decided = _Decisions(self._import, version, self._versions, holders)
        for number, line in enumerate(lines, chunk.first_line):
            decided.add(number, _of_erased(number) if number in self._erased else line)
        record = chunk.imported(decided.events, decided.refused)
        outcomes = await self._import.log.append(decided.appends(record))
        if not isinstance(outcomes[0], Receipt):
            self._erased |= decided.erased(outcomes)
            return None
        self._erased.clear()
        assert all(isinstance(outcome, Receipt) for outcome in outcomes), "the record stands for all"
        return record

    async def _learn_heads_of_older(self, events: Sequence[DecidedEvent]) -> None:
        """Read where streams stand that go on from events in the log: nothing takes effect before the last of them.

        No chunk under way touches such a stream, or it would be known.
        """
        first = {event.stream: event for event in reversed(events)}
        try:
            await self._learn_heads([stream for stream, event in first.items() if event.version not in (None, 1)])
        except PASSING:
            self._careful = True

    async def _learn_heads(self, streams: Collection[str]) -> None:
        """Read where streams stand, those that are not known yet."""
        if unknown := [stream for stream in streams if stream not in self._versions]:
            for stream, found in (await self._import.log.read(unknown)).items():
                self._versions.put(stream, _Head(found.version, found.last_at))

    async def _learn_holders(self, events: Sequence[DecidedEvent]) -> dict[Claim, str | None]:
        """Read who holds the values that a chunk claims."""
        claims = list({replace(claim, release=False) for event in events for claim in event.claims})
        holders = await asyncio.gather(*(self._import.log.holder(claim) for claim in claims))
        return dict(zip(claims, holders, strict=True))


@dataclass(slots=True)
class _Decisions:
    """What is decided of a chunk, line by line. `holders` gives who holds a value; one not in it is free."""

    history: Import
    version: int
    versions: _Versions
    holders: dict[Claim, str | None]
    read: dict[str, int] = field(default_factory=dict)
    at_first: dict[Claim, str | None] = field(default_factory=dict)
    free: dict[Claim, None] = field(default_factory=dict)
    accepted: list[Append] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)
    """The numbers of the lines of each append."""
    refused: list[RefusedLine] = field(default_factory=list)
    events: int = 0
    last_events: list[object] = field(default_factory=list)
    """The events of the last append."""

    def add(self, number: int, line: EventLine) -> None:
        if isinstance(line, RefusedLine):
            self.refused.append(line)
            return
        try:
            version = self._version(line)
            self._claim(line)
        except Refusal as refusal:
            self.refused.append(refused_line(number, refusal))
            return
        self.versions.put(line.stream, _Head(version + 1, line.context.effective_at))
        self.events += 1
        last = self.accepted[-1] if self.accepted else None
        if last is not None and last.stream == line.stream and not line.claims and last.context == line.context:
            # What came of one command is one append.
            self.last_events.append(line.event)
            self.numbers[-1].append(number)
        else:
            self.accepted.append(self._append(line, version))
            self.numbers.append([number])

    def erased(self, outcomes: Sequence[Outcome]) -> set[int]:
        """Return the numbers of the lines of people who were erased, by the outcomes of `appends`."""
        of_lines = outcomes[len(outcomes) - len(self.accepted) :]
        fell = (at for at, outcome in enumerate(of_lines) if isinstance(outcome, Erased))
        return {number for at in fell for number in self.numbers[at]}

    def appends(self, record: ChunkImported) -> list[Append]:
        """Return the record and what it records, a group in the order in which the log is to resolve them."""
        group = uuid4().hex
        return [replace(append, group=group) for append in self._all_of(record)]

    def _all_of(self, record: ChunkImported) -> list[Append]:
        first = self.history.append(record, self.version, expected=self.read, claims=list(self.free))
        if not self.free:
            return [first, *self.accepted]
        # The record claims the values that are assumed free, and is refused if one is not; then it releases them.
        freed = replace(
            first,
            events=(),
            expected={self.history.stream: self.version + 1},
            claims=[replace(claim, release=True) for claim in self.free],
        )
        return [first, freed, *self.accepted]

    def _append(self, line: DecidedEvent, version: int) -> Append:
        self.last_events = [line.event]
        return Append(
            stream=line.stream,
            events=self.last_events,
            # The record is the first append: it has moved the import's stream on by one.
            expected={self.history.stream: self.version + 1, line.stream: version},
            context=line.context,
            claims=line.claims,
        )

    def _version(self, line: DecidedEvent) -> int:
        """Return the version of the stream before the line; refuse another version, and an instant before the last."""
        head = self.versions.get(line.stream, _Head())
        self.read.setdefault(line.stream, head.version)
        if line.version not in (None, head.version + 1):
            sentence = "The stream has this version already, or not yet the one before it."
            raise Refusal("stream-version-mismatch", sentence)
        if head.last_at is not None and line.context.effective_at < head.last_at:
            sentence = "An event of this stream took effect later already."
            raise InvalidValue("instant-runs-backwards", sentence)
        return head.version

    def _claim(self, line: DecidedEvent) -> None:
        """Take or free the values that the line claims; refuse the line if another stream holds one of them."""
        for claim in line.claims:
            if not claim.release and self.holders.get(claim) not in (None, line.stream):
                sentence = "This is registered already, and it can exist only once."
                raise Refusal(f"{claim.kind}-taken", sentence)
        for claim in line.claims:
            value = replace(claim, release=False)
            held = self.holders.get(value)
            self.at_first.setdefault(value, held)
            if not claim.release:
                self.holders[value] = line.stream
                if self.at_first[value] is None:
                    self.free[value] = None
            elif held == line.stream:
                self.holders[value] = None


class _Head(NamedTuple):
    """The version of a stream, and when its last event took effect, if it has one."""

    version: int = 0
    last_at: datetime | None = None


class _Versions(OrderedDict[str, _Head]):
    """The known or assumed heads of streams: as many as fit, the last used ones."""

    def put(self, stream: str, head: _Head) -> None:
        self[stream] = head
        self.move_to_end(stream)
        if len(self) > MAX_REMEMBERED:
            self.popitem(last=False)


def _of_erased(number: int) -> RefusedLine:
    refusal = answer_of(Erased(""))
    assert isinstance(refusal, Refusal)
    return refused_line(number, refusal)


def _events(lines: Sequence[EventLine]) -> Sequence[DecidedEvent]:
    return [line for line in lines if isinstance(line, DecidedEvent)]
