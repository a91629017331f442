"""Counts the log for projections that only count: one statement for any part of it, and no payload is opened."""

from __future__ import annotations

from psycopg import ClientCursor, Connection, sql

from infrastructure.event_log.log_reader import LogReader
from infrastructure.postgres.composing import commas, names
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.set_based import tallied_rows
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

# A rebuild is worth the start of parallel workers, and groups are kept in memory.
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
    """Make a table of the counts up to a position, in parts that are to be added up, by so many parallel workers."""
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
    """Add the events of a part of the log to the counts of a table."""
    source = LogReader(definitions.codec).table(connection, until)
    statement = table.counting.get(named := source.as_string())
    if statement is None:
        adding = sql.SQL("INSERT INTO {} AS old ({}) {} ON CONFLICT ({}) DO UPDATE SET {}").format(
            table.target,
            names(table.columns),
            tallied_rows(projection, definitions.codec.names, source),
            names(table.keys),
            commas(sql.SQL("{0} = old.{0} + excluded.{0}").format(sql.Identifier(it)) for it in table.others),
        )
        statement = table.counting[named] = adding.as_string().encode()
    connection.execute(statement, (after, until))
