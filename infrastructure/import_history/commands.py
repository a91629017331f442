"""Writes chunks of commands: each command is decided in its turn, on the rules and at the instant of its wish.

Each carries a key of its own, so that the log answers a repeated one with what it did the first time. The record of a
chunk follows its commands: a chunk without one is sent again, and only what is not there yet is decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.ports import OtherContent, Receipt
from application.unit_of_work import UnitOfWork
from domain.kernel import Refusal
from infrastructure.import_history.line_refusals import refused_line
from infrastructure.import_history.lines import Chunk
from infrastructure.import_history.record import Import
from infrastructure.system_events import ChunkImported, RefusedLine

LINES_AT_ONCE = 100
"""After so many lines the log gets its turn, so that it never waits for the next chunk to be understood."""

UnderstandCommand = Callable[[int, bytes | None, datetime], CommandEnvelope]
"""Turns a line, with its number and the latest instant that it may name, into a command with a key; or refuses it."""


@dataclass(frozen=True, slots=True)
class ChunkOfCommands:
    """A chunk as commands and refusals, by line."""

    chunk: Chunk
    envelopes: Mapping[int, CommandEnvelope]
    refused: Mapping[int, RefusedLine]


class CommandsWriter:
    """Writes chunks of one import."""

    in_flight = 1
    """The next chunk is decided on what this one left behind."""

    def __init__(self, history: Import, rules: Rules, understand: UnderstandCommand) -> None:
        self._import = history
        self._rules = rules
        self._understand = understand
        self._unit = UnitOfWork(history.log)
        self._first = True

    async def prepare(self, chunk: Chunk) -> ChunkOfCommands:
        now = self._import.now()
        envelopes: dict[int, CommandEnvelope] = {}
        refused: dict[int, RefusedLine] = {}
        for number, line in enumerate(chunk.lines, chunk.first_line):
            try:
                envelopes[number] = self._understand(number, line, now)
            except Refusal as refusal:
                refused[number] = refused_line(number, refusal)
            if number % LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return ChunkOfCommands(chunk, envelopes, refused)

    async def write(self, prepared: ChunkOfCommands, version: int, *, again: bool) -> ChunkImported | None:
        """Decide a chunk, then record it on the given version of the import's stream; return None if it had moved.

        With `again`, and for the first chunk of a run, an earlier try may have been cut off.
        """
        may_be_there, self._first = again or self._first, False
        answers = await self._asked_before(prepared) if may_be_there else {}
        missing = {number: envelope for number, envelope in prepared.envelopes.items() if number not in answers}
        decided = await handle_many(list(missing.values()), self._import.log, self._rules, self._unit)
        answers |= zip(missing, decided, strict=True)
        record = _record(prepared, answers)
        (outcome,) = await self._import.log.append([self._import.append(record, version)])
        return record if isinstance(outcome, Receipt) else None

    async def _asked_before(self, prepared: ChunkOfCommands) -> dict[int, Receipt | Refusal]:
        """Return the receipts of the commands that are in the log already."""
        keys = {line: key for line, envelope in prepared.envelopes.items() if (key := envelope.idempotency) is not None}
        known = await self._import.log.receipts(list(keys.values()))
        found = {number: known[key] for number, key in keys.items() if key in known}
        return {number: answer for number, answer in found.items() if not isinstance(answer, OtherContent)}


def _record(prepared: ChunkOfCommands, answers: Mapping[int, Receipt | Refusal]) -> ChunkImported:
    refused = dict(prepared.refused)
    events = 0
    for number, answer in answers.items():
        if isinstance(answer, Refusal):
            refused[number] = refused_line(number, answer)
        else:
            events += len(answer.events)
    chunk = prepared.chunk
    return ChunkImported(
        first_line=chunk.first_line,
        last_line=chunk.last_line,
        sha256=chunk.sha256,
        events=events,
        refused=tuple(refused[number] for number in sorted(refused)),
    )
