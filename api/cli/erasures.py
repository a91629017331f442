"""`kroniek erasures`: who is being erased and how far; and erasing again after a backup of the keys came back."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial

from sqlalchemy import Row
from sqlalchemy.exc import ProgrammingError

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, add_actions, table
from api.composition.log_and_rules import make_codec, make_keyring, utc_now
from application.reactor_status import WaitingEvent
from domain.erasure.model import ErasureStatus
from infrastructure.database.addresses import Addresses
from infrastructure.reactors.erasing import ERASER, reapply_erasures
from infrastructure.reactors.status import waiting_events
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from projections.erasures import asked_for, least_of, statuses_of
from projections.registry import PROJECTIONS
from projections.row_security import ADMINISTRATOR, VIEWER, Viewer

HEADINGS = ("person", "status", "purposes", "held", "requested", "age")
UNDEFINED_TABLE = "42P01"


def add_options(parser: argparse.ArgumentParser) -> None:
    again = "destroy again what the log says was destroyed: after a backup of the keys was brought back"
    actions = {
        "list": ("list the erasures that are not carried out to the end, and why", _list),
        "repeat": (again, _repeat),
    }
    listing = add_actions(parser, actions)["list"]
    listing.add_argument("--all", action="store_true", help="also those that are")


# --- Listing --------------------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace, output: Output) -> None:
    with database(settings_of()) as addresses:
        erasures, waiting = asyncio.run(_read(addresses.reader, everything=options.all))
    text = table(HEADINGS, [tuple(erasure.values()) for erasure in erasures]) if erasures else "Nobody is being erased."
    for event in waiting:
        if event.error:
            again = "parked" if event.parked_at else f"again at {event.again_at:%Y-%m-%d %H:%M:%S}"
            text += f"\nposition {event.position:,} ({event.name}) failed {event.tries} times: {event.error}; {again}"
    failed = [
        {"position": event.position, "name": event.name, "tries": event.tries, "error": event.error}
        for event in waiting
    ]
    output.result({"erasures": erasures, "waiting": failed}, text)


async def _read(url: str, *, everything: bool) -> tuple[Sequence[Mapping[str, str]], Sequence[WaitingEvent]]:
    viewer = {VIEWER: Viewer(role=ADMINISTRATOR)}
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        try:
            async with reads.engine.connect() as connection:
                rows = (await connection.execute(asked_for(open_only=not everything), execution_options=viewer)).all()
            return [_shown(row) for row in rows], await waiting_events(reads.engine, ERASER)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") != UNDEFINED_TABLE:
                raise
            raise CommandError(Exit.BUSY, "The read models are not made yet: let a worker run first.") from error


def _shown(row: Row[*tuple[object, ...]]) -> Mapping[str, str]:
    statuses = statuses_of(row)
    return {
        "personId": row.person_id,
        "status": least_of(statuses.values()).value,
        "purposes": ", ".join(group.value for group, status in statuses.items() if status is not ErasureStatus.KEPT),
        "held": ", ".join(row.held_groups),
        "requestedAt": f"{row.requested_at:%Y-%m-%d %H:%M}",
        "age": _age(row.requested_at),
    }


def _age(since: datetime) -> str:
    seconds = max(0, int((utc_now() - since).total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min"


# --- Erasing again --------------------------------------------------------------------------------------------------


def _repeat(_options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    with database(settings) as addresses:
        erasures = asyncio.run(_erase_again(settings, addresses, output))
    output.result({"erasures": erasures}, f"{erasures:,} erasures of the log are carried out again.")


async def _erase_again(settings: Settings, addresses: Addresses, output: Output) -> int:
    async with make_keyring(settings, addresses) as keys:
        return await reapply_erasures(keys, addresses.writer, make_codec(), partial(output.progress, "events read"))
