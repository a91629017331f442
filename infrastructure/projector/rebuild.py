"""Rebuilds a read model from zero beside the rows in use, which go on being read and followed until the takeover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.arrays import teach
from infrastructure.codec import Codec
from infrastructure.projector.live import BATCH_EVENTS, EventsFor, Target
from infrastructure.projector.tables import ReadTable
from projections.effects import SCHEMA, Projection

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]
"""Called with the position reached and the head."""

REBUILD_LOCK = 0x72656275


class RebuildRunningError(RuntimeError):
    """Somebody else rebuilds a read model on this log."""


def rebuild(connection: Connection, codec: Codec, projection: Projection, progress: Progress) -> int:
    """Fill a shadow table from the whole log, then put it in the place of the live one; return the position reached.

    The takeover is one transaction: readers see the old rows or the new ones, never a mix. A crash leaves the old
    rows in use; the next rebuild starts over.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (REBUILD_LOCK,)).fetchone()
    if not (row and row[0]):
        raise RebuildRunningError("another rebuild is under way")
    try:
        return _Rebuild(connection, codec, projection).run(progress)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (REBUILD_LOCK,))


class _Rebuild:
    def __init__(self, connection: Connection, codec: Codec, projection: Projection) -> None:
        teach(connection)
        self._connection = connection
        self._events = EventsFor(codec)
        self._live = ReadTable(projection.table)
        self._shadow = Target(projection, ReadTable(projection.table, f"{projection.table.name}_rebuild"))
        self._position = 0

    def run(self, progress: Progress) -> int:
        self._shadow.table.drop(self._connection)
        self._shadow.table.create(self._connection)
        head = self._events.head(self._connection)
        while self._position < head:
            self._advance(min(self._position + BATCH_EVENTS, head))
            progress(self._position, head)
            head = self._events.head(self._connection)
        with self._connection.transaction():
            self._take_over()
        return self._position

    def _advance(self, until: int) -> None:
        events = self._events.read(self._connection, [self._shadow], self._position, until)
        with self._connection.transaction():
            self._shadow.apply(self._connection, events)
        self._position = until

    def _take_over(self) -> None:
        """Swap the tables while the checkpoint is locked, so that the live projector waits and goes on from there."""
        projection = self._shadow.projection
        row = self._connection.execute(
            "SELECT position FROM read.checkpoint WHERE projection = %s AND version = %s FOR UPDATE",
            (projection.name, projection.version),
        ).fetchone()
        assert row is not None, "a projection is prepared before it is rebuilt"
        if row[0] > self._position:
            self._advance(row[0])
        self._connection.execute(
            "UPDATE read.checkpoint SET position = %s, applied_at = clock_timestamp() "
            "WHERE projection = %s AND version = %s",
            (self._position, projection.name, projection.version),
        )
        self._live.drop(self._connection)
        self._rename()

    def _rename(self) -> None:
        """Give the shadow table, its key and its indexes the names of the live ones."""
        shadow, live = self._shadow.table.name, self._live.name
        rows = self._connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = %s", (SCHEMA, shadow)
        ).fetchall()
        for (index,) in rows:
            name = index.removeprefix(f"{shadow}_") if not index.endswith("_pkey") else f"{live}_pkey"
            self._connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(SCHEMA, index), sql.Identifier(name))
            )
        self._connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(self._shadow.table.target, sql.Identifier(live))
        )
