"""`kroniek projections`: list the read models, or rebuild one while everything stays up."""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from api.cli.output import CommandError, Exit, Output, table

if TYPE_CHECKING:
    from projections.effects import Projection
    from projections.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    # Without a default of its own, so that `--json` before the action is not undone after it.
    for name, about in (("list", "how far each read model is"), ("rebuild", "make one anew from the log")):
        action = actions.add_parser(name, help=about, argument_default=argparse.SUPPRESS)
        action.add_argument("--json", action="store_true", help="results and errors as JSON on standard output")
        if name == "rebuild":
            action.add_argument("name", metavar="NAME")


def run(options: argparse.Namespace, output: Output) -> None:
    if options.action == "list":
        _list(output)
    else:
        _rebuild(options.name, output)


def _list(output: Output) -> None:
    from api.cli.common import database, settings_of

    with database(settings_of()) as addresses:
        progress = asyncio.run(_progress(addresses.reader))
    headings = ("name", "version", "position", "lag events", "lag s", "applied at")
    rows = [
        (p.name, p.version, p.position, p.lag_events, f"{p.lag_s:.1f}", p.applied_at.isoformat(timespec="seconds"))
        for p in progress.projections
    ]
    text = f"log position {progress.head:,}\n{table(headings, rows)}"
    output.result({"position": progress.head, "projections": [asdict(p) for p in progress.projections]}, text)


async def _progress(url: str) -> Progress:
    from infrastructure.read_models import ReadModels
    from projections.registry import PROJECTIONS

    reads = ReadModels(url, PROJECTIONS)
    try:
        return await reads.progress()
    finally:
        await reads.close()


def _rebuild(name: str, output: Output) -> None:
    import psycopg

    from api.bootstrap import make_codec
    from api.cli.common import database, settings_of
    from infrastructure.projector import Projector, rebuild
    from infrastructure.projector.rebuild import RebuildRunningError

    projection = _named(name)
    started = time.monotonic()
    with (
        database(settings_of()) as addresses,
        psycopg.connect(addresses.projector, autocommit=True) as connection,
    ):
        codec = make_codec()
        Projector(connection, codec, [projection]).prepare()
        try:
            position = rebuild(
                connection, codec, projection, lambda done, head: output.progress(f"rebuilding {name}", done, head)
            )
        except RebuildRunningError as error:
            raise CommandError(Exit.BUSY, "Another rebuild is under way.") from error
    seconds = round(time.monotonic() - started, 1)
    output.result(
        {"projection": name, "position": position, "seconds": seconds},
        f"{name} rebuilt up to position {position:,} in {seconds} s",
    )


def _named(name: str) -> Projection:
    from projections.registry import PROJECTIONS

    for projection in PROJECTIONS:
        if projection.name == name:
            return projection
    known = ", ".join(projection.name for projection in PROJECTIONS)
    raise CommandError(Exit.NOT_FOUND, f"There is no read model {name}; there are {known}.")
