"""A history as chunks of lines, read once from front to end in little memory, however long it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import BinaryIO

from infrastructure.system_events import ChunkImported, RefusedLine

CHUNK_LINES = 1_000
CHUNK_BYTES = 8_000_000
"""A chunk ends at the line that passes either bound."""

MAX_LINE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Lines that are imported together. `lines` are without line feeds; one that is too long is None.

    `sha256` is of the lines as they are, each ended by a line feed, the too long ones too. `bytes_done` is how far
    into the history the chunk ends.
    """

    first_line: int
    lines: Sequence[bytes | None]
    sha256: str
    bytes_done: int

    @property
    def last_line(self) -> int:
        return self.first_line + len(self.lines) - 1

    def imported(self, events: int, refused: Iterable[RefusedLine]) -> ChunkImported:
        """Return the record of the import of this chunk."""
        return ChunkImported(
            first_line=self.first_line,
            last_line=self.last_line,
            sha256=self.sha256,
            events=events,
            refused=tuple(sorted(refused, key=attrgetter("line"))),
        )


class Lines:
    """Reads a history in chunks."""

    def __init__(self, source: BinaryIO, *, chunk_lines: int = CHUNK_LINES, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._source = source
        self._chunk_lines = chunk_lines
        self._chunk_bytes = chunk_bytes
        self._ahead: bytes | None = None
        self._number = 0
        self._bytes = 0

    def first(self) -> bytes:
        """Return the first line, or as much of it as a line may have; nothing was read by that."""
        assert self._number == 0, "the history is read already"
        self._ahead = self._piece()
        return self._ahead

    def next(self, until_line: int | None = None) -> Chunk | None:
        """Return the next chunk, or None at the end; with `until_line`, it ends there whatever its size."""
        first_line, start, digest = self._number + 1, self._bytes, hashlib.sha256()
        lines: list[bytes | None] = []
        last_line = until_line or self._number + self._chunk_lines
        while self._number < last_line and (piece := self._piece()):
            lines.append(self._whole(piece, digest))
            self._number += 1
            if until_line is None and self._bytes - start >= self._chunk_bytes:
                break
        if not lines:
            return None
        return Chunk(first_line=first_line, lines=lines, sha256=digest.hexdigest(), bytes_done=self._bytes)

    def _whole(self, piece: bytes, digest: hashlib._Hash) -> bytes | None:
        """Return the line that begins with the piece; None if it is too long, and then only its digest is taken."""
        self._bytes += len(piece)
        line = piece.removesuffix(b"\n")
        digest.update(line + b"\n" if len(line) <= MAX_LINE_BYTES else line)
        if len(line) <= MAX_LINE_BYTES:
            return line
        while (piece := self._piece()) and not piece.endswith(b"\n"):
            self._bytes += len(piece)
            digest.update(piece)
        self._bytes += len(piece)
        digest.update(piece.removesuffix(b"\n") + b"\n")
        return None

    def _piece(self) -> bytes:
        """Read up to the next line feed, but no more than shows that a line is too long."""
        if self._ahead is not None:
            piece, self._ahead = self._ahead, None
            return piece
        return self._source.readline(MAX_LINE_BYTES + 1)
