"""The declaration of a read model, from which its table, indexes, visibility and access records derive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Index, MetaData, Table, and_

from domain.access.access import Category
from projections.columns import Col, Key, RowBase, To
from projections.effects import Effect, Effects, Rule, add, change, drop, put
from projections.row_security import INFO, NOBODY, RowColumn, Seen, index_starts

__all__ = [
    "About",
    "Col",
    "Effect",
    "Effects",
    "Key",
    "ListOrder",
    "PartialIndex",
    "ReadModel",
    "RowBase",
    "Rule",
    "To",
    "add",
    "change",
    "drop",
    "put",
]

SCHEMA = "read"
METADATA = MetaData(schema=SCHEMA)

Columns: TypeAlias = Sequence[Col[Any]]
Expressions: TypeAlias = Sequence[ColumnElement[Any]]
Conditions: TypeAlias = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class PartialIndex:
    """An index on the rows for which all conditions hold."""

    columns: Columns
    where: Conditions


@dataclass(frozen=True, slots=True)
class ListOrder:
    """An order in which rows are listed, all of them or those for which `where` holds.

    The columns tell every row from every other, those of the key among them, and are never empty.
    """

    columns: Columns
    newest_first: bool = False
    where: Conditions = ()


@dataclass(frozen=True, slots=True)
class About:
    """The category of the data about the person whose id a column holds.

    A column may hold the id of an organisation as well. With `where`, the id is a person's only if other columns have
    these values; with `or_organisation`, unless an organisation is registered under it.
    """

    category: Category
    where: Mapping[RowColumn, object] = field(default_factory=dict)
    or_organisation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModel:
    """A read model: which events change which rows of its table. A change of row or rules raises `version`.

    Each version has a table of its own. `indexes` names indexes and their columns; `lists`, the orders in which rows
    are listed, each of which makes its indexes. `seen` says who sees the rows, by default nobody; `about`, which
    columns hold the ids of persons, and the category of the data about them.
    """

    name: str
    version: int
    row: type[RowBase]
    rules: Mapping[type, Rule[RowBase]]
    indexes: Mapping[str, Columns | PartialIndex] = field(default_factory=dict)
    lists: Mapping[str, ListOrder] = field(default_factory=dict)
    seen: Seen = NOBODY
    about: Mapping[RowColumn, Category | About] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()
        columns = [column.column for column in self.row.__columns__.values()]
        name, table = f"{self.name}_v{self.version}", columns[0].table
        if table is None:
            table = Table(name, METADATA, *columns, info={INFO: self.seen})
            for index, on in self.indexes.items():
                _add_index(f"{name}_{index}", on)
            for index, order in self.lists.items():
                _add_list_indexes(f"{name}_{index}", order, self.seen, table)
        elif table.name != name:
            raise TypeError(f"rows of one class are of one read model: {table.name}, {name}")
        self.row.table = table

    @property
    def table(self) -> Table:
        return self.row.table

    def _check(self) -> None:
        """Raise TypeError for a declaration that names columns of other rows, or lists rows in no certain order."""
        named = {
            "seen": self.seen.columns,
            "about": [
                *self.about,
                *(column for it in self.about.values() if isinstance(it, About) for column in it.where),
            ],
            "indexes": [column for it in self.indexes.values() for column in _columns(it)],
            "lists": [column for it in self.lists.values() for column in it.columns],
        }
        for where, columns in named.items():
            for column in columns:
                if self.row.__columns__.get(column.name) is not column:
                    raise TypeError(f"{self.name}: `{where}` names {column.name}, a column that its rows do not have")
        for name, order in self.lists.items():
            if not set(self.row.__keys__) <= {column.name for column in order.columns}:
                raise TypeError(f"{self.name}: the order of the list {name} has all columns of the key")

    @property
    def tallied(self) -> bool:
        """Whether every rule is data (`projections/tally.py`), so that one SQL statement gives the same rows."""
        # The class itself knows effects, and so cannot be known here; no other rule is data.
        return all(is_dataclass(rule) for rule in self.rules.values())


def _columns(index: Columns | PartialIndex) -> Columns:
    return index.columns if isinstance(index, PartialIndex) else index


def _add_index(name: str, index: Columns | PartialIndex) -> None:
    """Add an index to the table of its columns."""
    where = and_(*index.where) if isinstance(index, PartialIndex) else None
    Index(name, *(it.column for it in _columns(index)), postgresql_where=where)


def _add_list_indexes(name: str, order: ListOrder, seen: Seen, table: Table) -> None:
    """Add the indexes of an order: for roles that see all rows, and for each way to see some.

    The key, or an index on all rows that begins the same, serves instead.
    """
    columns = [it.column for it in order.columns]
    key = [str(it) for it in table.primary_key.columns]
    full = [key, *([str(it) for it in index.expressions] for index in table.indexes if not _where(index))]
    for suffix, first, where in _list_needs(seen, order):
        expressions = [*first, *(column for column in columns if column not in first)]
        names = [str(it) for it in expressions]
        if names[: len(key)] != key and not any(names == it[: len(names)] for it in full):
            Index(f"{name}{suffix}", *expressions, postgresql_where=and_(*where) if where else None)


def _list_needs(seen: Seen, order: ListOrder) -> Iterator[tuple[str, Expressions, Conditions]]:
    """Yield for each index the suffix of its name, its first columns, and the conditions of the rows that it has."""
    yield "", (), order.where
    for start in index_starts((*seen.parties, *seen.numbers)):
        yield f"_{start.name}", start.first, (*order.where, start.where)
    if seen.owner is not None and not (seen.withheld or order.where):
        yield f"_{seen.owner.name}", (seen.owner.column,), ()


def _where(index: Index) -> ColumnElement[bool] | None:
    where: ColumnElement[bool] | None = index.dialect_options["postgresql"]["where"]
    return where
