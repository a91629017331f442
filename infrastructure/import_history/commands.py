"""Writes chunks of commands: each command is decided in its turn, on the rules and as of its own instant.

The events of a chunk and its record, which names the refused lines, are one transaction: no command is decided again
on what later ones did. Each carries a key of its own, so that the log answers a repeated one with what it did the
first time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias, cast

from application.gathering import Rules
from application.handler import CommandEnvelope
from application.handling_together import Answer, handle_together
from application.ports import Append
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

    async def prepare(self, chunk: Chunk) -> Sequence[CommandLine]:
        now = self._import.now()
        return await understood(chunk, lambda number, line: self._understand(number, line, now))

    async def write(
        self, chunk: Chunk, lines: Sequence[CommandLine], version: int, *, again: bool
    ) -> ChunkImported | None:
        """Decide a chunk, and write it with its record on the given version of the import's stream.

        Return None if nothing was written: the stream had moved, or others kept changing what the commands change. With
        `again`, no state that was read before counts any more.
        """
        if again:
            self._unit.forget()
        malformed = [line for line in lines if isinstance(line, RefusedLine)]
        numbered = enumerate(lines, chunk.first_line)
        envelopes = {number: line for number, line in numbered if isinstance(line, CommandEnvelope)}

        def record(answers: Sequence[Answer]) -> Append:
            refused, events = list(malformed), 0
            for number, answer in zip(envelopes, answers, strict=True):
                if isinstance(answer, Refusal):
                    refused.append(refused_line(number, answer))
                else:
                    events += answer
            return self._import.append(chunk.imported(events, refused), version)

        written = await handle_together(list(envelopes.values()), record, self._rules, self._unit)
        return None if written is None else cast("ChunkImported", written.events[0])
