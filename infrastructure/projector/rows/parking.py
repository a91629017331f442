"""Parked events in the database, and their second chance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from psycopg import Connection

from infrastructure.event_log.log_reader import LogReader
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Folding, Parked, fold_into
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

AT_ONCE = 1_000
"""How many parked events are tried again in one step."""


PARK = """
INSERT INTO read.parked (table_name, position, stream, stream_version, name, error) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (table_name, position) DO UPDATE SET error = excluded.error
"""
STREAMS = "SELECT DISTINCT stream FROM read.parked WHERE table_name = %s"
STREAM_OF = "SELECT stream FROM read.parked WHERE table_name = %s AND position = %s"
NEXT = """
SELECT position FROM read.parked WHERE table_name = %s AND stream = %s AND position > %s ORDER BY position LIMIT %s
"""
SKIPPED = "SELECT position FROM read.skipped WHERE projection = %s"
SKIP = "INSERT INTO read.skipped VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
SKIPPED_STREAMS = """
SELECT DISTINCT stream FROM read.parked JOIN read.skipped USING (position) WHERE table_name = %s AND projection = %s
"""
TAKE_BACK = "DELETE FROM read.parked WHERE table_name = %s AND position = ANY(%s)"


def skipped_positions(connection: Connection, projection: ReadModel) -> Collection[int]:
    """Return the events that an administrator wants to lead to nothing in a projection."""
    return frozenset(position for (position,) in connection.execute(SKIPPED, (projection.name,)))


def skip(connection: Connection, projection: ReadModel, position: int, act_position: int) -> None:
    """Let a parked event lead to nothing, in these rows and in all that are made anew."""
    connection.execute(SKIP, (projection.name, position, act_position))


def parked_streams(connection: Connection, table: ReadTable) -> set[str]:
    return {stream for (stream,) in connection.execute(STREAMS, (table.name,))}


def stream_of_parked(connection: Connection, table: ReadTable, position: int) -> str | None:
    row = connection.execute(STREAM_OF, (table.name, position)).fetchone()
    return None if row is None else str(row[0])


def park(connection: Connection, table: ReadTable, parked: Iterable[Parked]) -> None:
    """Note events as parked, in the transaction of the effects of the others."""
    rows = [(table.name, *it.columns()) for it in parked]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(PARK, rows)


def leave_out_skipped(
    connection: Connection, definitions: Definitions, projection: ReadModel, table: ReadTable
) -> None:
    """Go on behind events that were parked in rows made beside those in use, and skipped in the meantime."""
    streams = [stream for (stream,) in connection.execute(SKIPPED_STREAMS, (table.name, projection.name))]
    retry(connection, definitions, projection, table, streams)


def retry(
    connection: Connection, definitions: Definitions, projection: ReadModel, table: ReadTable, streams: Sequence[str]
) -> None:
    """Try the parked events of streams again, each stream in its order, until one fails again.

    In the caller's transaction, which keeps others from moving the checkpoint.
    """
    skips = skipped_positions(connection, projection)
    reader, parked_streams = LogReader(definitions.codec), set[str]()
    for stream in streams:
        parked_streams.clear()
        after = 0
        while positions := [it for (it,) in connection.execute(NEXT, (table.name, stream, after, AT_ONCE))]:
            after = positions[-1]
            store = RowStore(definitions.models[projection.name], table.check, whole_streams=False)
            fold = fold_into(store, skips, parked_streams)
            Folding(definitions, [fold]).feed(reader.rows_at(connection, positions, further=definitions.further))
            table.write(connection, store)
            connection.execute(TAKE_BACK, (table.name, positions))
            park(connection, table, fold.parked)
            parked_streams = fold.parked_streams
