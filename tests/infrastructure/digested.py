"""A read model with a column of every type, and sets of rows for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from psycopg import sql

from infrastructure.projector.proof.difference import Side
from infrastructure.projector.proof.digest import digest
from infrastructure.projector.rows.tables import ReadTable
from projections.effects import RowKey
from projections.read_model import Col, Key, ReadModel, RowBase
from tests.lengths import sized


class RowOfAll(RowBase):
    name: Key[str]
    number: Key[int]
    label: Col[str | None]
    remark: Col[str | None]
    amount: Col[int | None]
    flag: Col[bool | None]
    at: Col[datetime | None]
    day: Col[date | None]


TABLE_OF_ALL = ReadModel(name="test_digested", version=1, row=RowOfAll, rules={}).table
ONE, OTHER = ReadTable(TABLE_OF_ALL), ReadTable(TABLE_OF_ALL, "_build")
ODD_SETTINGS = {
    "DateStyle": "German, DMY",
    "TimeZone": "Asia/Kathmandu",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "enable_seqscan": "off",
    "work_mem": "64kB",
}

Connection = psycopg.Connection[Any]
Rows = dict[RowKey, dict[str, Any]]

TEXTS = st.one_of(st.sampled_from(["", "a", "A", "b", "é", "z", "\U0001f600", "\uffff"]), st.text(max_size=6)).filter(
    lambda text: "\0" not in text and text == text.encode(errors="ignore").decode()
)
BIGINTS = st.one_of(st.integers(-2, 2), st.integers(-(2**63), 2**63 - 1))
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
CELLS: Mapping[str, st.SearchStrategy[Any]] = {
    "label": st.none() | TEXTS,
    "remark": st.none() | TEXTS,
    "amount": st.none() | BIGINTS,
    "flag": st.none() | st.booleans(),
    "at": st.none() | INSTANTS,
    "day": st.none() | st.dates(),
}
KEYS = st.tuples(TEXTS, BIGINTS)
ROWS: st.SearchStrategy[Rows] = st.dictionaries(KEYS, st.fixed_dictionaries(dict(CELLS)), max_size=12)
EXAMPLES = settings(max_examples=sized(20, long=600), deadline=None, suppress_health_check=list(HealthCheck))

PLAIN = {"label": "x", "remark": "y", "amount": 1, "flag": True, "at": datetime(2021, 11, 3, tzinfo=UTC), "day": None}


def fill(connection: Connection, table: ReadTable, rows: Rows, order: Sequence[RowKey] = ()) -> None:
    connection.execute(sql.SQL("TRUNCATE {}").format(table.target))
    insert = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s, %s, %s)").format(table.target)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(insert, [(*key, *(rows[key][column] for column in CELLS)) for key in order or rows])


def sides(connection: Connection, left: Rows, right: Rows) -> tuple[Side, Side]:
    fill(connection, ONE, left)
    fill(connection, OTHER, right)
    return side(connection, ONE), side(connection, OTHER)


def side(connection: Connection, table: ReadTable) -> Side:
    return Side(connection=connection, table=table, digest=digest(connection, table))
