"""`kroniek reactors`: how far what follows the log is, what waits and why, and acts of administrators."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from functools import partial
from typing import TypeVar
from uuid import uuid4

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.cli.common import database, settings_of
from api.cli.output import Actions, Exit, Output, add_actions, counted, ending_as, table
from api.composition.log_and_rules import make_log, make_rules, utc_now
from application.handler import CommandEnvelope, handle
from application.reactor_status import ReactorProgress, WaitingEvent
from domain.kernel import Context, NotFound, Refusal
from domain.kernel.kinds import MAX_INTEGER
from domain.reactors import (
    AddFollower,
    PauseReactor,
    ReactorCommand,
    RemoveFollower,
    ResumeReactor,
    RetryWaitingEvents,
    SkipWaitingEvent,
)
from infrastructure.database.addresses import Addresses, DatabaseRole
from infrastructure.reactors.library_followers import FollowerUnusableError, make_tables
from infrastructure.reactors.reaction_calls import PLATFORM
from infrastructure.reactors.status import reactors_progress, waiting_events
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from projections.registry import PROJECTIONS

WAIT_S = 10.0
POLL_INTERVAL_S = 0.1
MAX_LISTED = 1_000

HEADINGS = ("name", "leader", "position", "lag events", "lag s", "events/s", "waiting", "keys", "parked")
WAITING_HEADINGS = ("reactor", "position", "event", "key", "events", "tries", "error", "again at")
T = TypeVar("T")


def add_options(parser: argparse.ArgumentParser) -> None:
    for name, action in add_actions(parser, ACTIONS).items():
        if name == "list":
            continue
        if name == "waiting":
            action.add_argument("name", metavar="NAME", nargs="?", default="", help="the reactor; without, all")
            continue
        if name == "add":
            action.add_argument("follower", metavar="MODULE:CLASS", help="what serving processes can import")
            action.add_argument("--name", metavar="NAME", help="without, the name of the class, as in open-letters")
        else:
            action.add_argument("name", metavar="NAME", help="the reactor")
        action.add_argument("--why", required=True, help="the reason")
        if name in ("retry", "skip"):
            about = "the position of the event" + ("; the whole key is tried" if name == "retry" else "")
            action.add_argument("--position", type=counted(MAX_INTEGER), required=name == "skip", default=0, help=about)


# --- Seeing ---------------------------------------------------------------------------------------------------------


def _list(_options: argparse.Namespace, output: Output) -> None:
    with database(settings_of()) as addresses:
        found = asyncio.run(_read(addresses.reader, reactors_progress))
    lines = [table(HEADINGS, [_row(reactor) for reactor in found])]
    for reactor in found:
        if reactor.error:
            lines.append(f"{reactor.name} stands still: {reactor.error}")
        if pause := reactor.pause:
            lines.append(f"{reactor.name} was paused by {pause.by} at {pause.at:%Y-%m-%d %H:%M}: {pause.why}")
    output.result({"reactors": [asdict(reactor) for reactor in found]}, "\n".join(lines))


def _waiting(options: argparse.Namespace, output: Output) -> None:
    reading = partial(waiting_events, reactor=options.name, limit=MAX_LISTED)
    with database(settings_of()) as addresses:
        found = asyncio.run(_read(addresses.reader, reading))
    text = table(WAITING_HEADINGS, [_waiting_row(event) for event in found]) if found else "Nothing waits."
    output.result({"waiting": [asdict(event) for event in found]}, text)


async def _read(url: str, reading: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        return await reading(reads.engine)


def _row(reactor: ReactorProgress) -> Sequence[object]:
    return (
        reactor.name,
        reactor.leader or "-",
        reactor.position,
        reactor.lag_events,
        f"{reactor.lag_s:.1f}",
        f"{reactor.events_per_s:,.0f}",
        reactor.waiting_events,
        reactor.waiting_keys,
        reactor.parked_keys,
    )


def _waiting_row(event: WaitingEvent) -> Sequence[object]:
    again = "parked" if event.parked_at else f"{event.again_at:%Y-%m-%d %H:%M:%S}"
    name, key, error = event.name, event.key, event.error or "-"
    return (event.reactor, event.position, name, key, event.events, event.tries, error, again)


# --- Acts -----------------------------------------------------------------------------------------------------------


def _add(options: argparse.Namespace, output: Output) -> None:
    """Make the tables of a follower, and record that it runs from now on."""
    class_name = options.follower.rpartition(":")[2]
    options.name = options.name or re.sub(r"(?<!^)(?=[A-Z])", "-", class_name).lower()
    with database(settings_of()) as addresses, ending_as(Exit.WRONG_USAGE, FollowerUnusableError):
        make_tables(options.follower, addresses.owner, DatabaseRole.WRITER)
    _act(AddFollower, options, output)


def _act(command_class: type[ReactorCommand], options: argparse.Namespace, output: Output) -> None:
    """Record an act, and wait a while for the leader to carry it out."""
    settings, given = settings_of(), {"reactor": options.name, "why": options.why}
    if getattr(options, "position", 0):
        given["event_position"] = options.position
    if command_class is AddFollower:
        given["follower"] = options.follower
    command = command_class(at=utc_now(), by=PLATFORM, **given)
    with database(settings) as addresses:
        recorded_at = asyncio.run(_record(settings, addresses, command))
        done = recorded_at == 0 or _carried_out(
            addresses.reader, options.name, recorded_at, removed=command_class is RemoveFollower
        )
    text = "there was nothing to change"
    if recorded_at:
        text = f"recorded at position {recorded_at:,}, " + (
            "and carried out" if done else "and waits for a process that leads the reactor"
        )
    output.result({"reactor": options.name, "position": recorded_at, "carriedOut": done}, f"{options.name}: {text}")


async def _record(settings: Settings, addresses: Addresses, command: ReactorCommand) -> int:
    """Append the act; return its position, 0 if there is nothing to change."""
    context = Context(
        acting_id=getpass.getuser(),
        organisation_id=PLATFORM,
        activity=command.ACTIVITY,
        command_id=str(uuid4()),
        correlation_id=str(uuid4()),
        effective_at=command.at,
    )
    async with (
        make_log(settings, addresses, None) as log,  # nothing personal is in an act
        aclosing(ReadModels(addresses.reader, PROJECTIONS)) as reads,
    ):
        with ending_as(Exit.WRONG_USAGE, Refusal), ending_as(Exit.NOT_FOUND, NotFound):
            receipt = await handle(CommandEnvelope(command=command, context=context), log, make_rules(reads))
    return receipt.position if receipt.events else 0


def _carried_out(url: str, name: str, position: int, *, removed: bool) -> bool:
    """Return whether the leader carried the act out within `WAIT_S`. A follower that was removed is not there then."""
    query = "SELECT act_position >= %s FROM reactor.progress WHERE name = %s"
    deadline = time.monotonic() + WAIT_S
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(query, (position, name)).fetchone()
            if (row is None) if removed else (row and row[0]):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL_S)


ACTIONS: Actions = {
    "list": ("how far each reactor is, and who leads it", _list),
    "waiting": ("the events that failed, are slow or follow such a one, and why", _waiting),
    "pause": ("pause a reactor: nothing is reacted to until it is resumed", partial(_act, PauseReactor)),
    "resume": ("resume a paused reactor", partial(_act, ResumeReactor)),
    "retry": (
        "try waiting events at once, also parked ones: all, or one key",
        partial(_act, RetryWaitingEvents),
    ),
    "skip": ("do not react to a waiting event, and go on behind it", partial(_act, SkipWaitingEvent)),
    "add": ("run a follower that is written for the eventsourcing library", _add),
    "remove": ("stop running such a follower; its tables stay", partial(_act, RemoveFollower)),
}
