"""Effects that a table cannot hold are noticed, one by one and all at once alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.arrays import register_types
from infrastructure.projector.proof.digest import digest
from infrastructure.projector.rows.effect_checks import MisfitError
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rules.compiled import compiled
from projections.effects import Add, AnyEffect, Drop, Put, Set
from projections.read_model import Col, Key, ReadModel, RowBase


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    name: str
    size: int = 0


class Row(RowBase):
    id: Key[str]
    number: Key[int]
    text: Col[str]
    note: Col[str | None]
    amount: Col[int]
    yes: Col[bool]
    day: Col[date | None]
    at: Col[datetime | None]
    price: Col[Decimal | None]
    part: Col[Part | None]
    parts: Col[tuple[Part, ...]]


MODEL = ReadModel(name="test_fitting", version=1, row=Row, rules={})
TABLE = ReadTable(MODEL.table)


AT = datetime(2021, 11, 3, 9, tzinfo=UTC)
ROW = {
    "text": "ë",
    "note": None,
    "amount": 1,
    "yes": True,
    "day": date(2021, 11, 3),
    "at": AT,
    "price": Decimal("1.50"),
    "part": None,
    "parts": (Part('"ë"'), Part("b", 2)),
}
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
    ("price", 1),
    ("price", Decimal("NaN")),
    ("price", Decimal("Infinity")),
    ("price", Decimal("1E+1000")),
    ("price", Decimal("1E-1001")),
    ("part", "a"),
    ("part", Part("a\0b")),
    ("parts", (Part("a"), None)),
    ("parts", None),
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
    ("price", Decimal("-12345678901234567890.123")),
    ("price", Decimal("1E+999")),
    ("price", Decimal("1E-1000")),
    ("price", None),
    ("part", Part("a", 2**70)),
    ("parts", ()),
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
        cells = [plain(value) for value in {**ROW, column: value}.values()]
        expected = [("a", 1, *cells), ("b", 2, *cells)]
        assert sorted(found) == expected
        beside = TABLE.beside("_build")
        beside.create_bare(connection)
        beside.copy_rows(connection, stored(effects, whole_streams=True).written())
        assert sorted(connection.execute("SELECT * FROM read.test_fitting_v1_build").fetchall()) == expected
        assert digest(connection, beside) == digest(connection, TABLE)


def test_equal_numbers_have_one_digest(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        register_types(connection)
        digests = []
        for suffix, price in (("", "1.5"), ("_build", "1.500")):
            table = TABLE.beside(suffix)
            table.create_bare(connection)
            effect: AnyEffect = Put(("a", 1), {**ROW, "price": Decimal(price)})
            table.copy_rows(connection, stored([effect], whole_streams=True).written())
            digests.append(digest(connection, table))
    assert digests[0] == digests[1]


def plain(value: Any) -> Any:
    """Return a value as PostgreSQL gives it."""
    if isinstance(value, tuple):
        return list(map(plain, value))
    return asdict(value) if isinstance(value, Part) else value


def stored(effects: Sequence[AnyEffect], *, whole_streams: bool) -> RowStore:
    store = RowStore(compiled(MODEL, {}, {}), TABLE.check, whole_streams=whole_streams)
    for effect in effects:
        store.take(effect)
    return store


def test_no_value_is_told() -> None:
    with pytest.raises(MisfitError) as caught:
        TABLE.check(Put(("a", 1), {**ROW, "text": "secret\0"}))
    assert "secret" not in str(caught.value)
