"""System events: recorded in the log like all others, but decided by no aggregate.

Projections have no rules for them. Every codec knows them, so that a reader of the log can decode all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A refused line of an imported history. `line` counts from 1; `code` is stable for ever.

    It repeats nothing of the line, which may hold personal data.
    """

    line: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkImported:
    """The lines from `first_line` to `last_line` of a history were imported, but for those refused.

    `sha256` (hexadecimal) is of these lines, each ended by a line feed. `events` is how many events they led to.
    """

    first_line: int
    last_line: int
    sha256: str
    events: int
    refused: tuple[RefusedLine, ...]


EVENTS: Mapping[str, type] = {"history.chunk-imported.v1": ChunkImported}
