"""What administrators ordered, as the read model of their acts has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from infrastructure.projector.tables import ReadTable
from projections.effects import Projection
from projections.projection_acts import TABLE, acts_after, paused

Connection = psycopg.Connection[Any]

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def acts_of(connection: Connection, projection: Projection, after: int) -> Sequence[Any]:
    """Return the acts on a projection after a position: position, act, event position, why, who."""
    c = TABLE.c
    query = acts_after(after).where(c.projection == projection.name)
    return _rows(connection, query.with_only_columns(c.act_position, c.act, c.event_position, c.why, c.acting_id))


def newest_act(connection: Connection) -> int:
    """Return the position of the last act, 0 before the first."""
    rows = _rows(connection, select(func.coalesce(func.max(TABLE.c.act_position), 0)))
    return int(rows[0][0]) if rows else 0


def paused_names(connection: Connection) -> Collection[str]:
    return {row[0] for row in _rows(connection, paused())}


def _rows(connection: Connection, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
    if not ReadTable(TABLE).exists(connection):  # nobody can have ordered anything yet
        return ()
    statement = query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    return connection.execute(str(statement).encode()).fetchall()
