"""Filters of lists and groups: input types made of the columns of a read model, and the rows that they keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from sqlalchemy import ColumnElement

from api.graph.queries.values import During, Months
from api.web.errors import Problem
from projections.row_security import RowColumn

MAX_LISTED = 100
"""Values in one filter."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions; and each column that must equal a value, by its name with that value."""

    conditions: Sequence[ColumnElement[bool]] = ()
    named: Sequence[tuple[str, object]] = ()

    @classmethod
    def all(cls, of: Iterable[Filters]) -> Filters:
        """Keep the rows that every one of some filters keeps."""
        parts = list(of)
        return cls([it for part in parts for it in part.conditions], [it for part in parts for it in part.named])


Keep: TypeAlias = Callable[[object], Filters]
"""Given a value, keeps rows by it."""


def equals(column: RowColumn) -> Keep:
    return lambda value: Filters([column.column == _plain(value)], [(column.name, value)])


def at_least(column: RowColumn) -> Keep:
    return lambda value: Filters([column.column >= value])


def at_most(column: RowColumn) -> Keep:
    return lambda value: Filters([column.column <= value])


def before(column: RowColumn) -> Keep:
    return lambda value: Filters([column.column < value])


@dataclass(frozen=True, slots=True)
class RowFilter:
    """An input type, and the column that each of its fields is about."""

    input: type
    columns: Mapping[str, RowColumn]

    def read(self, given: object) -> Filters:
        """Return the filters that an object of the input type stands for; a field that is left out keeps every row.

        A list keeps each of its values, a `During` an interval of instants, `Months` one of months.
        """
        values = ((column, getattr(given, name, None)) for name, column in self.columns.items())
        return Filters.all(_kept(column, value) for column, value in values if value is not None)


def _kept(column: RowColumn, value: object) -> Filters:
    match value:
        case list():
            if len(value) > MAX_LISTED:
                raise Problem(422, "filter-too-long", f"A filter names at most {MAX_LISTED} values.")
            return Filters([column.column.in_([_plain(one) for one in value])])
        case During(since=since, until=until):
            return Filters.all([*_given(at_least, column, since), *_given(before, column, until)])
        case Months(first=first, last=last):
            value.check()
            return Filters.all([*_given(at_least, column, first), *_given(at_most, column, last)])
        case _:
            return equals(column)(value)


def _given(keeping: Callable[[RowColumn], Keep], column: RowColumn, value: object) -> Iterator[Filters]:
    if value is not None:
        yield keeping(column)(value)


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
