"""`kroniek import`: take over a history, of commands or of events that were decided elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import orjson
from pydantic.alias_generators import to_camel

from api.cli.commands_in_lines import command_in
from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, ending_as
from api.cli.processes import unwind_on_term
from api.composition.command_reading import make_command_readers
from api.composition.log_and_rules import make_keyring, make_log, utc_now
from application.registry import RULES
from domain.kernel import MalformedValue
from domain.kernel.json_text import check_no_byte_order_mark
from infrastructure.database.addresses import Addresses
from infrastructure.import_history import import_commands, import_events
from infrastructure.import_history.line_refusals import UNREADABLE
from infrastructure.import_history.lines import Lines
from infrastructure.import_history.lock import ImportRunningError, only_import
from infrastructure.import_history.record import Import, import_id_of, is_import_id
from infrastructure.import_history.run import ImportReport, ImportStoppedError, OtherHistoryError, Watch
from infrastructure.settings import Settings
from infrastructure.system_events import ChunkImported

STANDARD_INPUT = "-"
STAYS = "What was imported so far stays; run the same command again to go on from there."


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="NDJSON, all events or all commands; - for standard input")
    parser.add_argument("--id", metavar="NAME", help="the name of the import; by default that of the file")
    parser.add_argument("--refusals", type=Path, metavar="FILE", help="where to write which lines were refused and why")


def run(options: argparse.Namespace, output: Output) -> Exit:
    import_id, settings = _import_id(options), settings_of()
    unwind_on_term()
    with _source(options.file) as source:
        lines = Lines(source)
        kind = _kind(lines)
        with (
            database(settings) as addresses,
            _ends_as_sentences(import_id),
            only_import(addresses.writer, import_id),
            _refusals(options.refusals) as refusals,
        ):
            watch = _watch(output, refusals, _size(source))
            report = asyncio.run(_import(import_id, kind, lines, settings, addresses, watch=watch))
    shown = {to_camel(name): value for name, value in asdict(report).items()} | {"kind": kind}
    output.result(shown, _text(report, kind, options.refusals))
    return Exit.REFUSED if report.refused else Exit.DONE


# --- What to import -------------------------------------------------------------------------------------------------


def _import_id(options: argparse.Namespace) -> str:
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
    with ending_as(Exit.NOT_FOUND, OSError, lambda error: f"{name} cannot be read: {error.strerror}."):
        return Path(name).open("rb")


def _size(source: BinaryIO) -> int | None:
    """Return how many bytes there are to read; None for a stream, whose end is not known."""
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _kind(lines: Lines) -> str:
    """Return what a history holds according to its first line: all its lines are of one kind."""
    with ending_as(Exit.WRONG_USAGE, MalformedValue):
        line = lines.first()
        check_no_byte_order_mark(line)
    try:
        first = msgspec.json.decode(line)
    except UNREADABLE:
        first = None
    for kind, field in (("events", "event"), ("commands", "command")):
        if isinstance(first, dict) and field in first:
            return kind
    raise CommandError(Exit.WRONG_USAGE, "The first line is neither an event nor a command as docs/import.md has them.")


# --- The import -----------------------------------------------------------------------------------------------------


@contextmanager
def _ends_as_sentences(import_id: str) -> Iterator[None]:
    running = f"An import with the name {import_id} is under way already."
    other = (
        f"Under the name {import_id} other lines {{0.first_line}} to {{0.last_line}} were imported before: the file "
        "was changed, or it is another one. Nothing more was imported. For another history, give another name with "
        "--id."
    )
    with (
        ending_as(Exit.BUSY, ImportRunningError, lambda _error: running),
        ending_as(Exit.CHANGED, OtherHistoryError, other.format),
        ending_as(Exit.NO_DATABASE, ImportStoppedError, lambda error: f"The import stopped: {error}. {STAYS}"),
    ):
        yield


async def _import(
    import_id: str, kind: str, lines: Lines, settings: Settings, addresses: Addresses, *, watch: Watch
) -> ImportReport:
    async with make_keyring(settings, addresses) as keys, make_log(settings, addresses, keys) as log:
        history = Import(log, import_id, utc_now)
        if kind == "events":
            return await import_events(history, lines, watch)
        understand = partial(command_in, make_command_readers(settings), history.stream)
        return await import_commands(history, lines, RULES, understand, watch)


# --- What is reported -----------------------------------------------------------------------------------------------


def _refusals(path: Path | None) -> AbstractContextManager[BinaryIO | None]:
    # Written again each time, from the first line on: what earlier runs refused is in the log.
    with ending_as(Exit.WRONG_USAGE, OSError, lambda error: f"{path} cannot be written: {error.strerror}."):
        return nullcontext() if path is None else path.open("wb")


def _watch(output: Output, refusals: BinaryIO | None, bytes_total: int | None) -> Watch:
    def watch(record: ChunkImported, report: ImportReport) -> None:
        if refusals is not None:
            for refused in record.refused:
                refusals.write(orjson.dumps(refused, option=orjson.OPT_APPEND_NEWLINE))
            refusals.flush()
        what = f"{report.lines:,} lines, {report.events:,} events, {report.refused:,} refused; bytes"
        output.progress(what, report.bytes_done, bytes_total)

    return watch


def _text(report: ImportReport, kind: str, refusals: Path | None) -> str:
    new = report.lines - report.skipped_lines
    text = f"{report.import_id}: {report.lines:,} lines of {kind} are imported and gave {report.events:,} events"
    text += f"; {new:,} lines in this run, in {report.seconds:.1f} s"
    if report.refused:
        where = f"see {refusals}" if refusals else "run again with --refusals FILE to see which and why"
        text += f"\n{report.refused:,} lines were refused: {where}"
    return text
