"""Acts of administrators from the command line: events in the log, which the worker carries out."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from uuid import uuid4

import orjson
import psycopg

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output, ending_as, table
from api.composition.command_reading import make_command_readers
from api.composition.log_and_rules import make_log, make_rules, utc_now
from api.rest.command_reader import RawCommand
from api.web.errors import Problem
from api.web.request_context import RequestContext
from application.handler import CommandEnvelope, handle
from application.ports import Caller, Role
from domain.kernel import NotFound, Refusal
from infrastructure.database.addresses import Addresses
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from projections.progress import ParkedEvent
from projections.registry import PROJECTIONS

WAIT_S = 10.0
POLL_INTERVAL_S = 0.1
ORGANISATION = "platform"
"""The organisation of an administrator with access to the database itself."""

MAX_LISTED = 1_000


def list_parked(options: argparse.Namespace, output: Output) -> None:
    with database(settings_of()) as addresses:
        found = asyncio.run(_parked(addresses.reader, options.name))
    rows = [
        (event.projection, event.position, event.stream, event.stream_version, event.name, event.error or "follows")
        for event in found
    ]
    text = table(("projection", "position", "stream", "version", "event", "error"), rows) if rows else ""
    output.result([asdict(event) for event in found], text)


async def _parked(url: str, name: str) -> Sequence[ParkedEvent]:
    known = [projection.name for projection in PROJECTIONS]
    if name and name not in known:
        raise CommandError(Exit.NOT_FOUND, "There is no projection of this name.")
    names = [name] if name else known
    async with aclosing(ReadModels(url, PROJECTIONS)) as reads:
        return [event for projection in names for event in await reads.parked(projection, limit=MAX_LISTED)]


def act(intent: str, options: argparse.Namespace, output: Output) -> None:
    """Record an act, and wait a while for the worker to carry it out."""
    settings = settings_of()
    body: dict[str, object] = {"why": options.why}
    if position := getattr(options, "position", 0):
        body["eventPosition"] = position
    with database(settings) as addresses:
        envelope = _envelope(settings, intent, options.name, body)
        recorded_at = asyncio.run(_record(settings, addresses, envelope))
        done = recorded_at == 0 or _carried_out(addresses.reader, options.name, recorded_at)
    if recorded_at == 0:
        text = "there was nothing to change"
    else:
        text = f"recorded at position {recorded_at:,}, " + (
            "and carried out" if done else "and waits for a worker, which carries it out"
        )
    output.result({"projection": options.name, "position": recorded_at, "carriedOut": done}, f"{options.name}: {text}")


def _envelope(settings: Settings, intent: str, name: str, body: dict[str, object]) -> CommandEnvelope:
    caller = Caller(subject=getpass.getuser(), role=Role.ADMINISTRATOR, organisation_id=ORGANISATION)
    raw = RawCommand(ids={"projection": name}, body=orjson.dumps(body), key=str(uuid4()), if_match=None)
    context = RequestContext(caller=caller, now=utc_now(), correlation_id=str(uuid4()))
    try:
        return make_command_readers(settings)[intent].read(raw, context)
    except Problem as problem:
        missing = problem.code == "no-such-projection"
        raise CommandError(Exit.NOT_FOUND if missing else Exit.WRONG_USAGE, problem.detail) from problem


async def _record(settings: Settings, addresses: Addresses, envelope: CommandEnvelope) -> int:
    """Append the act; return its position, 0 if there is nothing to change."""
    async with (
        make_log(settings, addresses, None) as log,  # nothing personal is in an act
        aclosing(ReadModels(addresses.reader, PROJECTIONS)) as reads,
    ):
        with ending_as(Exit.WRONG_USAGE, Refusal), ending_as(Exit.NOT_FOUND, NotFound):
            receipt = await handle(envelope, log, make_rules(reads))
    return receipt.position if receipt.events else 0


def _carried_out(url: str, name: str, position: int) -> bool:
    query = "SELECT count(*) FROM read.checkpoint WHERE projection = %s AND act_position >= %s"
    deadline = time.monotonic() + WAIT_S
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(query, (name, position)).fetchone()
            if row and row[0]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL_S)
