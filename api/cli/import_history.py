"""`kroniek import`: take over a history, of commands or of events that were decided elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from api.cli.output import CommandError, Exit, Output

if TYPE_CHECKING:
    from infrastructure.database import Addresses
    from infrastructure.import_history import ImportReport, Lines, Watch
    from infrastructure.settings import Settings
    from infrastructure.system_events import ChunkImported

STANDARD_INPUT = "-"
KEPT = "What was imported so far stays; run the same command again to go on from there."


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="NDJSON, all events or all commands; - for standard input")
    parser.add_argument("--id", metavar="NAME", help="the name of the import; by default that of the file")
    parser.add_argument("--refusals", type=Path, metavar="FILE", help="where to write which lines were refused and why")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What to import: lines that are all of one kind, under a name."""

    import_id: str
    kind: str
    lines: Lines
    bytes_total: int | None
    refusals: Path | None


def run(options: argparse.Namespace, output: Output) -> Exit:
    from api.cli.common import database, settings_of
    from api.cli.processes import unwind_on_term
    from infrastructure.import_history import Lines

    import_id = _import_id(options)
    settings = settings_of()
    unwind_on_term()
    with _source(options.file) as source:
        lines = Lines(source)
        task = _Task(
            import_id=import_id,
            kind=_kind(lines),
            lines=lines,
            bytes_total=_size(source),
            refusals=options.refusals,
        )
        with database(settings) as addresses:
            report = _run(task, settings, addresses, output)
    output.result(_result(report, task), _text(report, task))
    return Exit.REFUSED if report.refused else Exit.DONE


# --- What to import -------------------------------------------------------------------------------------------------


def _import_id(options: argparse.Namespace) -> str:
    from infrastructure.import_history import import_id_of, is_import_id

    if options.id is None and options.file == STANDARD_INPUT:
        sentence = "Give what comes over standard input a name with --id, so that the import can be taken up again."
        raise CommandError(Exit.WRONG_USAGE, sentence)
    import_id = import_id_of(Path(options.file).name) if options.id is None else str(options.id)
    if not is_import_id(import_id):
        sentence = "Give the import a name with --id: letters, digits, hyphens and underscores, 80 at most."
        raise CommandError(Exit.WRONG_USAGE, sentence)
    return import_id


def _source(name: str) -> BinaryIO:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CommandError(Exit.NOT_FOUND, f"{name} cannot be read: {error.strerror}.") from error


def _size(source: BinaryIO) -> int | None:
    """Return how many bytes there are to read; None for what has no end yet."""
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _kind(lines: Lines) -> str:
    """Tell by the first line what a history holds: all its lines are of one kind."""
    import msgspec

    from domain.kernel import MalformedValue
    from domain.kernel.json_text import check_no_byte_order_mark
    from infrastructure.import_history.line_refusals import UNREADABLE

    try:
        line = lines.first()
        check_no_byte_order_mark(line)
        first = msgspec.json.decode(line)
    except MalformedValue as error:
        raise CommandError(Exit.WRONG_USAGE, str(error)) from error
    except UNREADABLE:
        first = None
    for kind, field in (("events", "event"), ("commands", "command")):
        if isinstance(first, dict) and field in first:
            return kind
    raise CommandError(Exit.WRONG_USAGE, "The first line is neither an event nor a command as docs/import.md has them.")


# --- The import -----------------------------------------------------------------------------------------------------


def _run(task: _Task, settings: Settings, addresses: Addresses, output: Output) -> ImportReport:
    """Import; say in a sentence why that cannot be done."""
    from infrastructure.import_history import ImportStoppedError, OtherHistoryError
    from infrastructure.import_history.lock import ImportRunningError, only_import

    try:
        with only_import(addresses.writer, task.import_id), _refusals(task.refusals) as refusals:
            return asyncio.run(_import(task, settings, addresses, _watch(output, refusals, task.bytes_total)))
    except ImportRunningError as error:
        raise CommandError(Exit.BUSY, f"An import with the name {task.import_id} is under way already.") from error
    except OtherHistoryError as error:
        sentence = (
            f"Under the name {task.import_id} other lines {error.first_line} to {error.last_line} were imported "
            "before: the file was changed, or it is another one. Nothing more was imported. For another history, "
            "give another name with --id."
        )
        raise CommandError(Exit.CHANGED, sentence) from error
    except ImportStoppedError as error:
        raise CommandError(Exit.NO_DATABASE, f"The import stopped: {error}. {KEPT}") from error


async def _import(task: _Task, settings: Settings, addresses: Addresses, watch: Watch) -> ImportReport:
    from api.cli.commands_in_lines import CommandsInLines
    from api.composition.bootstrap import make_command_readers, make_keyring, make_log, utc_now
    from application.registry import RULES
    from infrastructure.import_history import Import, import_commands, import_events

    async with make_keyring(settings, addresses) as keys, make_log(settings, addresses, keys) as log:
        history = Import(log, task.import_id, utc_now)
        if task.kind == "events":
            return await import_events(history, task.lines, watch)
        understand = CommandsInLines(make_command_readers(settings), history.stream)
        return await import_commands(history, task.lines, RULES, understand, watch)


# --- What to tell ---------------------------------------------------------------------------------------------------


def _refusals(path: Path | None) -> AbstractContextManager[BinaryIO | None]:
    # Written anew each time, from the first line on: what earlier runs refused is in the log.
    try:
        return nullcontext() if path is None else path.open("wb")
    except OSError as error:
        raise CommandError(Exit.WRONG_USAGE, f"{path} cannot be written: {error.strerror}.") from error


def _watch(output: Output, refusals: BinaryIO | None, bytes_total: int | None) -> Watch:
    import orjson

    def watch(record: ChunkImported, report: ImportReport) -> None:
        if refusals is not None:
            for refused in record.refused:
                refusals.write(orjson.dumps(refused, option=orjson.OPT_APPEND_NEWLINE))
            refusals.flush()
        what = f"{report.lines:,} lines, {report.events:,} events, {report.refused:,} refused; bytes"
        output.progress(what, report.bytes_done, bytes_total)

    return watch


def _result(report: ImportReport, task: _Task) -> dict[str, object]:
    return {
        "importId": report.import_id,
        "kind": task.kind,
        "lines": report.lines,
        "skippedLines": report.skipped_lines,
        "events": report.events,
        "refused": report.refused,
        "seconds": round(report.seconds, 3),
    }


def _text(report: ImportReport, task: _Task) -> str:
    new = report.lines - report.skipped_lines
    text = f"{report.import_id}: {report.lines:,} lines of {task.kind} are imported and gave {report.events:,} events"
    text += f"; {new:,} lines in this run, in {report.seconds:.1f} s"
    if report.refused:
        where = f"see {task.refusals}" if task.refusals else "run again with --refusals FILE to see which and why"
        text += f"\n{report.refused:,} lines were refused: {where}"
    return text
