"""Whether effects can be written. Effects of rules that are called event by event are checked one by one.

A check of rows when they are written would miss an invalid effect that a later effect of the same batch overwrites:
then the list of parked events would depend on the size of batches.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Table

from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rows.column_kinds import kind_of
from projections.effects import Add, AnyEffect, Put

MAX_INDEX_BYTES = 2_600
"""How many bytes the texts of an index may have together. PostgreSQL takes 2,704 bytes with numbers and headers."""


class MisfitError(ValueFreeError, ValueError):
    """The effect does not fit the table: it cannot be written. The text names columns, never values."""


class EffectCheck:
    """Called with an effect, raises MisfitError if the columns of the table cannot hold it."""

    def __init__(self, table: Table) -> None:
        self._columns = {column.name: (kind_of(column.type), column.nullable) for column in table.columns}
        self._keys = [column.name for column in table.columns if column.primary_key]
        self._others = self._columns.keys() - set(self._keys)
        self._max_bytes = _max_bytes(table)

    def __call__(self, effect: AnyEffect) -> None:
        if len(effect.key) != len(self._keys):
            raise MisfitError(f"the key has {len(self._keys)} columns")
        if isinstance(effect, Put) and effect.cells.keys() != self._others:
            raise MisfitError("a whole row names every column outside the key")
        if unknown := sorted(effect.cells.keys() - self._others):
            raise MisfitError(f"there is no column {unknown[0]} outside the key")
        for name, value in (*zip(self._keys, effect.key, strict=True), *effect.cells.items()):
            kind, nullable = self._columns[name]
            if value is None and nullable and not isinstance(effect, Add):
                continue
            if not kind.holds(value):
                raise MisfitError(f"{name} cannot hold what it was given")
            if name in self._max_bytes and _longest(value) > self._max_bytes[name]:
                raise MisfitError(f"{name} is too long for an index")
        if isinstance(effect, Add) and any(self._columns[name][0].name != "bigint" for name in self._others):
            raise MisfitError("only numbers can be added to")


def _max_bytes(table: Table) -> Mapping[str, int]:
    """Return how many bytes each text may have for all keys and indexes that it is in, whatever the others hold."""
    found: dict[str, int] = {}
    for columns in (table.primary_key.columns, *(index.columns for index in table.indexes)):
        texts = [column.name for column in columns if kind_of(column.type).name in ("text", "text[]")]
        for name in texts:
            found[name] = min(found.get(name, MAX_INDEX_BYTES), MAX_INDEX_BYTES // len(texts))
    return found


def _longest(value: object) -> int:
    """Return the bytes of a text, or of the longest of several."""
    if isinstance(value, tuple):
        return max(map(_longest, value), default=0)
    return len(value.encode()) if isinstance(value, str) else 0
