"""Of two sets of rows that differ, their digests differ and the first row that does is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from infrastructure.projector.proof.difference import Difference, RowsMovedError, first_difference, sentence
from infrastructure.projector.proof.digest import by_key, table_columns
from infrastructure.projector.rows.tables import ReadTable
from projections.effects import RowKey
from tests.infrastructure.digested import (
    CELLS,
    EXAMPLES,
    ODD_SETTINGS,
    ONE,
    OTHER,
    PLAIN,
    ROWS,
    Connection,
    Rows,
    fill,
    side,
    sides,
)
from tests.lengths import runs_longer


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
        # Latin 1 cannot say every value that is looked up.
        for name, value in {**ODD_SETTINGS, "client_encoding": "UTF8"}.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        yield connection


@st.composite
def changed(draw: st.DrawFn) -> tuple[Rows, Rows, RowKey]:
    """Two sets of rows of which one row differs: a cell of it, or that it is there at all."""
    rows = draw(ROWS.filter(bool))
    key = draw(st.sampled_from(sorted(rows)))
    kind = draw(st.sampled_from(["cell", "removed", "added"]))
    less = {other: row for other, row in rows.items() if other != key}
    if kind == "removed":
        return rows, less, key
    if kind == "added":
        return less, rows, key
    column = draw(st.sampled_from(sorted(CELLS)))
    value = draw(CELLS[column].filter(lambda value: value != rows[key][column]))
    return rows, {**rows, key: {**rows[key], column: value}}, key


def found(left: Rows, right: Rows) -> tuple[RowKey, Any, Any] | None:
    """What plain Python says of two sets of rows: the first key that differs, and its two rows."""
    differing = sorted(key for key in {**left, **right} if left.get(key) != right.get(key))
    return (differing[0], left.get(differing[0]), right.get(differing[0])) if differing else None


def told(difference: Difference | None) -> tuple[RowKey, Any, Any] | None:
    return None if difference is None else (difference.key, difference.left, difference.right)


@given(ROWS, ROWS)
@runs_longer
@EXAMPLES
def test_the_first_difference_is_the_one_that_python_finds(connection: Connection, left: Rows, right: Rows) -> None:
    one, other = sides(connection, left, right)
    assert (one.digest == other.digest) == (left == right)
    assert told(first_difference(one, other)) == found(left, right)


@given(changed())
@runs_longer
@EXAMPLES
def test_one_changed_row_is_found(
    connection: Connection, odd_connection: Connection, sets: tuple[Rows, Rows, RowKey]
) -> None:
    left, right, key = sets
    one, _ = sides(connection, left, right)
    other = side(odd_connection, OTHER)
    assert one.digest.sha256 != other.digest.sha256
    assert told(first_difference(one, other)) == (key, left.get(key), right.get(key))


@pytest.mark.parametrize(
    ("left", "right", "columns"),
    [
        ({"label": None}, {"label": ""}, ["label"]),
        ({"label": "a", "remark": "b"}, {"label": "b", "remark": "a"}, ["label", "remark"]),
        ({"label": "ab", "remark": ""}, {"label": "a", "remark": "b"}, ["label", "remark"]),
        ({"label": "é"}, {"label": "e\u0301"}, ["label"]),
        ({"label": None, "remark": ""}, {"label": "", "remark": None}, ["label", "remark"]),
        ({"amount": 1, "flag": None}, {"amount": None, "flag": True}, ["amount", "flag"]),
        ({"at": datetime(2021, 11, 3, tzinfo=UTC)}, {"at": datetime(2021, 11, 3, 0, 0, 0, 1, tzinfo=UTC)}, ["at"]),
        # The two clocks of Brussels say half past two.
        ({"at": datetime(2021, 10, 31, 0, 30, tzinfo=UTC)}, {"at": datetime(2021, 10, 31, 1, 30, tzinfo=UTC)}, ["at"]),
    ],
)
def test_rows_that_look_alike_differ(
    connection: Connection, left: dict[str, Any], right: dict[str, Any], columns: list[str]
) -> None:
    connection.execute("SET TimeZone = 'Europe/Brussels'")
    key = ("k", 1)
    difference = first_difference(*sides(connection, {key: {**PLAIN, **left}}, {key: {**PLAIN, **right}}))
    assert told(difference) == (key, {**PLAIN, **left}, {**PLAIN, **right})
    assert difference is not None
    assert difference.columns == columns


def test_two_rows_that_swap_their_values_differ(connection: Connection) -> None:
    one, other = {**PLAIN, "amount": 1}, {**PLAIN, "amount": 2}
    difference = first_difference(
        *sides(connection, {("a", 1): one, ("b", 1): other}, {("a", 1): other, ("b", 1): one})
    )
    assert told(difference) == (("a", 1), one, other)


@pytest.mark.parametrize("differing", [[7_777], [12, 9_000], range(10_000), range(5_000, 10_000, 3)])
def test_among_many_rows_the_first_is_found_however_many_differ(
    connection: Connection, differing: Sequence[int]
) -> None:
    for table in (ONE, OTHER):
        connection.execute(sql.SQL("TRUNCATE {}").format(table.target))
        fill_many = sql.SQL("INSERT INTO {} (name, number, amount) SELECT 'n', n, n FROM generate_series(0, 9999) AS n")
        connection.execute(fill_many.format(table.target))
    change = sql.SQL("UPDATE {} SET amount = -1 WHERE number = ANY(%s)").format(OTHER.target)
    connection.execute(change, (list(differing),))
    left, right = side(connection, ONE), side(connection, OTHER)
    assert len(left.digest.buckets) > 3_000
    difference = first_difference(left, right, fetch_rows=10)
    assert difference is not None
    assert (difference.key, difference.columns) == (("n", differing[0]), ["amount"])


def test_the_order_of_keys_does_not_hang_on_the_collation_of_the_database(connection: Connection) -> None:
    assert by_key(table_columns(connection, ONE), ONE.keys).as_string() == '"name" COLLATE "C", "number"'


def test_a_row_that_is_there_twice_differs_from_one(connection: Connection) -> None:
    rows = {("a", 1): PLAIN, ("b", 1): PLAIN, ("c", 1): PLAIN}
    fill(connection, ONE, rows)
    fill(connection, OTHER, rows)
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(OTHER.target, key_of(OTHER)))
        connection.execute(sql.SQL("INSERT INTO {0} SELECT * FROM {0} WHERE name = 'b'").format(OTHER.target))
        difference = first_difference(side(connection, ONE), side(connection, OTHER))
    assert difference is not None
    assert sentence(difference) == (
        "the row with name b, number 1 is not as often in the rows in use as in the rows made anew"
    )


def key_of(table: ReadTable) -> sql.Identifier:
    return sql.Identifier(f"{table.name}_pkey")


# --- Two connections ------------------------------------------------------------------------------------------------


def test_a_side_is_seen_as_it_was_when_its_connection_began_to_look(
    connection: Connection, module_database_url: str
) -> None:
    one, other = {("a", 1): PLAIN}, {("a", 1): PLAIN, ("b", 1): PLAIN}
    fill(connection, ONE, one)
    fill(connection, OTHER, other)
    with psycopg.connect(module_database_url) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        left = side(snapshot, ONE)
        connection.execute(sql.SQL("DELETE FROM {}").format(ONE.target))
        right = side(connection, OTHER)
        assert told(first_difference(left, right)) == (("b", 1), None, PLAIN)
        assert told(first_difference(right, left)) == (("b", 1), PLAIN, None)


def test_rows_that_did_not_stand_still_are_no_difference(connection: Connection) -> None:
    left, right = sides(connection, {("a", 1): PLAIN}, {("a", 2): PLAIN})
    fill(connection, OTHER, {("a", 1): PLAIN})
    with pytest.raises(RowsMovedError):
        first_difference(left, right)


def test_the_sentence_names_key_and_columns_and_no_values() -> None:
    both = Difference(key=("a", 1), key_columns=["name", "number"], left={"label": "secret"}, right={"label": "hidden"})
    one = Difference(key=("a",), key_columns=["name"], left={"label": "secret"}, right=None)
    other = Difference(key=("a",), key_columns=["name"], left=None, right={"label": "secret"})
    assert sentence(both) == (
        "the row with name a, number 1 differs between the rows in use and the rows made anew in label"
    )
    assert sentence(one) == "the row with name a is missing from the rows made anew"
    assert sentence(other) == "the row with name a is missing from the rows in use"
