"""One digest of all rows of a table: equal rows always give the same one, rows that differ never do.

How it is made: each row becomes the bytes of `record_send`, PostgreSQL's binary form of a record, and these their
SHA-256. Rows fall into 4,096 buckets by the first 12 bits of it. The digest of a bucket is the SHA-256 of the digests
of its rows, put one behind the other in the order of their bytes. The whole is the SHA-256 of the names and types of
the columns and of each bucket's number and digest, in order.

Why equal rows give the same: the order of the digests does not depend on where rows lie. The binary form has no regard
for DateStyle, TimeZone, bytea_output and the like; only texts would be sent in the encoding of the client, so they are
sent as their bytes in UTF-8. The binary form of each type admitted here is that of the wire protocol and of binary
COPY (text its bytes, boolean one byte, bigint, date and timestamptz whole numbers in network order), the same since
PostgreSQL 10. Neither the table's name nor its indexes, owner or dropped columns take part.

Why other rows do not: every value stands behind its type and length (-1 for NULL), so no two rows have the same bytes.
All row digests are 32 bytes long, so no two lists of them have the same bytes either. Therefore two sets of rows with
one digest, or one set with a row twice, would be a collision of SHA-256. Sums or exclusive ors of row digests need no
sorting, but offer less than that.

Cost: hashing takes half of the time and sorting the rest. Memory is that of one sort, which goes to disk beyond
`work_mem` (46 bytes for each row), and of one bucket: 32 bytes for each of its rows, 0.8 MB for 100 million rows.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from infrastructure.projector.rows.tables import ReadTable

Connection = psycopg.Connection[Any]

FORM = "kroniek rows 1"
"""Names this way of making a digest, and is part of what is hashed: another way would have another name."""

_TEXT, _TEXTS = 25, 1009
_ADMITTED: Mapping[int, str] = {
    16: "boolean",
    20: "bigint",
    _TEXT: "text",
    1082: "date",
    1184: "timestamptz",
    _TEXTS: "text[]",
}
"""The types of read models. Of each, equal values have equal bytes; numeric and float have no place here."""

_BUCKET = struct.Struct("!H").pack


@dataclass(frozen=True, slots=True)
class Digest:
    """What identifies a set of rows: `sha256` in hexadecimal; `buckets` has the digest of each bucket with rows."""

    sha256: str
    rows: int
    buckets: Mapping[int, bytes] = field(repr=False)


class TableColumn(NamedTuple):
    """A column as the database has it, with the number of its type."""

    name: str
    type_oid: int


def digest(connection: Connection, table: ReadTable) -> Digest:
    """Return the digest of the rows that the connection sees now; one statement reads them all.

    Raises TypeError if the table has a column of a type that read models do not have.
    """
    columns = table_columns(connection, table)
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        found = cursor.execute(_BUCKETS.format(rows=hashed_rows(table, columns, keys=[]))).fetchall()
    whole = hashlib.sha256(json.dumps([FORM, columns], ensure_ascii=False).encode())
    for bucket, _, row_digests in found:
        whole.update(_BUCKET(bucket) + row_digests)
    return Digest(
        sha256=whole.hexdigest(),
        rows=sum(rows for _, rows, _ in found),
        buckets={bucket: row_digests for bucket, _, row_digests in found},
    )


# An aggregate with an order of its own is never computed by hashing groups: its memory is that of a sort.
_BUCKETS = sql.SQL(
    "SELECT bucket, count(*), sha256(string_agg(row_digest, ''::bytea ORDER BY row_digest)) "
    "FROM {rows} GROUP BY bucket ORDER BY bucket"
)


def table_columns(connection: Connection, table: ReadTable) -> Sequence[TableColumn]:
    """Return the columns, those of the key first, with the types that they have in the database."""
    names = [*table.keys, *table.others]
    with connection.cursor(row_factory=tuple_row) as cursor:
        query = sql.SQL("SELECT {} FROM {} LIMIT 0").format(_commas(map(sql.Identifier, names)), table.target)
        described = cursor.execute(query).description
    assert described is not None, "a SELECT has columns"
    columns = [TableColumn(column.name, column.type_code) for column in described]
    if strange := [column.name for column in columns if column.type_oid not in _ADMITTED]:
        raise TypeError(f"{table.name} has columns whose type no read model has: {', '.join(strange)}")
    return columns


def hashed_rows(table: ReadTable, columns: Sequence[TableColumn], keys: Sequence[str]) -> sql.Composed:
    """Return what to select from: the named columns of the key, `row_digest` and `bucket` of each row."""
    row_digest = sql.SQL("sha256(record_send(ROW({}))) AS row_digest").format(_commas(map(_sent, columns)))
    return sql.SQL(
        "(SELECT *, get_byte(row_digest, 0) * 16 + get_byte(row_digest, 1) / 16 AS bucket "
        # OFFSET 0: the digest is computed once for each row, not once for each mention of it.
        "FROM (SELECT {selected} FROM {table} OFFSET 0) AS hashed) AS rows"
    ).format(selected=_commas([*map(sql.Identifier, keys), row_digest]), table=table.target)


def by_key(columns: Sequence[TableColumn], keys: Sequence[str]) -> sql.Composed:
    """Return the order of the key columns: texts by code point, as Python compares them, whatever the collation."""
    types = dict(columns)
    return _commas(
        sql.SQL('{} COLLATE "C"').format(sql.Identifier(key)) if types[key] == _TEXT else sql.Identifier(key)
        for key in keys
    )


def _sent(column: TableColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    match column.type_oid:
        case 25:
            return sql.SQL("convert_to({}, 'UTF8')").format(name)
        case 1009:
            return sql.SQL("convert_to({}::text, 'UTF8')").format(name)
        case _:
            return name


def _commas(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
