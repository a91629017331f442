"""Read models of messages in the tests: events as the log would hand them on, folded in memory, queried in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, create_engine, insert, text

from domain.kernel import Context, Recorded
from infrastructure.projector.memory import MemoryRows
from projections.effects import SCHEMA, Key, Projection


def recorded(event: Any, at: datetime, *, stream: str, version: int = 1, **context: str) -> Recorded[Any]:
    return Recorded(
        position=version,
        stream=stream,
        version=version,
        event=event,
        context=Context(acting_id="someone", effective_at=at, **context),
        recorded_at=at,
    )


def rows(projection: Projection, events: Iterable[Recorded[Any]]) -> dict[Key, dict[str, Any]]:
    model = MemoryRows(projection)
    for event in events:
        model.apply(event)
    return model.rows


def ask(query: Select[*tuple[Any, ...]], projection: Projection, events: Iterable[Recorded[Any]]) -> Sequence[Any]:
    """Answer a query on the rows that the events give."""
    keys = [column.name for column in projection.table.primary_key]
    found = [dict(zip(keys, key, strict=True)) | row for key, row in rows(projection, events).items()]
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"ATTACH ':memory:' AS {SCHEMA}"))
            projection.table.create(connection)
            connection.execute(insert(projection.table), found)
            return connection.execute(query).all()
    finally:
        engine.dispose()
