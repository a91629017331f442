"""Effects, which rules return: changes of rows as data.

A rule is a pure function of one recorded event. It never reads a table, a clock or the network. A row belongs to one
stream (`Put`, `Set`, `Drop`), or is only ever added to (`Add`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from domain.kernel import Recorded
from projections.columns import RowBase, To

RowKey: TypeAlias = tuple[Any, ...]
"""The values of a table's primary key, in the order of its columns."""

R = TypeVar("R", bound=RowBase)
R_co = TypeVar("R_co", bound=RowBase, covariant=True)


@dataclass(frozen=True, slots=True)
class Put(Generic[R_co]):
    """Write the whole row, whether it is there or not. `cells` has every column outside the key."""

    key: RowKey
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Set(Generic[R_co]):
    """Change the named columns of a row that is there; a missing row stays missing."""

    key: RowKey
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Add(Generic[R_co]):
    """Add to the named number columns; a missing row starts at zero in all its number columns."""

    key: RowKey
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Drop(Generic[R_co]):
    """Remove the row, if it is there."""

    key: RowKey
    cells: ClassVar[Mapping[str, Any]] = {}


Effect: TypeAlias = Put[R] | Set[R] | Add[R] | Drop[R]
Effects: TypeAlias = Iterable[Effect[R]]
Rule: TypeAlias = Callable[[Recorded[Any]], Iterable[Effect[R]]]

AnyEffect: TypeAlias = Effect[RowBase]
AnyRule: TypeAlias = Rule[RowBase]
"""Of whichever read model."""


def by_event(reason: str) -> Callable[[AnyRule], AnyRule]:
    """Mark a rule that cannot be traced, with the reason: it is called with each event."""

    def mark(rule: AnyRule) -> AnyRule:
        rule.__by_event__ = reason  # type: ignore[attr-defined]
        return rule

    return mark


def stored(value: Any) -> Any:  # noqa: ANN401 - of any column
    """Return a value as it stands in a row: members of enumerations as their texts."""
    if isinstance(value, Enum):
        return value.value
    return tuple(map(stored, value)) if isinstance(value, tuple) else value


def put(row: R) -> Put[R]:
    """Write a row, whether it is there or not."""
    cells = {name: stored(value) for name, value in row.__cells__.items()}
    return Put(tuple(cells[name] for name in row.__keys__), {name: cells[name] for name in row.__others__})


def change(row: type[R], *values: To[Any]) -> Set[R]:
    """Change some columns of the row with a key, if it is there. All columns of the key are among the values."""
    return Set(*_split(row, values))


def add(row: type[R], *amounts: To[Any]) -> Add[R]:
    """Add to the columns of the row with a key. All columns of the key are among the amounts, and are not added to."""
    return Add(*_split(row, amounts))


def drop(row: type[R], *key: To[Any]) -> Drop[R]:
    """Remove the row with a key, if it is there."""
    values, others = _split(row, key)
    if others:
        raise TypeError(f"a row is dropped by its key, not by {', '.join(others)}")
    return Drop(values)


def _split(row: type[R], values: Iterable[To[Any]]) -> tuple[RowKey, dict[str, Any]]:
    """Divide values into those of the key, in the order of its columns, and the others by name."""
    by_name = {it.column.name: stored(it.value) for it in values if row.__columns__.get(it.column.name) is it.column}
    try:
        key = tuple(by_name.pop(name) for name in row.__keys__)
    except KeyError as error:
        raise TypeError(f"the key column {error} is missing") from None
    if len(key) + len(by_name) != len(tuple(values)):
        raise TypeError(f"a column is named twice, or is none of {row.__module__}")
    return key, by_name
