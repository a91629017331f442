"""The acts that administrators ordered, read from the read model of acts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy import func, select

from infrastructure.projector.rows.tables import ReadTable
from projections.projection_acts import MAX_ACTS, Row, acts_after, paused
from projections.read_model import ReadModel
from projections.row_security import sql_text


class OrderedAct(NamedTuple):
    """An act on a projection: its place in the log, its kind, and the event that it concerns, 0 for none."""

    position: int
    act: str
    event_position: int
    why: str
    acting_id: str


_ACTS = ReadTable(Row.table)
# Both are read between batches.
_NEWEST = sql_text(select(func.coalesce(func.max(Row.table.c.act_position), 0))).encode()
_PAUSED = sql_text(paused()).encode()


def acts_of(connection: Connection, projection: ReadModel, after: int, limit: int = MAX_ACTS) -> Sequence[OrderedAct]:
    """Return the next acts on a projection after a position, at most `limit` of them."""
    query = acts_after(after, limit).where(Row.projection == projection.name)
    c = Row.table.c
    chosen = query.with_only_columns(c.act_position, c.act, c.event_position, c.why, c.acting_id)
    return [OrderedAct(*row) for row in _rows(connection, sql_text(chosen).encode())]


def newest_act(connection: Connection) -> int:
    """Return the position of the last act, 0 before the first."""
    rows = _rows(connection, _NEWEST)
    return int(rows[0][0]) if rows else 0


def paused_names(connection: Connection) -> Collection[str]:
    return {row[0] for row in _rows(connection, _PAUSED)}


def _rows(connection: Connection, statement: bytes) -> Sequence[TupleRow]:
    if not _ACTS.exists(connection):  # no act was ordered yet
        return ()
    return connection.execute(statement).fetchall()
