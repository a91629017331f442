"""Equal rows have equal digests, whoever asks and however they lie."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from infrastructure.projector.proof.difference import first_difference
from infrastructure.projector.proof.digest import digest
from tests.infrastructure.digested import CELLS, EXAMPLES, ODD_SETTINGS, ONE, OTHER, ROWS, Connection, Rows, fill, sides
from tests.lengths import runs_longer

OIDS = {"name": 25, "number": 20, "label": 25, "remark": 25, "amount": 20, "flag": 16, "at": 1184, "day": 1082}


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        for table in (ONE, OTHER):
            table.create(connection)
        yield connection


@pytest.fixture(scope="module")
def odd_connection(module_database_url: str) -> Iterator[Connection]:
    """A session with other settings than usual, each of which changes how values look or how queries run."""
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        for name, value in ODD_SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        yield connection


@given(ROWS, st.randoms(use_true_random=False))
@runs_longer
@EXAMPLES
def test_equal_rows_have_one_digest_however_they_lie_and_whoever_asks(
    connection: Connection, odd_connection: Connection, rows: Rows, random: Random
) -> None:
    fill(connection, ONE, rows)
    fill(connection, OTHER, rows, order=random.sample(sorted(rows), len(rows)))
    expected = digest(connection, ONE)
    assert expected.rows == len(rows)
    connection.execute(sql.SQL("UPDATE {} SET amount = amount WHERE number >= 0").format(ONE.target))  # moves them
    assert [digest(asking, table) for asking in (connection, odd_connection) for table in (ONE, OTHER)] == [
        expected
    ] * 4


def test_many_rows_have_one_digest_in_whatever_order_they_came(connection: Connection) -> None:
    for table, order in ((ONE, "ASC"), (OTHER, "DESC")):
        connection.execute(sql.SQL("TRUNCATE {}").format(table.target))
        insert = "INSERT INTO {} (name, number) SELECT 'n', n FROM generate_series(1, 20000) AS n ORDER BY n {}"
        connection.execute(sql.SQL(insert).format(table.target, sql.SQL(order)))
    expected = digest(connection, ONE)
    assert expected.rows == 20_000
    assert 4_000 < len(expected.buckets) <= 4_096
    assert digest(connection, OTHER) == expected


@given(ROWS)
@runs_longer
@EXAMPLES
def test_the_digest_is_the_one_that_its_description_gives(connection: Connection, rows: Rows) -> None:
    fill(connection, ONE, rows)
    assert digest(connection, ONE).sha256 == described(rows)


def described(rows: Rows) -> str:
    """The digest as its description says, in Python: whatever the release of the server, it is this one."""
    buckets: dict[int, list[bytes]] = {}
    for key, row in rows.items():
        values = zip(OIDS.values(), [*key, *(row[column] for column in CELLS)], strict=True)
        record = struct.pack("!i", len(OIDS)) + b"".join(sent(oid, value) for oid, value in values)
        row_digest = hashlib.sha256(record).digest()
        buckets.setdefault(int.from_bytes(row_digest[:2]) >> 4, []).append(row_digest)
    whole = json.dumps(["kroniek rows 1", list(OIDS.items())]).encode()
    for bucket, digests in sorted(buckets.items()):
        whole += bucket.to_bytes(2) + hashlib.sha256(b"".join(sorted(digests))).digest()
    return hashlib.sha256(whole).hexdigest()


def sent(oid: int, value: Any) -> bytes:
    oid = 17 if oid == 25 else oid  # texts are sent as their bytes
    if value is None:
        return struct.pack("!Ii", oid, -1)
    packed: bytes
    match value:
        case bool():
            packed = struct.pack("!?", value)
        case int():
            packed = struct.pack("!q", value)
        case datetime():
            packed = struct.pack("!q", (value - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
        case date():
            packed = struct.pack("!i", (value - date(2000, 1, 1)).days)
        case _:
            packed = str(value).encode()
    return struct.pack("!Ii", oid, len(packed)) + packed


def test_no_rows_have_a_digest_too(connection: Connection) -> None:
    left, right = sides(connection, {}, {})
    assert left.digest == right.digest
    assert (left.digest.rows, left.digest.buckets) == (0, {})
    assert first_difference(left, right) is None


def test_columns_of_other_types_are_refused(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN amount TYPE real").format(ONE.target))
        with pytest.raises(TypeError, match="test_digested_v1 has columns whose type no read model has: amount"):
            digest(connection, ONE)
