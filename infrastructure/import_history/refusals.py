"""Why a line of a history is refused: codes that never change, and sentences that repeat nothing of the line."""

from __future__ import annotations

import msgspec

from infrastructure.import_history.lines import MAX_LINE_BYTES
from infrastructure.system_events import RefusedLine

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading a line as JSON may end in, whatever stands there."""


class LineRefusedError(Exception):
    """A line leads to nothing, for a reason that can be told in a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def at(self, line: int) -> RefusedLine:
        return RefusedLine(line=line, code=self.code, sentence=self.sentence)


def line_too_long() -> LineRefusedError:
    return LineRefusedError("line-too-long", f"A line has at most {MAX_LINE_BYTES} bytes.")


def instant_in_future() -> LineRefusedError:
    return LineRefusedError("instant-in-future", "A history tells what has been; this instant is yet to come.")


def instant_out_of_range() -> LineRefusedError:
    return LineRefusedError("malformed-line", "The year is not one that can be right.")
