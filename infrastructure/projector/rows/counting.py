"""Counts the log for projections that only count: one statement for any stretch of it, and no payload is opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import ClientCursor, sql

from infrastructure.event_log.log_reader import LogReader
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.set_based import tallied_rows
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

Connection = psycopg.Connection[Any]

# Whoever rebuilds wants it soon: all processors are worth their start, and groups are kept in memory.
PARALLEL = ("SET LOCAL parallel_setup_cost = 0", "SET LOCAL parallel_tuple_cost = 0", "SET LOCAL work_mem = '64MB'")


def count(
    connection: Connection,
    definitions: Definitions,
    projection: ReadModel,
    parts: ReadTable,
    *,
    until: int,
    workers: int,
) -> None:
    """Make a table of the counts up to a position, which are to be added up; on all processors."""
    source = LogReader(definitions.codec).table(connection, until)
    rows = tallied_rows(projection, definitions.codec.names, source)
    with connection.transaction(), ClientCursor(connection) as cursor:
        # A table that is made of a query may be counted in parallel; the rows of an INSERT may not.
        for setting in PARALLEL:
            cursor.execute(setting)
        cursor.execute(f"SET LOCAL max_parallel_workers_per_gather = {workers:d}")
        cursor.execute(sql.SQL("CREATE TABLE {} AS {}").format(parts.target, rows), (0, until))


def count_on(
    connection: Connection,
    definitions: Definitions,
    projection: ReadModel,
    table: ReadTable,
    *,
    after: int,
    until: int,
) -> None:
    """Add the events of a stretch of the log to counts that are there already."""
    source = LogReader(definitions.codec).table(connection, until)
    statement = table.counting.get(named := source.as_string())
    if statement is None:
        statement = table.counting[named] = _adding(definitions, projection, table, source).as_string().encode()
    connection.execute(statement, (after, until))


def _adding(definitions: Definitions, projection: ReadModel, table: ReadTable, source: sql.Composable) -> sql.Composed:
    return sql.SQL("INSERT INTO {} AS old ({}) {} ON CONFLICT ({}) DO UPDATE SET {}").format(
        table.target,
        _names([*table.keys, *table.others]),
        tallied_rows(projection, definitions.codec.names, source),
        _names(table.keys),
        sql.SQL(", ").join(
            sql.SQL("{0} = old.{0} + excluded.{0}").format(sql.Identifier(column)) for column in table.others
        ),
    )


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
