"""What a read model is made of: one declaration from which its table, indexes, visibility and access records derive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Index, MetaData, Table

from domain.access.access import Category
from projections.columns import Col, Key, RowBase, To
from projections.effects import Effect, Effects, Rule, add, change, drop, put

__all__ = [
    "About",
    "Col",
    "Effect",
    "Effects",
    "Key",
    "PartialIndex",
    "ReadModel",
    "RowBase",
    "Rule",
    "Seen",
    "To",
    "add",
    "change",
    "drop",
    "put",
]

SCHEMA = "read"
METADATA = MetaData(schema=SCHEMA)

Columns: TypeAlias = Sequence[Col[Any]]


@dataclass(frozen=True, slots=True)
class PartialIndex:
    """An index on the rows for which all conditions hold."""

    columns: Columns
    where: Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who sees the rows: nobody unless one of these says so. `roles` see every row.

    `everybody`: every organisation. `parties`: the organisations named in these columns, of which some may be arrays.
    `owner`: the person whose id the column holds, in a session. `through`: whoever sees the row of another read model
    whose key stands in the column `key`.
    """

    everybody: bool = False
    parties: Columns = ()
    owner: Col[Any] | None = None
    through: ReadModel | None = None
    key: Col[Any] | None = None
    roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class About:
    """The category of what a row says of the person whose id a column holds; `where`, only if these columns hold these.

    A column that may hold the id of an enterprise names a person only where another column says so.
    """

    category: Category
    where: Mapping[Col[Any], object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModel:
    """A read model: which events change which rows of its table. A change of row or rules raises `version`.

    Each version has a table of its own. `indexes` names indexes and their columns. `seen` says who sees the rows;
    `about`, which columns hold the ids of persons and what the row says of them.
    """

    name: str
    version: int
    row: type[RowBase]
    rules: Mapping[type, Rule[RowBase]]
    indexes: Mapping[str, Columns | PartialIndex] = field(default_factory=dict)
    seen: Seen = Seen()
    about: Mapping[Col[Any], Category | About] = field(default_factory=dict)
    table: Table = field(init=False, compare=False)

    def __post_init__(self) -> None:
        columns = [column.column for column in self.row.__columns__.values()]
        name, table = f"{self.name}_v{self.version}", columns[0].table
        if table is None:
            table = Table(name, METADATA, *columns)
            for index, on in self.indexes.items():
                _add_index(f"{name}_{index}", on)
        elif table.name != name:
            raise TypeError(f"rows of one class are of one read model: {table.name}, {name}")
        object.__setattr__(self, "table", table)

    @property
    def tallied(self) -> bool:
        """Whether every rule is data (`projections/tally.py`), so that one SQL statement gives the same rows."""
        # The class itself knows effects, and so cannot be known here; no other rule is data.
        return all(is_dataclass(rule) for rule in self.rules.values())


def _add_index(name: str, index: Columns | PartialIndex) -> None:
    """Add an index to the table of its columns."""
    if isinstance(index, PartialIndex):
        where: Any = index.where[0]
        for condition in index.where[1:]:
            where &= condition
        Index(name, *(it.column for it in index.columns), postgresql_where=where)
    else:
        Index(name, *(it.column for it in index))
