"""Read models as tables: made from their definition, filled at once, or changed by one statement a kind of effect.

Beside the table in use there may be others with the same columns: they have its name and a suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from psycopg import Connection, sql
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.elements import quoted_name

from infrastructure.postgres.arrays import PackedArray
from infrastructure.postgres.composing import commas, names, same
from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rows.column_kinds import kind_of
from infrastructure.projector.rows.effect_checks import EffectCheck
from infrastructure.projector.rows.row_security import open_to_readers
from infrastructure.projector.rows.row_store import Change, RowStore
from infrastructure.projector.rules.generating import Dropped
from projections.effects import Add, AnyEffect, Drop, Put, RowKey, Set
from projections.read_model import SCHEMA
from projections.row_security import DIALECT

ChangeKind: TypeAlias = tuple[type[AnyEffect], tuple[str, ...]]
"""A kind of effect and the columns that it changes: one statement."""

Statement: TypeAlias = tuple[bytes, Sequence[Callable[[Sequence[Any]], PackedArray]]]
"""The text of a statement, and for each of its parameters the function that packs the values of a column."""


_CHANGES: Mapping[type[AnyEffect], str] = {
    Put: "{0} = excluded.{0}",
    Set: "{0} = new.{0}",
    Add: "{0} = old.{0} + excluded.{0}",
}


class OtherTablesError(ValueFreeError):
    """Another build replaced the tables of this one. Nothing was written."""

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
        self._kinds = {column.name: kind_of(column.type) for column in table.columns}
        self._statements: dict[ChangeKind, Statement] = {}
        self.counting: dict[str, bytes] = {}
        """The statements that count the log, by the table that they read it from."""

        self.check = EffectCheck(table)
        self.summable = all(self._kinds[name].name == "bigint" for name in self.others)
        """Whether its rows could be sums: outside the key there are numbers only."""

    def beside(self, suffix: str) -> ReadTable:
        return ReadTable(self.definition, suffix)

    # --- Definition -------------------------------------------------------------------------------------------------

    def create(self, connection: Connection) -> None:
        """Make the table with its key and its indexes, unless it exists."""
        if not self.exists(connection):
            self.create_bare(connection)
            self.add_indexes(connection)
            self.put_in_use(connection)

    def exists(self, connection: Connection) -> bool:
        return self.oid(connection) is not None

    def oid(self, connection: Connection) -> int | None:
        """Return the number of the table, None without one: a table that is made again has another number."""
        row = connection.execute("SELECT to_regclass(%s)::oid", (f"{SCHEMA}.{self.name}",)).fetchone()
        return None if row is None else row[0]

    def hold(self, connection: Connection, oid: int) -> None:
        """Lock the table until the end of the transaction; raise OtherTablesError if it is not the one expected."""
        self._execute(connection, "LOCK TABLE {} IN ROW EXCLUSIVE MODE")
        if self.oid(connection) != oid:
            raise OtherTablesError

    def create_bare(self, connection: Connection) -> None:
        """Make the table without key and indexes, to be filled fast, and without vacuum until it is in use."""
        columns = [Column(column.name, column.type, nullable=column.nullable) for column in self.definition.columns]
        table = Table(self.name, MetaData(schema=SCHEMA), *columns)
        connection.execute(str(CreateTable(table).compile(dialect=DIALECT)).encode())
        # An automatic vacuum holds a lock that a takeover would wait for, with readers waiting behind it.
        self._execute(connection, "ALTER TABLE {} SET (autovacuum_enabled = false)")

    def put_in_use(self, connection: Connection) -> None:
        """Open the table to readers, for the rows that they may see, and to vacuum."""
        open_to_readers(connection, self.definition, self.name)
        self._execute(connection, "ALTER TABLE {} RESET (autovacuum_enabled)")

    def lock(self, connection: Connection) -> None:
        """Keep all other sessions from the table until the end of the transaction, if it exists."""
        if self.exists(connection):
            self._execute(connection, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")

    def add_indexes(self, connection: Connection) -> None:
        """Add key and indexes to a table that has none yet, and collect the planner's statistics."""
        key = sql.Identifier(self._key_name)
        self._execute(connection, "ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})", key, names(self.keys))
        table = self.definition.to_metadata(MetaData(schema=SCHEMA), name=self.name)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.name = quoted_name(f"{index.name}{self.suffix}", quote=None)
            connection.execute(str(CreateIndex(index).compile(dialect=DIALECT)).encode())
        self._execute(connection, "ANALYZE {}")

    def drop(self, connection: Connection) -> None:
        drop_table(connection, self.name)

    def rename(self, connection: Connection, to: ReadTable) -> None:
        """Give the table, its key, its indexes and its parked events the name of another suffix."""
        indexes = [str(index.name) for index in self.definition.indexes]
        renamed = [(self._key_name, to._key_name), *((it + self.suffix, it + to.suffix) for it in indexes)]
        for old, new in renamed:
            change = sql.SQL("ALTER INDEX {} RENAME TO {}")
            connection.execute(change.format(sql.Identifier(SCHEMA, old), sql.Identifier(new)))
        self._execute(connection, "ALTER TABLE {} RENAME TO {}", sql.Identifier(to.name))
        connection.execute("UPDATE read.parked SET table_name = %s WHERE table_name = %s", (to.name, self.name))

    @property
    def _key_name(self) -> str:
        return f"{self.name}_pkey"

    def _execute(self, connection: Connection, statement: str, *parts: sql.Composable) -> None:
        """Execute a statement about this table, which it names first."""
        connection.execute(sql.SQL(statement).format(self.target, *parts))

    # --- Filling ----------------------------------------------------------------------------------------------------

    def copy_rows(self, connection: Connection, rows: Iterable[Sequence[object]]) -> None:
        """Write rows, each with the columns of the key and then the others, into a table without a key yet."""
        kinds = [self._kinds[name] for name in self.columns]
        copied = [(at, kind.copied) for at, kind in enumerate(kinds) if kind.copied is not None]
        copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(self.target, names(self.columns))
        with connection.cursor() as cursor, cursor.copy(copy) as writer:
            writer.set_types([kind.name for kind in kinds])
            for row in rows:
                writer.write_row(_converted(row, copied) if copied else row)

    def add_up(self, connection: Connection, parts: ReadTable) -> None:
        """Fill the table with the sums over the rows of another one."""
        sums = commas(sql.SQL("sum({})::bigint").format(sql.Identifier(column)) for column in self.others)
        connection.execute(
            sql.SQL("INSERT INTO {table} ({columns}) SELECT {keys}, {sums} FROM {parts} GROUP BY {keys}").format(
                table=self.target, columns=names(self.columns), keys=names(self.keys), sums=sums, parts=parts.target
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
        batches: dict[ChangeKind, list[Sequence[object]]] = {}
        for key, change in store.rows.items():
            kind, row = self._kind_and_row(store.key_of(key), change)
            batches.setdefault(kind, []).append(row)
        for kind, rows in batches.items():
            self._write(connection, kind, rows)

    def _kind_and_row(self, key: RowKey, change: Change) -> tuple[ChangeKind, Sequence[object]]:
        if isinstance(change, list):
            return (Put, tuple(self.others)), change
        if isinstance(change, Dropped):
            return (Drop, ()), key
        places = sorted(change)
        return (Set, tuple([self.columns[at] for at in places])), [*key, *[change[at] for at in places]]

    def _write(self, connection: Connection, kind: ChangeKind, rows: Sequence[Sequence[object]]) -> None:
        known = self._statements.get(kind)
        if known is None:
            pack_each = [self._kinds[column].pack for column in (*self.keys, *kind[1])]
            known = self._statements[kind] = (self._compose(*kind).as_string().encode(), pack_each)
        statement, packs = known
        columns = zip(*rows, strict=True)
        connection.execute(statement, [pack(values) for pack, values in zip(packs, columns, strict=True)])

    def _compose(self, effect: type[AnyEffect], changed: Sequence[str]) -> sql.Composed:
        columns = [*self.keys, *changed]
        parts = {"table": self.target, "new": self._new(columns), "same": same(self.keys, "old", "new")}
        if effect is Drop:
            return sql.SQL("DELETE FROM {table} AS old USING {new} WHERE {same}").format(**parts)
        changes = commas(sql.SQL(_CHANGES[effect]).format(sql.Identifier(column)) for column in changed)
        if effect is Set:
            return sql.SQL("UPDATE {table} AS old SET {changes} FROM {new} WHERE {same}").format(
                changes=changes, **parts
            )
        zeros = [column for column in self.others if column not in changed]
        return sql.SQL(
            "INSERT INTO {table} AS old ({columns}) SELECT {selected} FROM {new} ON CONFLICT ({keys}) DO {action}"
        ).format(
            columns=names([*columns, *zeros]),
            selected=commas([names(columns, of="new"), *[sql.SQL("0")] * len(zeros)]),
            keys=names(self.keys),
            action=sql.SQL("UPDATE SET {}").format(changes) if changed else sql.SQL("NOTHING"),
            **parts,
        )

    def _new(self, columns: Sequence[str]) -> sql.Composed:
        """Return the rows that a statement is given, one array for each column, as a table named `new`."""
        kinds = [self._kinds[column] for column in columns]
        arrays = commas(sql.SQL(f"%s::{kind.array}") for kind in kinds)
        new = sql.SQL("unnest({}) AS new ({})").format(arrays, names(columns))
        if not any(kind.sent_as for kind in kinds):
            return new
        casts = (
            sql.SQL("{}" + (f"::{kind.name}" if kind.sent_as else "")).format(sql.Identifier(column))
            for column, kind in zip(columns, kinds, strict=True)
        )
        return sql.SQL("(SELECT {} FROM {}) AS new ({})").format(commas(casts), new, names(columns))


def drop_table(connection: Connection, name: str) -> None:
    """Drop a table, if it exists, and its parked events."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, name)))
    connection.execute("DELETE FROM read.parked WHERE table_name = %s", (name,))


def _converted(row: Sequence[object], copied: Sequence[tuple[int, Callable[[Any], object]]]) -> Sequence[object]:
    """Return a row with the values in some places as COPY takes them."""
    cells = list(row)
    for at, convert in copied:
        cells[at] = None if cells[at] is None else convert(cells[at])
    return cells
