"""Output of the command line: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TypeAlias, TypeVar

AS_JSON = "results and errors as JSON on standard output"
NOTHING = "none"
PROGRESS_EVERY_S = 0.2
PROGRESS_LINE_EVERY_S = 5.0
E = TypeVar("E", bound=Exception)


class Exit(IntEnum):
    """Stable exit codes. 2 is argparse's own for wrong usage."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    WRONG_SETTINGS = 3
    NO_DATABASE = 4
    NOT_FOUND = 5
    BUSY = 6
    REFUSED = 7
    CHANGED = 8
    DIFFERENT = 9
    INTERRUPTED = 130


class CommandError(Exception):
    """The command failed; the sentence says why."""

    def __init__(self, exit_code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@contextmanager
def ending_as(
    exit_code: Exit, errors: type[E] | tuple[type[E], ...], sentence: Callable[[E], object] = str
) -> Iterator[None]:
    """Raise some errors as the end of the command, with a sentence made of the error."""
    try:
        yield
    except errors as error:
        raise CommandError(exit_code, str(sentence(error))) from error


class Output:
    """Writes for people or, with `--json`, for programs. Progress is only for people."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._drawn_at = 0.0
        self._on_line = False

    def result(self, value: Mapping[str, object] | Sequence[Mapping[str, object]], text: str) -> None:
        """Write what the command found: as JSON, or as a text, which is never empty."""
        self._end_line()
        sys.stdout.write((json.dumps(value, default=str) if self._as_json else text or NOTHING) + "\n")
        sys.stdout.flush()

    def error(self, error: CommandError) -> None:
        if self._as_json:
            self.result({"error": str(error), "exitCode": error.exit_code.value}, "")
        else:
            self._end_line()
            sys.stderr.write(f"kroniek: {error}\n")

    def say(self, text: str) -> None:
        """Write what happens next, for people."""
        if not self._as_json:
            self._end_line()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Redraw one line on a terminal; write a line now and then elsewhere. Without a total there is no share."""
        terminal = sys.stderr.isatty()
        now = time.monotonic()
        if self._as_json or (
            now - self._drawn_at < (PROGRESS_EVERY_S if terminal else PROGRESS_LINE_EVERY_S)
            and (total is None or done < total)
        ):
            return
        self._drawn_at = now
        if total is None:
            line = f"  {what}: {done:,}"
        else:
            share = f"{100 * done // total if total else 100:3d} %"
            line = f"  {what}: {share}  {done:,} of {total:,}"
        sys.stderr.write(f"\r{line}\x1b[K" if terminal else line + "\n")
        sys.stderr.flush()
        self._on_line = terminal

    def _end_line(self) -> None:
        if self._on_line:
            sys.stderr.write("\n")
            self._on_line = False


Run: TypeAlias = Callable[[argparse.Namespace, Output], Exit | None]
"""Carries out a command, or one of its actions."""

Actions: TypeAlias = Mapping[str, tuple[str, Run | None]]
"""The actions of a command by name: a sentence about each, and what carries it out, unless it has actions itself."""


def add_actions(
    parser: argparse.ArgumentParser, actions: Actions, metavar: str = "ACTION"
) -> Mapping[str, argparse.ArgumentParser]:
    """Add the actions of a command; return their parsers by name. `--json` may stand before an action or after it."""
    subparsers = parser.add_subparsers(dest="action", required=True, metavar=metavar)
    parsers = {name: subparsers.add_parser(name, help=about, description=about) for name, (about, _) in actions.items()}
    for name, action in parsers.items():
        # Without a default of its own, so that `--json` before the action is not undone after it.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=AS_JSON)
        action.set_defaults(run=actions[name][1])
    return parsers


def counted(most: int) -> Callable[[str], int]:
    """Return the type of an argument that is a number from 1 to `most`, written in digits."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else 0
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"a number from 1 to {most} is needed")
        return number

    return read


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows in columns: numbers to the right, everything else to the left."""
    cells = [list(headings), *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    numeric = [bool(rows) and isinstance(rows[0][column], int) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    )
