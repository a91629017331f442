"""Whether effects can be written: asked of rules that are called event by event, before an effect is taken.

Were it only noticed when rows are written, an effect that a later one of the same batch covers would never be, and the
list of parked events would depend on the size of batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Numeric, Table, Text
from sqlalchemy.types import TypeEngine

from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rules.generating import LEAST, MOST
from projections.effects import Add, AnyEffect, Put

MAX_INDEX_BYTES = 2_600
"""How many bytes the texts of an index may have together. PostgreSQL takes 2,704 bytes with numbers and headers."""


class MisfitError(ValueFreeError, ValueError):
    """The effect does not fit the table: it cannot be written. The text names columns, never values."""


class Fitting:
    """Knows what the columns of a table can hold; called with an effect that they cannot, it raises MisfitError."""

    def __init__(self, table: Table) -> None:
        self._columns = {column.name: column for column in table.columns}
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
            column = self._columns[name]
            if value is None and column.nullable and not isinstance(effect, Add):
                continue
            if not _holds(column.type, value):
                raise MisfitError(f"{name} cannot hold what it was given")
            if name in self._max_bytes and _longest(value) > self._max_bytes[name]:
                raise MisfitError(f"{name} is too long for an index")
        if isinstance(effect, Add) and not all(isinstance(self._columns[it].type, BigInteger) for it in self._others):
            raise MisfitError("only numbers can be added to")


def _max_bytes(table: Table) -> Mapping[str, int]:
    """Return how many bytes each text may have for all keys and indexes that it is in, whatever the others hold."""
    found: dict[str, int] = {}
    for columns in (table.primary_key.columns, *(index.columns for index in table.indexes)):
        texts = [column.name for column in columns if isinstance(column.type, Text | ARRAY)]
        for name in texts:
            found[name] = min(found.get(name, MAX_INDEX_BYTES), MAX_INDEX_BYTES // len(texts))
    return found


def _longest(value: object) -> int:
    """Return the bytes of a text, or of the longest of several."""
    if isinstance(value, tuple):
        return max(map(_longest, value), default=0)
    return len(value.encode()) if isinstance(value, str) else 0


def _holds(column_type: TypeEngine[Any], value: object) -> bool:
    for kind, holds in _HOLD.items():
        if isinstance(column_type, kind):
            return holds(value)
    return all(map(is_dataclass, value if isinstance(value, tuple) else (value,)))


def _is_text(value: object) -> bool:
    # PostgreSQL keeps neither the zero character nor halves of a surrogate pair.
    return (
        isinstance(value, str)
        and "\0" not in value
        and (value.isascii() or value == value.encode(errors="ignore").decode())
    )


_HOLD: Mapping[type[TypeEngine[Any]], Callable[[object], bool]] = {
    Text: _is_text,
    ARRAY: lambda value: isinstance(value, tuple) and all(map(_is_text, value)),
    BigInteger: lambda value: isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST,
    DateTime: lambda value: isinstance(value, datetime) and value.tzinfo is not None,
    Date: lambda value: isinstance(value, date) and not isinstance(value, datetime),
    Boolean: lambda value: isinstance(value, bool),
    Numeric: lambda value: isinstance(value, Decimal),
}
"""What a column of a type can hold; any other type is that of JSON."""
