"""Packed arrays arrive in PostgreSQL as what was packed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.arrays import (
    bigints,
    booleans,
    byte_strings,
    dates,
    instants,
    integers,
    register_types,
    texts,
)

pytestmark = pytest.mark.anyio

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("packed", "values"),
    [
        (texts(["a", "", "zoë €", "💶"]), ["a", "", "zoë €", "💶"]),
        (texts([]), []),
        (byte_strings([b"", b"\x00\xff"]), [b"", b"\x00\xff"]),
        (byte_strings([]), []),
        (bigints([0, -1, 2**62]), [0, -1, 2**62]),
        (integers([1, -(2**31)]), [1, -(2**31)]),
        (booleans([True, False, None]), [True, False, None]),
        (dates([date(1999, 12, 31), None, date(2021, 11, 3)]), [date(1999, 12, 31), None, date(2021, 11, 3)]),
        (texts([None, "", "null"]), [None, "", "null"]),
        (bigints([None, 7]), [None, 7]),
        (instants([None]), [None]),
        (
            instants([datetime(1970, 1, 1, tzinfo=UTC), datetime(2021, 11, 3, 9, 0, 0, 1, tzinfo=EAST)]),
            [datetime(1970, 1, 1, tzinfo=UTC), datetime(2021, 11, 3, 7, 0, 0, 1, tzinfo=UTC)],
        ),
    ],
)
async def test_an_array_comes_back_as_it_was(empty_database_url: str, packed: bytes, values: list[Any]) -> None:
    async with await psycopg.AsyncConnection.connect(empty_database_url) as connection:
        register_types(connection)
        cursor = await connection.execute("SELECT %s", (packed,))
        assert await cursor.fetchone() == (values,)


def test_a_text_that_is_no_unicode_is_an_error_before_it_is_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        texts(["\ud800"])
