"""Filters of lists and groups: input types made of the columns of a read model, and the rows that they keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TypeAlias

from sqlalchemy import ARRAY, ColumnElement, any_, literal

from api.graph.queries.values import During, Months
from api.web.errors import Problem
from projections.row_security import RowColumn

MAX_LISTED = 100
"""Values in one filter."""


class Keeps(Enum):
    """How a value keeps rows by a column."""

    EQUAL = auto()
    ANY_OF = auto()
    AT_LEAST = auto()
    AT_MOST = auto()
    BEFORE = auto()


@dataclass(frozen=True, slots=True)
class Kept:
    """Keeps the rows whose column stands so to a value, or to one of a list of values."""

    column: RowColumn
    keeps: Keeps
    value: object

    @property
    def condition(self) -> ColumnElement[bool]:
        column = self.column.column
        if self.keeps is Keeps.ANY_OF:
            return column == any_(literal(self.value, ARRAY(column.type)))
        value = literal(self.value, column.type)
        match self.keeps:
            case Keeps.EQUAL:
                return column == value
            case Keeps.AT_LEAST:
                return column >= value
            case Keeps.AT_MOST:
                return column <= value
            case Keeps.BEFORE:
                return column < value


@dataclass(frozen=True, slots=True)
class Filters:
    """Rows kept by values, and by conditions in which no value was asked for."""

    kept: Sequence[Kept] = ()
    fixed: Sequence[ColumnElement[bool]] = ()

    @property
    def conditions(self) -> Sequence[ColumnElement[bool]]:
        return [*(it.condition for it in self.kept), *self.fixed]

    @property
    def named(self) -> Iterator[tuple[str, object]]:
        """Each column that must equal a value, by its name with that value."""
        return ((it.column.name, it.value) for it in self.kept if it.keeps is Keeps.EQUAL)

    @classmethod
    def all(cls, of: Iterable[Filters]) -> Filters:
        """Keep the rows that every one of some filters keeps."""
        parts = list(of)
        return cls([it for part in parts for it in part.kept], [it for part in parts for it in part.fixed])


Keep: TypeAlias = Callable[[object], Filters]
"""Given a value, keeps rows by it."""


def _keep(column: RowColumn, keeps: Keeps) -> Keep:
    return lambda value: Filters([Kept(column, keeps, _plain(value))])


equals = partial(_keep, keeps=Keeps.EQUAL)
at_least = partial(_keep, keeps=Keeps.AT_LEAST)
at_most = partial(_keep, keeps=Keeps.AT_MOST)
before = partial(_keep, keeps=Keeps.BEFORE)


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
            return Filters([Kept(column, Keeps.ANY_OF, [_plain(one) for one in value])])
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
