"""Why a line of a history is refused: codes that never change, and sentences that repeat nothing of the line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from domain.kernel import InvalidValue, Refusal, ValueRefusal
from infrastructure.import_history.lines import MAX_LINE_BYTES, Chunk
from infrastructure.system_events import RefusedLine

T = TypeVar("T")

LINES_AT_ONCE = 100
"""After so many lines the log gets its turn, so that it never waits for the next chunk to be understood."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of reading a line as JSON, whatever its bytes are."""


async def understood(chunk: Chunk, understand: Callable[[int, bytes | None], T]) -> Sequence[T | RefusedLine]:
    """Return each line of a chunk as `understand` returns it, or refused; the latter takes its number and its bytes."""
    lines: list[T | RefusedLine] = []
    for number, line in enumerate(chunk.lines, chunk.first_line):
        try:
            lines.append(understand(number, line))
        except Refusal as refusal:
            lines.append(refused_line(number, refusal))
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    return lines


def refused_line(number: int, refusal: Refusal) -> RefusedLine:
    """Return a refused line for the record of its chunk; a place in the data is named by its path."""
    place = refusal.place if isinstance(refusal, ValueRefusal) else ()
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    sentence = f"{refusal.sentence.removesuffix('.')} (at ${path})." if path else refusal.sentence
    return RefusedLine(line=number, code=refusal.code, sentence=sentence)


def line_too_long() -> InvalidValue:
    return InvalidValue("line-too-long", f"A line has at most {MAX_LINE_BYTES} bytes.")
