"""Tests of read models that read as stories: what was recorded, and the rows that follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Select

from domain.kernel import Context, Decider, Recorded
from projections.effects import RowKey
from projections.read_model import ReadModel
from tests.memory_rows import MemoryRows

Story = Iterable[Recorded[Any]]


class Ask(Protocol):
    """Run a query on the rows that the stories make, on PostgreSQL."""

    def __call__(
        self, projection: ReadModel, query: Select[*tuple[Any, ...]], *stories: Sequence[Recorded[Any]]
    ) -> list[dict[str, Any]]: ...


def recorded(event: Any, at: datetime, *, stream: str, version: int = 1, **context: str) -> Recorded[Any]:
    return Recorded(
        position=version,
        stream=stream,
        version=version,
        event=event,
        context=Context(acting_id="someone", effective_at=at, **context),
        recorded_at=at,
    )


def story(decider: Decider[Any, Any, Any], aggregate_id: str, *steps: tuple[datetime, Any]) -> list[Recorded[Any]]:
    """Record the events of one stream, each at its instant."""
    stream = decider.stream(aggregate_id)
    return [recorded(event, at, stream=stream, version=version) for version, (at, event) in enumerate(steps, start=1)]


def rows(projection: ReadModel, *stories: Story) -> dict[RowKey, dict[str, Any]]:
    memory = MemoryRows(projection)
    for one in (one for told in stories for one in told):
        memory.apply(one)
    columns = {column.name for column in projection.table.columns if not column.primary_key}
    assert all(set(row) == columns for row in memory.rows.values())
    return memory.rows


def filled(projection: ReadModel, *stories: Story) -> list[dict[str, Any]]:
    """Return the rows with their keys as columns."""
    keys = [column.name for column in projection.table.columns if column.primary_key]
    return [dict(zip(keys, key, strict=True)) | row for key, row in rows(projection, *stories).items()]


def values(found: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return answered rows as plain tuples."""
    return [tuple(row.values()) for row in found]
