"""Damaged and skipped events lead to the same rows and the same parked events, however the log is folded.

The bytes of some events are changed behind the log's back: what cannot be decoded, a character, a number and an instant
that no column can hold. The oracle calls each rule by itself and checks each effect.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import psycopg
import pytest

from infrastructure.event_log.log_reader import NAME, PAYLOAD, POSITION, STREAM, LogReader
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.projector_limits import ProjectorLimits
from infrastructure.projector.rows.row_views import views
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel
from projections.registry import PROJECTIONS
from tests.infrastructure.test_conformance import (
    CODEC,
    DEFINITIONS,
    Rows,
    differing,
    forget,
    random_history,
    send,
)
from tests.memory_rows import MemoryRows

DAMAGED = 40
SKIPPED = 15
Connection = psycopg.Connection[Any]
Parked = list[tuple[str, int]]


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_and_skipped_events_lead_to_the_same_rows_and_parked_events(database_url: str, seed: int) -> None:
    random = Random(seed)
    asyncio.run(send(database_url, random_history(random)))
    with psycopg.connect(database_url, autocommit=True) as connection:
        damage(connection, random)
        expected, parked = by_the_plain_rules(connection)
        assert len({name for name, _ in parked}) > 5
        for batch in (97, 10**9):
            projector = Projector(connection, replace(DEFINITIONS, limits=ProjectorLimits(batch_events=batch)))
            projector.prepare()
            projector.catch_up()
            assert differing(connection, expected) == {}
            assert parked_in(connection) == parked
            if batch == 97:
                forget(connection)
                connection.execute("TRUNCATE read.parked")
        results = rebuild(database_url, DEFINITIONS, PROJECTIONS)
        assert [(result.projection, result.outcome) for result in results if not result.equal] == []
        assert differing(connection, expected) == {}
        assert parked_in(connection) == parked


def damage(connection: Connection, random: Random) -> None:
    """Change the bytes of some events, and skip others for one read model each; some of them are both."""
    for table in ("log.event", "log.event_1"):
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    reader = LogReader(CODEC)
    head = reader.head(connection)
    positions = random.sample(range(1, head + 1), DAMAGED)
    for row in reader.rows_at(connection, sorted(positions)):
        payload = _damaged(random, row[PAYLOAD])
        connection.execute("UPDATE log.event SET payload = %s WHERE position = %s", (payload, row[POSITION]))
    for position in (*random.sample(positions, SKIPPED), *random.sample(range(1, head + 1), SKIPPED)):
        name = random.choice([it.name for it in PROJECTIONS if not it.tallied])
        connection.execute("INSERT INTO read.skipped VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", (name, position))


def _damaged(random: Random, payload: bytes) -> bytes:
    changed = random.choice(
        (
            b"\xff" + payload,
            payload.replace(b'":"', b'":"\\u0000', 1),
            b'":"\\u0000'.join(payload.rsplit(b'":"', 1)),
            re.sub(rb'":(\d+)', b'":1180591620717411303424', payload),
            payload.replace(b'Z"', b'"'),
        )
    )
    return changed if changed != payload else b"[]"


def by_the_plain_rules(connection: Connection) -> tuple[Mapping[str, Rows], Parked]:
    """Return the rows of all read models, and by table the positions of what is parked."""
    skipped = set(connection.execute("SELECT projection, position FROM read.skipped").fetchall())
    reader = LogReader(CODEC)
    log = list(reader.rows(connection, after=0, until=reader.head(connection)))
    rows: dict[str, Rows] = {}
    parked: Parked = []
    for read_model in PROJECTIONS:
        rows[read_model.name], positions = _folded(
            read_model, log, {at for name, at in skipped if name == read_model.name}
        )
        parked += [(read_model.table.name, position) for position in positions]
    return rows, sorted(parked)


def _folded(read_model: ReadModel, log: list[Any], skipped: set[int]) -> tuple[Rows, list[int]]:
    memory, check, recorded = MemoryRows(read_model), ReadTable(read_model.table).check, views()
    rules = {CODEC.names[event]: (event, rule) for event, rule in read_model.rules.items()}
    parked: list[int] = []
    streams: set[str] = set()
    for row in log:
        if row[NAME] not in rules or row[POSITION] in skipped:
            continue
        if row[STREAM] in streams:
            parked.append(row[POSITION])
            continue
        event, rule = rules[row[NAME]]
        try:
            # What only counts does not read the payload.
            told = object.__new__(event) if read_model.tallied else CODEC.decode(row[NAME], row[PAYLOAD])
            effects = list(rule(recorded(row, told)))
            for effect in effects:
                check(effect)
        except Exception:  # noqa: BLE001 - whatever is wrong, the event is parked
            parked.append(row[POSITION])
            streams.add(row[STREAM])
            continue
        for effect in effects:
            memory._apply(effect)  # noqa: SLF001 - the meaning of one effect
    return memory.rows, parked


def parked_in(connection: Connection) -> Parked:
    query = "SELECT table_name, position FROM read.parked WHERE table_name NOT LIKE '%\\_before' ORDER BY 1, 2"
    return sorted(connection.execute(query).fetchall())
