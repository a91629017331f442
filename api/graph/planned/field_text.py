"""Expressions of PostgreSQL that write the values of GraphQL fields as JSON.

An expression is NULL, or contains BROKEN, where the specification wants an error: a value that may not be null is, or
an enum has no such value. Then the standard executor answers. JSON has no such character in any text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLOutputType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    case,
    cast,
    func,
    literal_column,
    or_,
)
from sqlalchemy.types import TypeEngine

from api.graph.planned.parameters import NotPlannedError
from api.graph.queries.guard import DEFINITION

Expression: TypeAlias = ColumnElement[Any]
ColumnKind: TypeAlias = TypeEngine[Any]
JsonText: TypeAlias = ColumnElement[str]


def constant(text: str) -> JsonText:
    """Return a text as it stands in a statement."""
    return literal_column("'" + text.replace("'", "''") + "'", Text)


NULL = constant("null")
BROKEN: JsonText = literal_column("E'\\x01'", Text)
BROKEN_BYTE = b"\x01"
UTC = constant("UTC")


def string(text: str) -> JsonText:
    """Return the JSON of a text that is known."""
    return constant(orjson.dumps(text).decode())


def joined(parts: Iterable[JsonText]) -> JsonText:
    first, *others = parts
    for other in others:
        first = first.concat(other)
    return first


def object_text(members: Sequence[tuple[str, JsonText]]) -> JsonText:
    """Write an object of members with their names."""
    parts: list[JsonText] = []
    for number, (name, value) in enumerate(members):
        parts += [constant(f'{"," if number else "{"}"{name}":'), value]
    return joined([*parts, constant("}" if members else "{}")])


def value_text(value: Expression, kind: ColumnKind, of: GraphQLOutputType) -> JsonText:
    """Write a value of a column of that type as the GraphQL type has it; raises NotPlannedError for other types."""
    nullable, named = not is_non_null_type(of), get_nullable_type(of)
    if isinstance(named, GraphQLEnumType):
        return _enum(value, kind, named, nullable=nullable)
    written = _list(value, kind, of) if is_list_type(named) else _scalar(value, kind, str(named))
    return func.coalesce(written, NULL) if nullable else written


def _scalar(value: Expression, kind: ColumnKind, name: str) -> JsonText:
    match kind, name:
        case Text(), "String" | "ID":
            # An empty text stands for none in a table.
            return cast(func.to_json(func.nullif(value, constant(""))), Text)
        case (Integer(), "Long") | (Boolean(), "Boolean"):
            return cast(value, Text)
        case DateTime(), "DateTime":
            written = func.to_char(func.timezone(UTC, value), constant('\\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\\"'))
            return func.replace(written, constant(".000000Z"), constant("Z"))
        case Date(), "Date":
            return func.to_char(value, constant('\\"YYYY-MM-DD\\"'))
        case _:
            raise NotPlannedError


def _list(value: Expression, kind: ColumnKind, of: GraphQLOutputType) -> JsonText:
    elements = str(get_nullable_type(of))
    if not isinstance(kind, ARRAY) or elements not in {"[ID!]", "[String!]"}:
        raise NotPlannedError
    return cast(func.array_to_json(value), Text)


def _enum(value: Expression, kind: ColumnKind, of: GraphQLEnumType, *, nullable: bool) -> JsonText:
    if not isinstance(kind, Text):
        raise NotPlannedError
    members = [
        (value == constant(str(it.value)), string(of.serialize(it))) for it in of.extensions[DEFINITION].wrapped_cls
    ]
    empty = [(or_(value.is_(None), value == constant("")), NULL)] if nullable else []
    return case(*empty, *members)
