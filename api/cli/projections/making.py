"""Rows made again by the command line itself: rebuilt, verified, as they were, or brought back."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

import psycopg

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, ending_as
from domain.kernel import MalformedValue
from domain.kernel.instants import read_instant
from domain.kernel.kinds import read_whole
from infrastructure.event_log.log_reader import LogReader
from infrastructure.projector.rebuild import awaited
from infrastructure.projector.rebuild.build import NOTHING_BEFORE, BuildRunningError, Result
from infrastructure.projector.rows.definitions import Definitions, UnknownProjectionError, platform
from projections.progress import BuildPurpose, BuildState
from projections.read_model import ReadModel


def rebuild(options: argparse.Namespace, output: Output) -> Exit | None:
    return make(BuildPurpose.REBUILD if options.as_of is None else BuildPurpose.AS_OF, options, output)


def make(purpose: BuildPurpose, options: argparse.Namespace, output: Output) -> Exit | None:
    """Make the rows of the chosen read models for a purpose, and wait for them."""
    if bool(options.names) == options.all:
        raise CommandError(Exit.WRONG_USAGE, "Name the read models, or say --all.")
    definitions = platform()
    read_models = chosen(definitions, options.names)
    what = purpose.value.replace("_", " ")
    with (
        database(settings_of()) as addresses,
        ending_as(Exit.BUSY, BuildRunningError, lambda error: f"{str(error).capitalize()}."),
    ):
        results = awaited.rebuild(
            addresses.projector,
            definitions,
            read_models,
            purpose=purpose,
            position=_position(addresses.projector, definitions, options.as_of) if purpose is BuildPurpose.AS_OF else 0,
            workers=options.workers,
            asked_by=getpass.getuser(),
            why=options.why,
            progress=partial(output.progress, f"{what}: events folded"),
        )
    output.result(
        [asdict(result) for result in results],
        "\n".join(f"{result.projection}: {result.outcome}" for result in results),
    )
    return _ended(results)


def _ended(results: Sequence[Result]) -> Exit | None:
    if unfinished := [result.outcome for result in results if result.state is not BuildState.DONE]:
        return Exit.NOT_FOUND if {*unfinished} == {NOTHING_BEFORE} else Exit.FAILED
    return Exit.DIFFERENT if any(result.equal is False for result in results) else None


def chosen(definitions: Definitions, names: Sequence[str]) -> Sequence[ReadModel]:
    """Return the read models of these names, all without any. Raises CommandError for a name that none has."""
    known = ", ".join(definitions.projections)
    unknown = f"There is no read model {{}}; there are {known}."
    with ending_as(Exit.NOT_FOUND, UnknownProjectionError, unknown.format):
        return definitions.chosen(names)


def _position(url: str, definitions: Definitions, as_of: str) -> int:
    """Return the position that a number or an instant of recording names."""
    reader, read = LogReader(definitions.codec), _place(as_of)
    with psycopg.connect(url, autocommit=True) as connection:
        head = reader.head(connection)
        position = reader.position_at(connection, read) if isinstance(read, datetime) else read
    if not 0 < position <= head:
        raise CommandError(Exit.NOT_FOUND, f"The log has no event there: its positions go from 1 to {head:,}.")
    return position


def _place(text: str) -> int | datetime:
    """Read a position or an instant."""
    sentence = "Say --as-of with a position or an instant with its time zone, such as 2026-03-01T00:00:00+01:00."
    with ending_as(Exit.WRONG_USAGE, MalformedValue, lambda _error: sentence):
        return read_whole(text) if text.isdecimal() else read_instant(text)
