"""Writes chunks of commands: each command is decided in its turn, on the rules and as of its own instant.

Each carries a key of its own, so that the log answers a repeated one with what it did the first time. The record of a
chunk follows its commands: a chunk without one is sent again, and only commands that are not in the log are decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.ports import OtherContent, Receipt
from application.unit_of_work import UnitOfWork
from domain.kernel import Refusal
from infrastructure.import_history.line_refusals import refused_line, understood
from infrastructure.import_history.lines import Chunk
from infrastructure.import_history.record import Import
from infrastructure.system_events import ChunkImported, RefusedLine

UnderstandCommand = Callable[[int, bytes | None, datetime], CommandEnvelope]
"""Turns a line, with its number and the latest instant that it may name, into a command with a key; or refuses it."""

CommandLine: TypeAlias = CommandEnvelope | RefusedLine


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

    async def prepare(self, chunk: Chunk) -> Sequence[CommandLine]:
        now = self._import.now()
        return await understood(chunk, lambda number, line: self._understand(number, line, now))

    async def write(
        self, chunk: Chunk, lines: Sequence[CommandLine], version: int, *, again: bool
    ) -> ChunkImported | None:
        """Decide a chunk, then record it on the given version of the import's stream; return None if it had moved.

        With `again`, and for the first chunk of a run, an earlier try may have been cut off.
        """
        may_be_there, self._first = again or self._first, False
        numbered = dict(enumerate(lines, chunk.first_line))
        envelopes = {number: line for number, line in numbered.items() if isinstance(line, CommandEnvelope)}
        answers = await self._asked_before(envelopes) if may_be_there else {}
        missing = {number: envelope for number, envelope in envelopes.items() if number not in answers}
        decided = await handle_many(list(missing.values()), self._import.log, self._rules, self._unit)
        answers |= zip(missing, decided, strict=True)
        refused = [line for line in lines if isinstance(line, RefusedLine)]
        refused += [
            refused_line(number, refusal) for number, refusal in answers.items() if isinstance(refusal, Refusal)
        ]
        events = sum(len(receipt.events) for receipt in answers.values() if isinstance(receipt, Receipt))
        record = chunk.imported(events, refused)
        (outcome,) = await self._import.log.append([self._import.append(record, version)])
        return record if isinstance(outcome, Receipt) else None

    async def _asked_before(self, envelopes: Mapping[int, CommandEnvelope]) -> dict[int, Receipt | Refusal]:
        """Return the receipts of the commands that are in the log already."""
        keys = {line: key for line, envelope in envelopes.items() if (key := envelope.idempotency) is not None}
        known = await self._import.log.receipts(list(keys.values()))
        found = {number: known[key] for number, key in keys.items() if key in known}
        return {number: answer for number, answer in found.items() if not isinstance(answer, OtherContent)}
