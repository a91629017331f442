"""Read models as tables: made from their definition, filled at once, or changed by one statement a kind of effect.

Beside the table in use there may be others with the same columns: they have its name with something behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, DateTime, MetaData, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from infrastructure.postgres.arrays import PackedArray, bigints, booleans, dates, instants, text_lists, texts
from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rows.effect_checks import Fitting
from infrastructure.projector.rows.row_security import open_to_readers
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rules.generating import Dropped
from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set
from projections.read_model import SCHEMA

Connection = psycopg.Connection[Any]
Kind: TypeAlias = tuple[type[AnyEffect], tuple[str, ...]]
"""A kind of effect and the columns that it changes: one statement."""

Statement: TypeAlias = tuple[bytes, Sequence[Callable[[Sequence[Any]], PackedArray]]]

_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class Packing(NamedTuple):
    """How the values of a column travel: its type, what packs them, and the type of the array's elements if another."""

    column: str
    pack: Callable[[Sequence[Any]], PackedArray]
    sent_as: str = ""

    @property
    def array(self) -> str:
        return f"{self.sent_as or self.column}[]"


_PACKINGS: Sequence[tuple[type[TypeEngine[Any]], Packing]] = (
    (Text, Packing("text", texts)),
    (ARRAY, Packing("text[]", text_lists, "text")),
    (BigInteger, Packing("bigint", bigints)),
    (Boolean, Packing("boolean", booleans)),
    (DateTime, Packing("timestamptz", instants)),
    (Date, Packing("date", dates)),
)


def _packing(column_type: TypeEngine[Any]) -> Packing:
    for kind, packing in _PACKINGS:
        if isinstance(column_type, kind):
            return packing
    raise TypeError(f"a read model has no columns of type {column_type!r}")


class OtherTablesError(ValueFreeError):
    """The tables that are being filled are no longer those of this build. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("the tables were replaced while they were filled")


class ReadTable:
    """The physical table of one version of a projection: the one in use or, with a suffix, one beside it."""

    def __init__(self, table: Table, suffix: str = "") -> None:
        self.definition = table
        self.suffix = suffix
        self.name = table.name + suffix
        self.target = sql.Identifier(SCHEMA, self.name)
        self.keys = [column.name for column in table.columns if column.primary_key]
        self.others = [column.name for column in table.columns if not column.primary_key]
        self.columns = [*self.keys, *self.others]
        self._packings = {column.name: _packing(column.type) for column in table.columns}
        self._statements: dict[Kind, Statement] = {}
        self.counting: dict[str, bytes] = {}
        """The statements that count the log, by the table that they read it from."""

        self.check = Fitting(table)
        self.summable = all(isinstance(table.columns[name].type, BigInteger) for name in self.others)
        """Whether its rows could be sums: outside the key there are numbers only."""

    def beside(self, suffix: str) -> ReadTable:
        return ReadTable(self.definition, suffix)

    # --- Definition -------------------------------------------------------------------------------------------------

    def create(self, connection: Connection) -> None:
        """Make the table, with its key and its indexes, unless it is there."""
        if not self.exists(connection):
            self.create_bare(connection)
            self.add_indexes(connection)
            self.put_in_use(connection)

    def exists(self, connection: Connection) -> bool:
        query = "SELECT to_regclass(%s) IS NOT NULL"
        return connection.execute(query, (f"{SCHEMA}.{self.name}",)).fetchone() == (True,)

    def oid(self, connection: Connection) -> int | None:
        """Return which table this is: one that is dropped and made again is another one."""
        row = connection.execute("SELECT to_regclass(%s)::oid", (f"{SCHEMA}.{self.name}",)).fetchone()
        return None if row is None else row[0]

    def hold(self, connection: Connection, oid: int) -> None:
        """Keep the table until the end of the transaction; raise OtherTablesError if it is not the one expected."""
        connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(self.target))
        if self.oid(connection) != oid:
            raise OtherTablesError

    def create_bare(self, connection: Connection) -> None:
        """Make the table without key and indexes: so it is filled fastest. Nobody vacuums it before it is in use."""
        columns = [Column(column.name, column.type, nullable=column.nullable) for column in self.definition.columns]
        table = Table(self.name, MetaData(schema=SCHEMA), *columns)
        connection.execute(str(CreateTable(table).compile(dialect=_DIALECT)).encode())
        self._let_vacuum(connection, allowed=False)

    def _let_vacuum(self, connection: Connection, *, allowed: bool) -> None:
        # An automatic vacuum holds a lock that a takeover would wait for, with readers waiting behind it.
        change = "RESET (autovacuum_enabled)" if allowed else "SET (autovacuum_enabled = false)"
        connection.execute(sql.SQL("ALTER TABLE {} " + change).format(self.target))

    def put_in_use(self, connection: Connection) -> None:
        """Let the table be vacuumed from now on, and let readers see the rows that they may see."""
        open_to_readers(connection, self.definition, self.name)
        self._let_vacuum(connection, allowed=True)

    def lock(self, connection: Connection) -> None:
        """Keep everybody else from the table until the end of the transaction, if it is there."""
        if self.exists(connection):
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(self.target))

    def add_indexes(self, connection: Connection) -> None:
        """Add key and indexes to a table that has none yet, and let the planner know what is in it."""
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(
                self.target, sql.Identifier(self._key_name), _names(self.keys)
            )
        )
        table = self.definition.to_metadata(MetaData(schema=SCHEMA), name=self.name)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.name = quoted_name(f"{index.name}{self.suffix}", quote=None)
            connection.execute(str(CreateIndex(index).compile(dialect=_DIALECT)).encode())
        connection.execute(sql.SQL("ANALYZE {}").format(self.target))

    def drop(self, connection: Connection) -> None:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self.target))

    def rename(self, connection: Connection, to: ReadTable) -> None:
        """Give the table, its key and its indexes the names of another suffix."""
        indexes = [str(index.name) for index in self.definition.indexes]
        renamed = [(self._key_name, to._key_name), *((it + self.suffix, it + to.suffix) for it in indexes)]
        for old, new in renamed:
            connection.execute(
                sql.SQL("ALTER INDEX {} RENAME TO {}").format(sql.Identifier(SCHEMA, old), sql.Identifier(new))
            )
        connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(self.target, sql.Identifier(to.name)))

    @property
    def _key_name(self) -> str:
        return f"{self.name}_pkey"

    # --- Filling ----------------------------------------------------------------------------------------------------

    def copy_rows(self, connection: Connection, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows, each with the columns of the key and then the others, into a table without a key yet."""
        names = [*self.keys, *self.others]
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(self.target, _names(names))
        with connection.cursor() as cursor, cursor.copy(copy) as writer:
            writer.set_types([self._packings[name].column for name in names])
            lists = [at for at, name in enumerate(names) if self._packings[name].sent_as]
            for row in rows:
                writer.write_row(_with_arrays(row, lists) if lists else row)

    def add_up(self, connection: Connection, parts: ReadTable) -> None:
        """Fill the table with the sums over the rows of another one."""
        sums = _commas(sql.SQL("sum({})::bigint").format(sql.Identifier(column)) for column in self.others)
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {}, {} FROM {} GROUP BY {}").format(
                self.target,
                _names([*self.keys, *self.others]),
                _names(self.keys),
                sums,
                parts.target,
                _names(self.keys),
            )
        )

    # --- Changes ----------------------------------------------------------------------------------------------------

    def write(self, connection: Connection, store: RowStore) -> None:
        """Write the changes that a store holds: one statement for each kind of change and set of columns."""
        if not store.rows:
            return
        if store.additive or store.model.appended:
            self._write(connection, (Add if store.additive else Put, tuple(self.others)), list(store.written()))
            return
        batches: dict[Kind, list[Sequence[Any]]] = {}
        for key, change in store.rows.items():
            kind, row = self._kind_and_row(store.key_of(key), change)
            batches.setdefault(kind, []).append(row)
        for kind, rows in batches.items():
            self._write(connection, kind, rows)

    def _kind_and_row(self, key: RowKey, change: list[Any] | dict[int, Any]) -> tuple[Kind, Sequence[Any]]:
        if isinstance(change, list):
            return (Put, tuple(self.others)), change
        if isinstance(change, Dropped):
            return (Drop, ()), key
        places = sorted(change)
        return (Set, tuple([self.columns[at] for at in places])), [*key, *[change[at] for at in places]]

    def _write(self, connection: Connection, kind: Kind, rows: Sequence[Sequence[Any]]) -> None:
        statement, packings = self._statement(kind)
        columns = zip(*rows, strict=True)
        connection.execute(statement, [pack(values) for pack, values in zip(packings, columns, strict=True)])

    def _statement(self, kind: Kind) -> Statement:
        """Return the text of a statement, made once, and what packs its parameters."""
        known = self._statements.get(kind)
        if known is None:
            packings = [self._packings[column].pack for column in (*self.keys, *kind[1])]
            known = self._statements[kind] = (self._compose(*kind).as_string().encode(), packings)
        return known

    def _compose(self, effect: type[AnyEffect], changed: Sequence[str]) -> sql.Composed:
        columns = [*self.keys, *changed]
        new = sql.SQL("unnest({arrays}) AS new ({columns})").format(
            arrays=_commas(sql.SQL("%s::" + self._packings[column].array) for column in columns),
            columns=_names(columns),
        )
        if any(self._packings[column].sent_as for column in columns):
            new = sql.SQL("(SELECT {casts} FROM {new}) AS new").format(casts=_commas(map(self._cast, columns)), new=new)
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

    def _cast(self, column: str) -> sql.Composed:
        """Turn a value that travels as another type into that of its column."""
        cast = f"::{self._packings[column].column}" if self._packings[column].sent_as else ""
        return sql.SQL("{}" + cast).format(sql.Identifier(column))

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


def _with_arrays(row: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    """Pack the tuples in some places: to a connection that knows packed arrays no list is an array of texts."""
    cells = list(row)
    for at in places:
        cells[at] = None if cells[at] is None else texts(cells[at])
    return cells


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
