"""Rows made anew by the command line itself: rebuilt, verified, as they were, or brought back."""

from __future__ import annotations

import argparse
import getpass
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from api.cli.output import CommandError, Exit, Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.projector import Definitions, Result
    from projections.progress import BuildPurpose
    from projections.read_model import ReadModel


def rebuild(options: argparse.Namespace, output: Output) -> Exit | None:
    from projections.progress import BuildPurpose

    if options.as_of is None:
        return _make(options, output, BuildPurpose.REBUILD)
    return _make(options, output, BuildPurpose.AS_OF, as_of=options.as_of)


def verify(options: argparse.Namespace, output: Output) -> Exit | None:
    from projections.progress import BuildPurpose

    return _make(options, output, BuildPurpose.VERIFICATION)


def undo(options: argparse.Namespace, output: Output) -> Exit | None:
    from projections.progress import BuildPurpose

    options.names, options.all, options.workers = [options.name], False, None
    return _make(options, output, BuildPurpose.UNDO)


def _make(options: argparse.Namespace, output: Output, purpose: BuildPurpose, as_of: str | None = None) -> Exit | None:
    from api.cli.common import database, settings_of
    from infrastructure.projector import BusyError, platform
    from infrastructure.projector.rebuild.awaited import rebuild as make_anew

    definitions = platform()
    read_models = _chosen(definitions, options)
    what = purpose.value.replace("_", " ")
    with database(settings_of()) as addresses:
        try:
            results = make_anew(
                addresses.projector,
                definitions,
                read_models,
                purpose=purpose,
                position=0 if as_of is None else _position(addresses.projector, definitions, as_of),
                workers=options.workers,
                asked_by=getpass.getuser(),
                why=options.why,
                progress=lambda done, total: output.progress(f"{what}: events folded", done, total),
            )
        except BusyError as error:
            raise CommandError(Exit.BUSY, f"{str(error).capitalize()}.") from error
    output.result(
        [asdict(result) for result in results],
        "\n".join(f"{result.projection}: {result.outcome}" for result in results),
    )
    return _ended(results)


def _ended(results: Sequence[Result]) -> Exit | None:
    from projections.progress import BuildState

    if any(result.state is not BuildState.DONE for result in results):
        return Exit.FAILED
    return Exit.DIFFERENT if any(result.equal is False for result in results) else None


def _chosen(definitions: Definitions, options: argparse.Namespace) -> Sequence[ReadModel]:
    if bool(options.names) == options.all:
        raise CommandError(Exit.WRONG_USAGE, "Name the read models, or say --all.")
    return chosen(definitions, options.names)


def chosen(definitions: Definitions, names: Sequence[str]) -> Sequence[ReadModel]:
    """Return the read models of these names, all without any. Raises CommandError for a name that none has."""
    from infrastructure.projector import UnknownProjectionError

    try:
        return definitions.chosen(names)
    except UnknownProjectionError as error:
        known = ", ".join(definitions.projections)
        raise CommandError(Exit.NOT_FOUND, f"There is no read model {error}; there are {known}.") from error


def _position(url: str, definitions: Definitions, as_of: str) -> int:
    """Return the position that is meant by a number or by an instant of recording."""
    import psycopg

    from infrastructure.event_log import LogReader

    reader, read = LogReader(definitions.codec), _place(as_of)
    with psycopg.connect(url, autocommit=True) as connection:
        head = reader.head(connection)
        position = reader.position_at(connection, read) if isinstance(read, datetime) else read
    if not 0 < position <= head:
        raise CommandError(Exit.NOT_FOUND, f"The log has no event there: its positions go from 1 to {head:,}.")
    return position


def _place(text: str) -> int | datetime:
    """Return the position or the instant that is named; say in a sentence how they are written."""
    from domain.kernel import MalformedValue
    from domain.kernel.instants import read_instant
    from domain.kernel.kinds import read_whole

    try:
        return read_whole(text) if text.isdecimal() else read_instant(text)
    except MalformedValue as error:
        sentence = "Say --as-of with a position or an instant with its time zone, such as 2026-03-01T00:00:00+01:00."
        raise CommandError(Exit.WRONG_USAGE, sentence) from error
