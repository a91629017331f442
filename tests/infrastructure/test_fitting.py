"""Effects that a table cannot hold are noticed, one by one and all at once alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.arrays import register_types
from infrastructure.projector.rows.effect_checks import MisfitError
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rules.compiled import compiled
from projections.effects import Add, AnyEffect, Drop, Put, Set
from projections.read_model import Col, Key, ReadModel, RowBase


class Colour(StrEnum):
    RED = "red"


class Row(RowBase):
    id: Key[str]
    number: Key[int]
    text: Col[str]
    note: Col[str | None]
    amount: Col[int]
    yes: Col[bool]
    day: Col[date | None]
    at: Col[datetime | None]


MODEL = ReadModel(name="test_fitting", version=1, row=Row, rules={})
TABLE = ReadTable(MODEL.table)


AT = datetime(2021, 11, 3, 9, tzinfo=UTC)
ROW = {"text": "ë", "note": None, "amount": 1, "yes": True, "day": date(2021, 11, 3), "at": AT}
MISFITTING: Sequence[tuple[str, Any]] = (
    ("text", None),
    ("text", 1),
    ("text", "a\0b"),
    ("note", "\ud800"),
    ("amount", None),
    ("amount", 2**63),
    ("amount", -(2**63) - 1),
    ("amount", True),
    ("amount", 1.0),
    ("yes", 1),
    ("day", AT),
    ("at", AT.replace(tzinfo=None)),
    ("at", date(2021, 11, 3)),
    ("other", 1),
)
FITTING: Sequence[tuple[str, Any]] = (
    ("text", ""),
    ("text", Colour.RED),
    ("note", "\U0001f4ee"),
    ("amount", 2**63 - 1),
    ("amount", -(2**63)),
    ("yes", False),
    ("day", None),
    ("at", None),
)


@pytest.mark.parametrize(("column", "value"), MISFITTING)
def test_what_cannot_be_written_is_noticed(column: str, value: Any) -> None:
    effects: Sequence[AnyEffect] = (Put(("a", 1), {**ROW, column: value}), Set(("a", 1), {column: value}))
    for effect in effects:
        with pytest.raises(MisfitError):
            TABLE.check(effect)
        TABLE.check(Put(("a", 1), ROW))


UNFIT: Sequence[AnyEffect] = (
    Put(("a",), ROW),
    Put(("a", "1"), ROW),
    Put((None, 1), ROW),
    Drop(("a",)),
    Drop(("a\0", 1)),
    Put(("a", 1), {"text": "all the others are missing"}),
    Set(("a", 1), {"id": "b"}),
    Add(("a", 1), {"amount": 1}),
)


@pytest.mark.parametrize("effect", UNFIT)
def test_keys_names_and_kinds_are_looked_at_too(effect: AnyEffect) -> None:
    with pytest.raises(MisfitError):
        TABLE.check(effect)


@pytest.mark.parametrize(("column", "value"), FITTING)
def test_what_is_let_through_can_be_written(database_url: str, column: str, value: Any) -> None:
    effects: list[AnyEffect] = [
        Put(("a", 1), ROW),
        Set(("a", 1), {column: value}),
        Put(("b", 2), {**ROW, column: value}),
    ]
    for effect in effects:
        TABLE.check(effect)
    with psycopg.connect(database_url, autocommit=True) as connection:
        register_types(connection)
        TABLE.create(connection)
        TABLE.write(connection, stored(effects, whole_streams=False))
        found = connection.execute("SELECT * FROM read.test_fitting_v1").fetchall()
        expected = [(*key, *{**ROW, column: value}.values()) for key in (("a", 1), ("b", 2))]
        assert sorted(found) == expected
        beside = TABLE.beside("_build")
        beside.create_bare(connection)
        beside.copy_rows(connection, stored(effects, whole_streams=True).written())
        assert sorted(connection.execute("SELECT * FROM read.test_fitting_v1_build").fetchall()) == expected


def stored(effects: Sequence[AnyEffect], *, whole_streams: bool) -> RowStore:
    store = RowStore(compiled(MODEL, {}, {}), TABLE.check, whole_streams=whole_streams)
    for effect in effects:
        store.take(effect)
    return store


def test_no_value_is_told() -> None:
    with pytest.raises(MisfitError) as caught:
        TABLE.check(Put(("a", 1), {**ROW, "text": "secret\0"}))
    assert "secret" not in str(caught.value)
