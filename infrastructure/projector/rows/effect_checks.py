"""Whether effects can be written at all, looked at before they are taken.

Were it only noticed when rows are written, an effect that a later one of the same batch covers would never be, and what
is parked would depend on the size of batches. As every effect is looked at, this has to be quick: effects of the same
shape (kind, columns, types of the values) are looked at thoroughly once, and after that only in what their values hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Table, Text
from sqlalchemy.types import TypeEngine

from infrastructure.postgres.failures import ValueFreeError
from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set

MOST_SHAPES = 10_000
"""How many shapes are remembered; a rule has a handful."""

LEAST, MOST = -(2**63), 2**63 - 1

_ZONE = attrgetter("tzinfo")

Cells: TypeAlias = Sequence[Any]
Shape: TypeAlias = tuple[str | type, ...]
"""The kind of an effect, the columns outside the key that it has values for, and the types of all its values."""


class MisfitError(ValueFreeError, ValueError):
    """The effect does not fit the table: it cannot be written. The text names columns, never values."""


class _Values(NamedTuple):
    """What to look at in the cells of a shape: those that hold texts, numbers, instants and lists."""

    texts: Callable[[Cells], Cells]
    numbers: Sequence[int]
    instants: Sequence[int]
    lists: Sequence[int]

    def sound(self, cells: Cells) -> bool:
        """Return whether values of types that fit can be kept: all texts at once, and each number and instant."""
        for at in self.numbers:
            if not LEAST <= cells[at] <= MOST:
                return False
        for at in self.instants:
            if cells[at].tzinfo is None:
                return False
        for at in self.lists:
            if not all(isinstance(it, str) and _is_text(it) for it in cells[at]):
                return False
        text = "".join(self.texts(cells))
        return (text.isascii() and "\0" not in text) or _is_text(text)


class Fitting:
    """Knows what the columns of a table can hold; called with an effect that they cannot, it raises MisfitError."""

    def __init__(self, table: Table) -> None:
        self._keys = [column.name for column in table.columns if column.primary_key]
        self._others = frozenset(column.name for column in table.columns if not column.primary_key)
        self._types = {column.name: column.type for column in table.columns}
        self._nullable = frozenset(column.name for column in table.columns if column.nullable)
        self._shapes: dict[Shape, _Values] = {}

    def __call__(self, effect: AnyEffect) -> None:
        kind = type(effect)
        values = _CHANGES[kind](effect)
        cells = (*effect.key, *values.values())
        shape = (kind, *values, *map(type, cells))
        known = self._shapes.get(shape)
        if known is None or not known.sound(cells):
            self._look(effect, values)
            if len(self._shapes) < MOST_SHAPES:
                self._shapes[shape] = _values(cells)

    def _look(self, effect: AnyEffect, values: Mapping[str, Any]) -> None:
        """Look thoroughly."""
        if len(effect.key) != len(self._keys):
            raise MisfitError(f"the key has {len(self._keys)} columns")
        if isinstance(effect, Put) and values.keys() != self._others:
            raise MisfitError("a whole row names every column outside the key")
        if unknown := sorted(values.keys() - self._others):
            raise MisfitError(f"there is no column {unknown[0]} outside the key")
        for name, value in (*zip(self._keys, effect.key, strict=True), *values.items()):
            if value is None and name in self._nullable and not isinstance(effect, Add):
                continue
            if not _holds(self._types[name], value):
                raise MisfitError(f"{name} cannot hold what it was given")
        if isinstance(effect, Add):
            self._can_be_added_to()

    # --- Many at once -----------------------------------------------------------------------------------------------

    def column(self, name: str, values: Sequence[Any]) -> None:
        """Look at all the values given to a column."""
        if name not in self._types:
            raise MisfitError(f"there is no column {name}")
        if None in values and name in self._nullable:
            values = [value for value in values if value is not None]
        if not _hold(self._types[name], values):
            raise MisfitError(f"{name} cannot hold what it was given")

    def whole(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Look whether rows name the columns outside the key and no others, of which they have all."""
        if set(map(len, rows)) != {len(self._others)}:
            raise MisfitError("a whole row names every column outside the key")

    def sums(self, sums: Mapping[RowKey, Mapping[str, int]]) -> None:
        """Look at keys and columns of sums; the numbers were looked at one by one."""
        self._can_be_added_to()
        if unknown := sorted(set().union(*sums.values()) - self._others):
            raise MisfitError(f"there is no column {unknown[0]} outside the key")
        for name, values in zip(self._keys, zip(*sums, strict=True), strict=True):
            self.column(name, values)

    def _can_be_added_to(self) -> None:
        if not all(isinstance(self._types[name], BigInteger) for name in self._others):
            raise MisfitError("only numbers can be added to")


_CHANGES: Mapping[type[AnyEffect], Callable[[Any], Mapping[str, Any]]] = {
    Put: attrgetter("row"),
    Set: attrgetter("values"),
    Add: attrgetter("amounts"),
    Drop: lambda _effect: {},
}
"""Give the columns outside the key that an effect has values for."""


def _holds(column_type: TypeEngine[Any], value: object) -> bool:
    match column_type:
        case Text():
            return isinstance(value, str) and _is_text(value)
        case BigInteger():
            return isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST
        case ARRAY():
            return isinstance(value, tuple) and all(isinstance(it, str) and _is_text(it) for it in value)
        case Boolean():
            return isinstance(value, bool)
        case DateTime():
            return isinstance(value, datetime) and value.tzinfo is not None
        case Date():
            return isinstance(value, date) and not isinstance(value, datetime)
        case _:
            raise TypeError(f"a read model has no columns of type {column_type!r}")


def _hold(column_type: TypeEngine[Any], values: Sequence[Any]) -> bool:
    """Return whether all values can be kept. Most columns are right, and are seen to be by their types."""
    kinds = set(map(type, values))
    match column_type:
        case Text():
            return all(issubclass(kind, str) for kind in kinds) and _is_text("".join(values))
        case BigInteger():
            return kinds <= {int} and (not values or (min(values) >= LEAST and max(values) <= MOST))
        case Boolean():
            return kinds <= {bool}
        case DateTime():
            return kinds <= {datetime} and None not in map(_ZONE, values)
        case _:
            return all(_holds(column_type, value) for value in values)


def _is_text(value: str) -> bool:
    # PostgreSQL keeps neither the zero character nor halves of a surrogate pair.
    return "\0" not in value and (value.isascii() or value == value.encode(errors="ignore").decode())


def _values(cells: Cells) -> _Values:
    texts = [at for at, cell in enumerate(cells) if isinstance(cell, str)]
    return _Values(
        texts=itemgetter(*texts) if len(texts) > 1 else lambda cells: [cells[at] for at in texts],
        numbers=[at for at, cell in enumerate(cells) if type(cell) is int],
        instants=[at for at, cell in enumerate(cells) if isinstance(cell, datetime)],
        lists=[at for at, cell in enumerate(cells) if isinstance(cell, tuple)],
    )
