"""What administrators ordered, as the read model of their acts has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from infrastructure.projector.rows.tables import ReadTable
from projections.projection_acts import TABLE, acts_after, paused
from projections.read_model import ReadModel

Connection = psycopg.Connection[Any]

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def _compiled(query: Select[*tuple[Any, ...]]) -> bytes:
    return str(query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})).encode()


_ACTS = ReadTable(TABLE)
# Asked between any two batches.
_NEWEST = _compiled(select(func.coalesce(func.max(TABLE.c.act_position), 0)))
_PAUSED = _compiled(paused())


def acts_of(connection: Connection, projection: ReadModel, after: int) -> Sequence[Any]:
    """Return the acts on a projection after a position: position, act, event position, why, who."""
    c = TABLE.c
    query = acts_after(after).where(c.projection == projection.name)
    chosen = query.with_only_columns(c.act_position, c.act, c.event_position, c.why, c.acting_id)
    return _rows(connection, _compiled(chosen))


def newest_act(connection: Connection) -> int:
    """Return the position of the last act, 0 before the first."""
    rows = _rows(connection, _NEWEST)
    return int(rows[0][0]) if rows else 0


def paused_names(connection: Connection) -> Collection[str]:
    return {row[0] for row in _rows(connection, _PAUSED)}


def _rows(connection: Connection, statement: bytes) -> Sequence[Any]:
    if not _ACTS.exists(connection):  # nobody can have ordered anything yet
        return ()
    return connection.execute(statement).fetchall()
