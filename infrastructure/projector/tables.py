"""Read models as tables: made from their definition, changed by one statement for each kind of effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, assert_never

import psycopg
from psycopg import sql
from sqlalchemy import BigInteger, Boolean, Date, DateTime, MetaData, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from infrastructure.arrays import PackedArray, bigints, booleans, dates, instants, texts
from projections.effects import SCHEMA, Add, Drop, Effect, Key, Put, Set

Connection = psycopg.Connection[Any]
Kind: TypeAlias = tuple[type[Effect], tuple[str, ...]]
"""A kind of effect and the columns that it changes: one statement."""

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class Packing(NamedTuple):
    """How a column's values travel: the type of their array, and what packs them."""

    array: str
    pack: Callable[[Sequence[Any]], PackedArray]


_PACKINGS: Sequence[tuple[type[TypeEngine[Any]], Packing]] = (
    (Text, Packing("text[]", texts)),
    (BigInteger, Packing("bigint[]", bigints)),
    (Boolean, Packing("boolean[]", booleans)),
    (DateTime, Packing("timestamptz[]", instants)),
    (Date, Packing("date[]", dates)),
)


def _packing(column_type: TypeEngine[Any]) -> Packing:
    for kind, packing in _PACKINGS:
        if isinstance(column_type, kind):
            return packing
    raise TypeError(f"a read model has no columns of type {column_type!r}")


class ReadTable:
    """The physical table of one version of a projection."""

    def __init__(self, table: Table, name: str | None = None) -> None:
        self._table = table
        self.name = name or table.name
        self.target = sql.Identifier(SCHEMA, self.name)
        self.keys = [column.name for column in table.columns if column.primary_key]
        self.others = [column.name for column in table.columns if not column.primary_key]
        self._packings = {column.name: _packing(column.type) for column in table.columns}
        self._statements: dict[Kind, sql.Composed] = {}

    # --- Definition -------------------------------------------------------------------------------------------------

    def create(self, connection: Connection) -> None:
        """Make the table, with its indexes, unless it is there."""
        table = self._table
        if self.name != table.name:
            table = table.to_metadata(MetaData(schema=SCHEMA), name=self.name)
            for index in table.indexes:
                index.name = quoted_name(f"{self.name}_{index.name}", quote=None)
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        definitions: list[DDLElement] = [CreateTable(table, if_not_exists=True)]
        definitions += [CreateIndex(index, if_not_exists=True) for index in indexes]
        for definition in definitions:
            connection.execute(str(definition.compile(dialect=_DIALECT)).encode())

    def drop(self, connection: Connection) -> None:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self.target))

    # --- Changes ----------------------------------------------------------------------------------------------------

    def apply(self, connection: Connection, effects: Mapping[Key, Effect]) -> None:
        """Write the effects, at most one for each key: one statement for each kind and set of columns."""
        batches: dict[Kind, list[tuple[Any, ...]]] = {}
        for key, effect in effects.items():
            kind, values = self._kind_and_values(effect)
            batches.setdefault(kind, []).append((*key, *values))
        for kind, rows in batches.items():
            names = [*self.keys, *kind[1]]
            columns = zip(*rows, strict=True)
            parameters = [self._packings[name].pack(values) for name, values in zip(names, columns, strict=True)]
            connection.execute(self._statement(kind), parameters)

    def _kind_and_values(self, effect: Effect) -> tuple[Kind, Iterable[Any]]:
        match effect:
            case Put(row=row):
                return (Put, tuple(self.others)), [row[column] for column in self.others]
            case Set(values=changed):
                return (Set, tuple(changed)), changed.values()
            case Add(amounts=amounts):
                return (Add, tuple(amounts)), amounts.values()
            case Drop():
                return (Drop, ()), ()
            case _:
                assert_never(effect)

    def _statement(self, kind: Kind) -> sql.Composed:
        statement = self._statements.get(kind)
        if statement is None:
            statement = self._statements[kind] = self._compose(*kind)
        return statement

    def _compose(self, effect: type[Effect], changed: Sequence[str]) -> sql.Composed:
        columns = [*self.keys, *changed]
        new = sql.SQL("unnest({arrays}) AS new ({columns})").format(
            arrays=_commas(sql.SQL("%s::" + self._packings[column].array) for column in columns),
            columns=_names(columns),
        )
        if effect is Drop:
            return sql.SQL("DELETE FROM {table} AS old USING {new} WHERE {same}").format(
                table=self.target, new=new, same=self._same()
            )
        if effect is Set:
            return sql.SQL("UPDATE {table} AS old SET {changes} FROM {new} WHERE {same}").format(
                table=self.target, changes=_commas(_takes_new(c, "new") for c in changed), new=new, same=self._same()
            )
        changes = [_adds_new(c) for c in changed] if effect is Add else [_takes_new(c, "excluded") for c in changed]
        return self._upsert(columns, changes, new)

    def _upsert(self, columns: Sequence[str], changes: Sequence[sql.Composed], new: sql.Composed) -> sql.Composed:
        zeros = [column for column in self.others if column not in columns]
        return sql.SQL(
            "INSERT INTO {table} AS old ({columns}) SELECT {selected} FROM {new} ON CONFLICT ({keys}) DO {action}"
        ).format(
            table=self.target,
            columns=_names([*columns, *zeros]),
            selected=_commas([*(sql.Identifier("new", column) for column in columns), *(sql.SQL("0") for _ in zeros)]),
            new=new,
            keys=_names(self.keys),
            action=sql.SQL("UPDATE SET {}").format(_commas(changes)) if changes else sql.SQL("NOTHING"),
        )

    def _same(self) -> sql.Composed:
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("old", key), sql.Identifier("new", key)) for key in self.keys
        )


def _takes_new(column: str, source: str) -> sql.Composed:
    return sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(source, column))


def _adds_new(column: str) -> sql.Composed:
    return sql.SQL("{} = {} + {}").format(
        sql.Identifier(column), sql.Identifier("old", column), sql.Identifier("excluded", column)
    )


def _names(columns: Iterable[str]) -> sql.Composed:
    return _commas(sql.Identifier(column) for column in columns)


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
