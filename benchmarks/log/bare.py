"""The limit: bare psycopg statements into a table of the same columns and indexes as the log, nothing checked."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg

from benchmarks.log.work import EVENT, EVENT_NAME, WARM_UP, new_id
from infrastructure.postgres import arrays

NOW = datetime.now(UTC)
ORGANISATION_ID = str(uuid4())

COLUMNS: Mapping[str, str] = {
    "position": "bigint",
    "recorded_at": "timestamptz",
    "effective_at": "timestamptz",
    "version": "int",
    "stream": "text",
    "name": "text",
    "payload": "bytea",
    "acting_id": "text",
    "subject_id": "text",
    "organisation_id": "text",
    "mandate_id": "text",
    "activity": "text",
    "command_id": "text",
    "correlation_id": "text",
    "causation_id": "text",
    "trace": "text",
}

MAKE = """
DROP TABLE IF EXISTS bare;
CREATE TABLE bare (LIKE log.event INCLUDING ALL EXCLUDING INDEXES);
ALTER TABLE bare ADD PRIMARY KEY (position);
CREATE UNIQUE INDEX ON bare (stream, version);
CREATE INDEX ON bare (name, position);
"""

INSERT = (
    f"INSERT INTO bare ({', '.join(COLUMNS)}) "  # noqa: S608 - the columns are ours
    f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in COLUMNS.values())})"
)

PACK: Mapping[str, Callable[[Any], object]] = {
    "bigint": arrays.bigints,
    "timestamptz": arrays.instants,
    "int": arrays.integers,
    "text": arrays.texts,
    "bytea": arrays.byte_strings,
}


def new_streams(count: int) -> Mapping[str, list[Any]]:
    """Return the columns of events that each begin a stream."""
    return {
        "version": [1] * count,
        "stream": [f"benchmark-{new_id()}" for _ in range(count)],
        "name": [EVENT_NAME] * count,
        "payload": [EVENT] * count,
    }


def unnest(
    url: str,
    total: int,
    batch: int,
    *,
    packed: bool,
    next_rows: Callable[[int], Mapping[str, list[Any]]] = new_streams,
) -> float:
    """Return events a second, `batch` a commit, one after the other.

    The arrays are psycopg's lists, or packed by ourselves: the faster of the two is the limit.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        arrays.register_types(connection)
        connection.execute(MAKE)
        started = time.perf_counter()
        for number in range(WARM_UP + total // batch):
            if number == WARM_UP:
                started = time.perf_counter()
            rows = next_rows(batch)
            connection.execute(INSERT, _columns(number * batch + 1, batch, rows, packed=packed))
        return total // batch * batch / (time.perf_counter() - started)


def _columns(first: int, count: int, rows: Mapping[str, list[Any]], *, packed: bool) -> Sequence[object]:
    given: dict[str, list[Any]] = {
        **rows,
        "position": list(range(first, first + count)),
        "recorded_at": [NOW] * count,
        "effective_at": [NOW] * count,
        "acting_id": ["benchmark"] * count,
        "organisation_id": [ORGANISATION_ID] * count,
        "activity": ["benchmark"] * count,
    }
    nothing = [""] * count
    values = [(kind, given.get(name, nothing)) for name, kind in COLUMNS.items()]
    return [PACK[kind](column) if packed else column for kind, column in values]


def commit(url: str, total: int) -> float:
    """Return the median microseconds of a one-row INSERT with its commit, one connection, one after the other."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare_row (payload bytea NOT NULL)")
        taken_s: list[float] = []
        for _ in range(WARM_UP + total):
            begun = time.perf_counter()
            connection.execute("INSERT INTO bare_row VALUES (%s)", [EVENT])
            taken_s.append(time.perf_counter() - begun)
        return statistics.median(taken_s[WARM_UP:]) * 1e6
