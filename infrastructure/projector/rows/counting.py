"""Counts the log for projections that only count: one SQL statement for any part of it, over its typed columns.

The payloads are never opened. The rows equal those that the same rule makes event by event.
"""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import ClientCursor, Connection, sql

from infrastructure.event_log.log_reader import LogReader
from infrastructure.postgres.composing import commas, names
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel
from projections.tally import Measure, Typed, tally_of
from projections.words import CIVIL_TIME

# A rebuild is worth the start of parallel workers, and groups are kept in memory.
PARALLEL = ("SET LOCAL parallel_setup_cost = 0", "SET LOCAL parallel_tuple_cost = 0", "SET LOCAL work_mem = '64MB'")

_KEYS: Mapping[Typed, sql.Composable] = {
    Typed.CIVIL_DAY: sql.SQL("(effective_at AT TIME ZONE {})::date").format(sql.Literal(CIVIL_TIME.key)),
    Typed.NAME: sql.Identifier("name"),
    Typed.ORGANISATION: sql.Identifier("organisation_id"),
}
_COUNTS: Mapping[Measure, sql.Composable] = {
    Measure.EVENTS: sql.SQL("count(*)"),
    Measure.STREAMS: sql.SQL("count(*) FILTER (WHERE version = 1)"),
}


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


def tallied_rows(projection: ReadModel, event_names: Mapping[type, str], source: sql.Composable) -> sql.Composed:
    """Compose the query that gives the rows of a projection from a table with the columns of `log.event`.

    The columns are those of the projection's table, in their order. The query takes two parameters, the positions
    after which and until which events count: `after < position <= until`. Rows of several ranges can be added up.
    `event_names` are the stored names of the event classes. Raises TypeError where the rules are not one tally,
    ValueError where it has other names.
    """
    tally, row = tally_of(projection), projection.row
    if wrong := sorted(name for event, name in tally.names.items() if event_names.get(event) != name):
        raise ValueError(f"no events are stored as {wrong}")
    columns = dict(zip(row.__keys__, map(_KEYS.__getitem__, tally.key), strict=True))
    columns |= {column: _COUNTS[tally.amounts[column]] for column in row.__others__}
    return sql.SQL(
        "SELECT {columns} FROM {source} WHERE name = ANY ({names}::text[]) AND position > %s AND position <= %s "
        "GROUP BY {keys}"
    ).format(
        columns=commas(sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns.items()),
        source=source,
        names=sql.Literal(sorted(event_names[event] for event in projection.rules)),
        keys=commas(sql.SQL(str(at)) for at in range(1, len(row.__keys__) + 1)),
    )
