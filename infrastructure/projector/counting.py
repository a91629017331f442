"""Counts the log for a projection that only counts: one statement, which the server divides among its own workers."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import ClientCursor, sql

from infrastructure.event_log.reading import LogReader
from infrastructure.projector.definitions import Definitions
from infrastructure.projector.set_based import tallied_rows
from infrastructure.projector.tables import ReadTable
from projections.effects import Projection

Connection = psycopg.Connection[Any]

# Whoever rebuilds wants it soon: all processors are worth their start, and groups are kept in memory.
PARALLEL = ("SET LOCAL parallel_setup_cost = 0", "SET LOCAL parallel_tuple_cost = 0", "SET LOCAL work_mem = '64MB'")


def count(
    connection: Connection,
    definitions: Definitions,
    projection: Projection,
    parts: ReadTable,
    *,
    until: int,
    workers: int,
) -> None:
    """Make a table of the counts up to a position, which are to be added up."""
    source = LogReader(definitions.codec).table(connection, until)
    rows = tallied_rows(projection, definitions.codec.names, source)
    with connection.transaction(), ClientCursor(connection) as cursor:
        # A table that is made of a query may be counted in parallel; the rows of an INSERT may not.
        for setting in PARALLEL:
            cursor.execute(setting)
        cursor.execute(f"SET LOCAL max_parallel_workers_per_gather = {workers:d}")
        cursor.execute(sql.SQL("CREATE TABLE {} AS {}").format(parts.target, rows), (0, until))
