"""For every projection, on random histories: live in any batches = one batch = rebuilt = in memory, row by row.

A random history is the sample history on a small scale, with acts of administrators in between, whose orders were
dropped, doubled and moved about: what the rules still accept of it is a history that nobody planned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.registry import BY_COMMAND, READERS
from domain import operation
from domain.access.access import AccessOutcome, Category, RecordAccess, SubjectAccess
from domain.access.suppression import LiftSuppression, SuppressAccesses
from domain.contexts import DECIDERS
from domain.erasure.model import (
    ErasureGround,
    HoldGround,
    LiftLegalHold,
    OrderErasure,
    PlaceRetentionHold,
    RecordKeysDestroyed,
    RecordKeysShredded,
)
from domain.identity.person import RegisterPersonFromNationalRegister
from domain.kernel import Command, Context, PurposeGroup
from domain.organisations.organisation.model import DeclareSoleTrader, RegisterOrganisation
from domain.organisations.values import OrganisationType
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.definitions import platform
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from projections.read_model import SCHEMA, ReadModel
from projections.registry import PROJECTIONS
from sample.history import commands
from tests.infrastructure.emptying import empty_log
from tests.lengths import runs_longer, sized
from tests.memory_keys import MemoryKeys
from tests.memory_rows import MemoryRows

CODEC = Codec(DECIDERS)
DEFINITIONS = platform()
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
SCALE = Fraction(1, 1000)
CHUNK = 500
ACTS = 40
Connection = psycopg.Connection[Any]
Rows = Mapping[tuple[Any, ...], Mapping[str, Any]]


def random_history(random: Random) -> list[CommandEnvelope]:
    planned = list(commands(random.randrange(1000), SCALE))
    for make in (act, forgetting, looking):
        for _ in range(ACTS):
            place = random.randrange(len(planned))
            planned.insert(place, make(random, planned[place].context.effective_at))
    for _ in range(ACTS):
        place = random.randrange(len(planned))
        planned.insert(place, suppressing(random, planned, planned[place].context.effective_at))
    disorder = random.choice((0, 0.01, 0.1))
    history: list[CommandEnvelope] = []
    for order in planned:
        luck = random.random()
        if luck < disorder / 3:
            continue
        history.append(order)
        if luck < disorder * 2 / 3:
            history.append(order)
        elif luck < disorder and len(history) > 1:
            other = random.randrange(max(0, len(history) - 1000), len(history))
            history[-1], history[other] = history[other], history[-1]
    history.append(declaring(random, planned, history[-1].context.effective_at))
    return history


def act(random: Random, at: datetime) -> CommandEnvelope:
    """Make an order of an administrator for a read model: the sample history tells of the platform's users only.

    It is about read models of releases long gone, so that nothing is done to those compared here.
    """
    command: Any = random.choice(list(operation.OPERATION.rules))
    about: dict[str, Any] = (
        {"parked": True} if command in (operation.RetryParkedEvents, operation.SkipParkedEvent) else {}
    )
    if command is operation.SkipParkedEvent:
        about["event_position"] = random.randrange(1, 5)
    projection = random.choice(("letter_counts", "old_figures"))
    return CommandEnvelope(
        command=command(at=at, by="platform", projection=projection, why="a rule was corrected", **about),
        context=Context(acting_id="official-7", organisation_id="platform", effective_at=at),
    )


def forgetting(random: Random, at: datetime) -> CommandEnvelope:
    """Make an order about one of a few people: that something of theirs is held, or erased, or was."""
    frame: dict[str, Any] = {"at": at, "by": "platform", "person_id": random.choice(("forgotten-1", "forgotten-2"))}
    groups = tuple(random.sample(list(PurposeGroup), random.randrange(1, 4)))
    until = at.date() + timedelta(days=random.randrange(400))
    held: dict[str, Any] = {"hold_id": "hold-1", "group": groups[0], "ground": HoldGround.ARCHIVING}
    command: Command = random.choice(
        (
            PlaceRetentionHold(**frame, **held, until=until),
            LiftLegalHold(**frame, hold_id="hold-1"),
            OrderErasure(**frame, ground=ErasureGround.OBJECTION, groups=groups),
            RecordKeysDestroyed(**frame, groups=groups),
            RecordKeysShredded(**frame, groups=groups),
        )
    )
    return CommandEnvelope(
        command=command,
        context=Context(acting_id="official-7", organisation_id="platform", effective_at=at),
    )


def looking(random: Random, at: datetime) -> CommandEnvelope:
    """Make a look at nobody, somebody or many; some were recorded before."""
    names = sorted(random.sample(range(200), random.choice((0, 1, 150))))
    categories = tuple(it for it in Category if random.random() < 0.5)
    command = RecordAccess(
        at=at,
        by="platform",
        access_id=f"look-{random.randrange(30)}",
        supplier_id=random.choice(("", "software-house")),
        automated=random.random() < 0.5,
        outcome=random.choice(list(AccessOutcome)),
        looks=tuple(SubjectAccess(subject_id=f"person-{name}", categories=categories) for name in names),
    )
    context = Context(acting_id="official-7", organisation_id="platform", activity="test", effective_at=at)
    return CommandEnvelope(command=command, context=context)


def suppressing(random: Random, planned: Sequence[CommandEnvelope], at: datetime) -> CommandEnvelope:
    """Keep the looks of one of the first organisations from one of the first persons, or lift that."""
    registered: list[Any] = [order.command for order in planned]
    people = [it.person_id for it in registered if isinstance(it, RegisterPersonFromNationalRegister)]
    organisations = [it.organisation_id for it in registered if isinstance(it, RegisterOrganisation)]
    frame: dict[str, Any] = {"at": at, "by": "oversight", "ground": "decision 12"}
    suppression_id = f"suppression-{random.randrange(20)}"
    command: Command = LiftSuppression(**frame, suppression_id=suppression_id)
    if random.random() < 0.7:
        command = SuppressAccesses(
            **frame,
            suppression_id=suppression_id,
            person_id=random.choice(people[:5]),
            organisation_id=random.choice(organisations[:5]),
            since=at - timedelta(days=random.randrange(100)),
            until=at + timedelta(days=random.randrange(1, 300)),
        )
    return CommandEnvelope(command=command, context=Context(acting_id="official-9", effective_at=at))


def declaring(random: Random, planned: Sequence[CommandEnvelope], at: datetime) -> CommandEnvelope:
    """Declare that one of the private organisations is a sole trader."""
    registered = [it.command for it in planned if isinstance(it.command, RegisterOrganisation)]
    private = [it.organisation_id for it in registered if it.organisation_type is OrganisationType.PRIVATE_ORGANISATION]
    command = DeclareSoleTrader(
        at=at, by="official-9", organisation_id=random.choice(private), trader_name="An Peeters"
    )
    return CommandEnvelope(command=command, context=Context(acting_id="official-9", effective_at=at))


async def send(url: str, history: Sequence[CommandEnvelope]) -> None:
    async with PostgresLog(url, CODEC, b"key", keys=MemoryKeys()) as log:
        for start in range(0, len(history), CHUNK):
            await handle_many(history[start : start + CHUNK], log, RULES)


def rows(connection: Connection, projection: ReadModel) -> Rows:
    """Read the whole table: the columns of the key, and by name the others."""
    columns = [column.name for column in projection.table.columns]
    keys = sum(column.primary_key for column in projection.table.columns)
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(SCHEMA, projection.table.name)
    )
    return {
        row[:keys]: dict(zip(columns[keys:], map(_cell, row[keys:]), strict=True)) for row in connection.execute(query)
    }


def _cell(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def in_memory(connection: Connection) -> dict[str, Rows]:
    models = {projection.name: MemoryRows(projection) for projection in PROJECTIONS}
    reader = LogReader(CODEC)
    for recorded in reader.read(connection, after=0, until=reader.head(connection)):
        for model in models.values():
            model.apply(recorded)
    return {name: model.rows for name, model in models.items()}


def differing(connection: Connection, expected: Mapping[str, Rows]) -> dict[str, list[Any]]:
    """Return for each read model whose table holds other rows than expected some of those that differ."""
    found: dict[str, list[Any]] = {}
    for projection in PROJECTIONS:
        there, wanted = rows(connection, projection), expected[projection.name]
        keys = [key for key in {*there, *wanted} if there.get(key) != wanted.get(key)]
        if keys:
            found[projection.name] = [(key, there.get(key), wanted.get(key)) for key in keys[:3]]
    return found


def forget(connection: Connection) -> None:
    """Drop the rows and checkpoints, as if no projection had ever run."""
    for projection in PROJECTIONS:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, projection.table.name)))
    connection.execute("TRUNCATE read.checkpoint")


@runs_longer
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=sized(3, long=30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_live_batch_rebuilt_and_in_memory_rows_are_equal(database_url: str, seed: int) -> None:
    random = Random(seed)
    history = random_history(random)
    with psycopg.connect(database_url, autocommit=True) as connection:
        empty_log(connection)
        limits = ProjectorLimits(batch_events=random.choice((97, 1_000, 4_001)))
        projector = Projector(connection, replace(DEFINITIONS, limits=limits))
        projector.prepare()
        middle = random.randrange(len(history))
        for part in (history[:middle], history[middle:]):
            asyncio.run(send(database_url, part))
            projector.catch_up()
        expected = in_memory(connection)
        assert differing(connection, expected) == {}

        results = rebuild(database_url, DEFINITIONS, PROJECTIONS)
        assert [(result.projection, result.outcome) for result in results if not result.equal] == []
        assert differing(connection, expected) == {}

        forget(connection)
        projector = Projector(connection, replace(DEFINITIONS, limits=ProjectorLimits(batch_events=10**9)))
        projector.prepare()
        projector.catch_up()
        assert differing(connection, expected) == {}
        forget(connection)


def test_the_random_histories_fill_every_read_model(database_url: str) -> None:
    asyncio.run(send(database_url, random_history(Random(0))))
    with psycopg.connect(database_url, autocommit=True) as connection:
        filled = {name for name, found in in_memory(connection).items() if found}
    assert filled == {projection.name for projection in PROJECTIONS}
