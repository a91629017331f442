"""`kroniek deadlines`: what falls due when, and what is late."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

from sqlalchemy.exc import ProgrammingError

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, add_actions, table
from api.composition.log_and_rules import utc_now
from infrastructure.read_models.reading import NOT_IN_USE, ReadModels
from projections.deadlines.pending import MAX_LISTED, due_before
from projections.registry import PROJECTIONS
from projections.row_security import ADMINISTRATOR, VIEWER, Viewer

HEADINGS = ("due", "kind", "stream", "part", "command", "organisation")


def add_options(parser: argparse.ArgumentParser) -> None:
    about = f"list pending deadlines, at most {MAX_LISTED:,}, those first that fall due first"
    listing = add_actions(parser, {"list": (about, _list)})["list"]
    listing.add_argument("--late", action="store_true", help="only those that are due and not carried out")


def _list(options: argparse.Namespace, output: Output) -> None:
    before = utc_now() if options.late else None
    with database(settings_of()) as addresses:
        deadlines = asyncio.run(_read(addresses.reader, before))
    nothing = "Nothing is late." if options.late else "Nothing falls due."
    text = table(HEADINGS, [tuple(deadline.values()) for deadline in deadlines]) if deadlines else nothing
    output.result({"deadlines": deadlines}, text)


async def _read(url: str, before: datetime | None) -> Sequence[Mapping[str, str]]:
    viewer = {VIEWER: Viewer(role=ADMINISTRATOR)}
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        try:
            async with reads.engine.connect() as connection:
                rows = (await connection.execute(due_before(before), execution_options=viewer)).all()
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") not in NOT_IN_USE:
                raise
            raise CommandError(Exit.BUSY, "The read models are not made yet: let a worker run first.") from error
    return [
        {
            "dueAt": f"{row.due_at:%Y-%m-%d %H:%M:%S}",
            "kind": row.kind,
            "stream": row.stream,
            "part": row.part,
            "command": row.command,
            "organisationId": row.organisation_id,
        }
        for row in rows
    ]
