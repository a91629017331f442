"""Tests of read models that read as stories: what was recorded, the rows that follow, what a query finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, create_engine

from domain.kernel import Context, Decider, Recorded
from infrastructure.projector.memory import MemoryRows
from projections.effects import METADATA, SCHEMA, Projection


def story(decider: Decider[Any, Any, Any], aggregate_id: str, *steps: tuple[datetime, Any]) -> list[Recorded[Any]]:
    """Record the events of one stream, each at its instant."""
    return [
        Recorded(
            position=version,
            stream=decider.stream(aggregate_id),
            version=version,
            event=event,
            context=Context(acting_id="someone", effective_at=at),
            recorded_at=at,
        )
        for version, (at, event) in enumerate(steps, start=1)
    ]


def rows(projection: Projection, *stories: Sequence[Recorded[Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    memory = MemoryRows(projection)
    for recorded in (one for told in stories for one in told):
        memory.apply(recorded)
    columns = {column.name for column in projection.table.columns if not column.primary_key}
    assert all(set(row) == columns for row in memory.rows.values())
    return memory.rows


def ask(projection: Projection, query: Select[Any], *stories: Sequence[Recorded[Any]]) -> list[dict[str, Any]]:
    """Run a query on the rows that the stories make."""
    keys = [column.name for column in projection.table.columns if column.primary_key]
    engine = create_engine("sqlite://").execution_options(schema_translate_map={SCHEMA: None})
    with engine.begin() as connection:
        METADATA.create_all(connection, tables=[projection.table])
        for key, row in rows(projection, *stories).items():
            connection.execute(projection.table.insert().values(**dict(zip(keys, key, strict=True)), **row))
        found = [dict(row) for row in connection.execute(query).mappings()]
    engine.dispose()
    return found
