"""The order of a list, and its cursors: the key of a row in that order, so that added or removed rows move no page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, ColumnElement, Date, DateTime, Text, literal, tuple_

from api.graph.queries.values import MAX_LONG, MIN_LONG
from api.web.errors import Problem
from domain.kernel import MalformedValue
from domain.kernel.instants import read_day, read_instant
from projections.read_model import ListOrder

MAX_CURSOR = 1_000
"""Characters of a cursor."""


class CursorOrder:
    """An order of a list, with the cursors of its rows."""

    def __init__(self, order: ListOrder) -> None:
        self.columns = [column.column for column in order.columns]
        self._newest_first = order.newest_first
        self._name = f"{'-' if order.newest_first else ''}{','.join(column.name for column in self.columns)}"

    def by(self, columns: Sequence[ColumnElement[Any]], *, backwards: bool) -> list[ColumnElement[Any]]:
        """Order by columns that have the names of those of the order."""
        down = self._newest_first is not backwards
        return [column.desc() if down else column.asc() for column in columns]

    def beyond(self, key: Sequence[object], *, backwards: bool) -> ColumnElement[bool]:
        """Keep the rows after the one with a key, or before it."""
        ours = tuple_(*self.columns)
        theirs = tuple_(*(literal(value, column.type) for value, column in zip(key, self.columns, strict=True)))
        return ours < theirs if self._newest_first is not backwards else ours > theirs

    def cursor(self, row: object) -> str:
        return self.cursor_of([getattr(row, column.name) for column in self.columns])

    def cursor_of(self, key: Sequence[object]) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self._name, *key])).decode().rstrip("=")

    def read(self, cursor: str) -> Sequence[object]:
        """Return the key in a cursor; refuse any other text as `invalid-cursor`."""
        try:
            values = _unpacked(cursor, self._name)
            return [_value(value, column) for value, column in zip(values, self.columns, strict=True)]
        except (ValueError, TypeError, MalformedValue) as error:
            raise Problem(422, "invalid-cursor", "This is not a cursor of this list.") from error


def _unpacked(cursor: str, name: str) -> list[object]:
    """Return the key in a cursor of the order of that name; any other text is a ValueError or a TypeError."""
    if len(cursor) > MAX_CURSOR:
        raise ValueError("longer than any of ours")
    padded = cursor + "=" * (-len(cursor) % 4)
    unpacked: list[object] = list(orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
    found, *values = unpacked
    if found != name:
        raise ValueError("of another list")
    return values


def _value(value: object, column: Column[Any]) -> object:
    match column.type, value:
        case Text(), str() if "\0" not in value:
            return value
        case BigInteger(), int() if not isinstance(value, bool) and MIN_LONG <= value <= MAX_LONG:
            return value
        case DateTime(), str():
            return read_instant(value)
        case Date(), str():
            return read_day(value)
        case _:
            raise ValueError(f"not a value of {column.name}")
