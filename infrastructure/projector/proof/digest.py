"""One digest of all rows of a table: equal rows always give the same digest, different rows never do.

How it is made: each row becomes the bytes of `record_send`, PostgreSQL's binary form of a record, and these bytes their
SHA-256. The first 12 bits of it put the row in one of 4,096 buckets. The digest of a bucket is the SHA-256 of the
digests of its rows, concatenated in the order of their bytes. The digest of the table is the SHA-256 of the names and
types of the columns and of the number and digest of each bucket, in order.

Why equal rows give the same digest: the order of the row digests does not depend on the places of the rows. The binary
form ignores DateStyle, TimeZone, bytea_output and the like. Texts would be sent in the encoding of the client, so the
digest takes their bytes in UTF-8, of lists of texts and of JSON those of their text form, of numbers with a fraction
the value without zeros at its end. The binary form of each other type is that of the wire protocol and of binary COPY
(boolean one byte, bigint, date and timestamptz whole numbers in network order), the same since PostgreSQL 10. The name
of the table, its indexes, owner and dropped columns have no part in the digest.

Why different rows do not: every value stands behind its type and length (-1 for NULL), so no two rows have the same
bytes. All row digests are 32 bytes long, so no two lists of them have the same bytes either. Two different sets of rows
with one digest, or one set with a row twice, would be a collision of SHA-256. Sums or exclusive ors of row digests need
no sorting, but give a weaker guarantee.

Cost: half of the time is for hashing, half for sorting. Memory is that of one sort, which goes to disk beyond
`work_mem` (46 bytes for each row), and of one bucket: 32 bytes for each of its rows, 0.8 MB for 100 million rows.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from infrastructure.postgres.composing import commas, names
from infrastructure.projector.rows.column_kinds import BY_OID
from infrastructure.projector.rows.tables import ReadTable

FORM = "kroniek rows 1"
"""The name of this form of digest, part of the hashed bytes: another form would have another name."""

_BUCKET = struct.Struct("!H").pack


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of a set of rows: `sha256` in hexadecimal; `buckets` has the digest of each bucket with rows."""

    sha256: str
    rows: int
    buckets: Mapping[int, bytes] = field(repr=False)


def digest(connection: Connection, table: ReadTable) -> Digest:
    """Return the digest of the rows that the connection sees now, read by one statement.

    Raises TypeError if the table has a column of a type that read models do not have.
    """
    columns = table_columns(connection, table)
    with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        found = cursor.execute(_BUCKETS.format(rows=hashed_rows(table, columns, keys=[]))).fetchall()
    whole = hashlib.sha256(json.dumps([FORM, list(columns.items())], ensure_ascii=False).encode())
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


def table_columns(connection: Connection, table: ReadTable) -> Mapping[str, int]:
    """Return the columns, those of the key first, with the numbers of their types in the database."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        query = sql.SQL("SELECT {} FROM {} LIMIT 0").format(names(table.columns), table.target)
        described = cursor.execute(query).description
    assert described is not None, "a SELECT has columns"
    columns = {column.name: column.type_code for column in described}
    if strange := [name for name, type_oid in columns.items() if type_oid not in BY_OID]:
        raise TypeError(f"{table.name} has columns whose type no read model has: {', '.join(strange)}")
    return columns


def hashed_rows(table: ReadTable, columns: Mapping[str, int], keys: Sequence[str]) -> sql.Composed:
    """Return a table to select from: the named columns of the key, `row_digest` and `bucket` of each row."""
    digested = (sql.SQL(BY_OID[oid].digested).format(sql.Identifier(name)) for name, oid in columns.items())
    row_digest = sql.SQL("sha256(record_send(ROW({}))) AS row_digest").format(commas(digested))
    return sql.SQL(
        "(SELECT *, get_byte(row_digest, 0) * 16 + get_byte(row_digest, 1) / 16 AS bucket "
        # OFFSET 0: the digest is computed once for each row, not once for each mention of it.
        "FROM (SELECT {selected} FROM {table} OFFSET 0) AS hashed) AS rows"
    ).format(selected=commas([*map(sql.Identifier, keys), row_digest]), table=table.target)


def by_key(columns: Mapping[str, int], keys: Sequence[str]) -> sql.Composed:
    """Return the order of the key columns: texts by code point, as Python compares them, whatever the collation."""
    by_code_point = {key: ' COLLATE "C"' if BY_OID[columns[key]].name == "text" else "" for key in keys}
    return commas(sql.SQL("{}" + collation).format(sql.Identifier(key)) for key, collation in by_code_point.items())
