"""Parked and skipped events in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from psycopg import Connection

from infrastructure.event_log.log_reader import NAME, POSITION, STREAM, VERSION
from infrastructure.projector.rows.folding import Parked
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

AT_ONCE = 1_000
"""How many parked events are tried again at once."""


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
    """Return the positions of the events that an administrator skipped in a projection."""
    return frozenset(position for (position,) in connection.execute(SKIPPED, (projection.name,)))


def skip(connection: Connection, projection: ReadModel, position: int, act_position: int) -> None:
    """Note that an event has no effects on these rows, nor on rows that are built later."""
    connection.execute(SKIP, (projection.name, position, act_position))


def parked_streams(connection: Connection, table: ReadTable) -> set[str]:
    return {stream for (stream,) in connection.execute(STREAMS, (table.name,))}


def stream_of_parked(connection: Connection, table: ReadTable, position: int) -> str | None:
    row = connection.execute(STREAM_OF, (table.name, position)).fetchone()
    return None if row is None else str(row[0])


def park(connection: Connection, table: ReadTable, parked: Iterable[Parked]) -> None:
    """Note events as parked, in the transaction of the effects of the others."""
    places = POSITION, STREAM, VERSION, NAME
    rows = [(table.name, *(it.row[place] for place in places), it.error) for it in parked]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(PARK, rows)


def skipped_streams(connection: Connection, projection: ReadModel, table: ReadTable) -> Sequence[str]:
    """Return the streams with events that are parked in these rows and were skipped since."""
    return [stream for (stream,) in connection.execute(SKIPPED_STREAMS, (table.name, projection.name))]


def next_parked(connection: Connection, table: ReadTable, stream: str, after: int) -> Sequence[int]:
    """Return the positions of the next parked events of a stream, in order, at most `AT_ONCE`."""
    return [position for (position,) in connection.execute(NEXT, (table.name, stream, after, AT_ONCE))]


def take_back(connection: Connection, table: ReadTable, positions: Sequence[int]) -> None:
    """Remove events from those that are parked."""
    connection.execute(TAKE_BACK, (table.name, positions))
