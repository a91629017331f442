"""The types of columns: their values, the form in which PostgreSQL gets them, and the form that is digested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from infrastructure.postgres.arrays import PackedArray, bigints, booleans, dates, instants, text_lists, texts
from infrastructure.projector.rules.bounds import LEAST, MOST, is_numeric


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnKind:
    """A type of columns, with its name and number in PostgreSQL.

    `holds` says whether a column can hold a value other than None; `pack` makes an array of values for a statement,
    whose elements are `sent_as` another type where PostgreSQL has no such arrays; `copied` makes the value that COPY
    takes; `digested` is the expression whose binary form is digested: equal values have equal bytes.
    """

    name: str
    oid: int
    holds: Callable[[object], bool]
    pack: Callable[[Sequence[Any]], PackedArray]
    sent_as: str = ""
    copied: Callable[[Any], object] | None = None
    digested: str = "{}"

    @property
    def array(self) -> str:
        """The type of the array that `pack` makes."""
        return f"{self.sent_as or self.name}[]"


def _is_text(value: object) -> bool:
    # PostgreSQL keeps neither the zero character nor halves of a surrogate pair.
    return (
        isinstance(value, str)
        and "\0" not in value
        and (value.isascii() or value == value.encode(errors="ignore").decode())
    )


def _is_json(value: object) -> bool:
    return all(map(is_dataclass, value if isinstance(value, tuple) else (value,))) and b"\\u0000" not in _json(value)


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _json_texts(values: Sequence[object]) -> PackedArray:
    return texts([None if value is None else _json(value).decode() for value in values])


def _numbers(values: Sequence[Decimal | None]) -> PackedArray:
    return texts([None if value is None else str(value) for value in values])


_KINDS: Mapping[type[TypeEngine[Any]], ColumnKind] = {
    Text: ColumnKind(name="text", oid=25, holds=_is_text, pack=texts, digested="convert_to({}, 'UTF8')"),
    ARRAY: ColumnKind(
        name="text[]",
        oid=1009,
        holds=lambda value: isinstance(value, tuple) and all(map(_is_text, value)),
        pack=text_lists,
        sent_as="text",
        copied=texts,
        digested="convert_to({}::text, 'UTF8')",
    ),
    BigInteger: ColumnKind(
        name="bigint",
        oid=20,
        holds=lambda value: isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST,
        pack=bigints,
    ),
    Boolean: ColumnKind(name="boolean", oid=16, holds=lambda value: isinstance(value, bool), pack=booleans),
    DateTime: ColumnKind(
        name="timestamptz",
        oid=1184,
        holds=lambda value: isinstance(value, datetime) and value.tzinfo is not None,
        pack=instants,
    ),
    Date: ColumnKind(
        name="date",
        oid=1082,
        holds=lambda value: isinstance(value, date) and not isinstance(value, datetime),
        pack=dates,
    ),
    # 1.0 and 1.00 are equal, but only their trimmed forms have the same bytes.
    Numeric: ColumnKind(
        name="numeric",
        oid=1700,
        holds=lambda value: isinstance(value, Decimal) and is_numeric(value),
        pack=_numbers,
        sent_as="text",
        digested="trim_scale({})",
    ),
    JSONB: ColumnKind(
        name="jsonb",
        oid=3802,
        holds=_is_json,
        pack=_json_texts,
        sent_as="text",
        copied=msgspec.to_builtins,
        digested="convert_to({}::text, 'UTF8')",
    ),
}

BY_OID: Mapping[int, ColumnKind] = {kind.oid: kind for kind in _KINDS.values()}


def kind_of(column_type: TypeEngine[Any]) -> ColumnKind:
    """Return the kind of a column of SQLAlchemy. Raises TypeError for a type that no read model has."""
    for sqlalchemy_type, kind in _KINDS.items():
        if isinstance(column_type, sqlalchemy_type):
            return kind
    raise TypeError(f"a read model has no columns of type {column_type!r}")
