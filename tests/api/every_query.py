"""Documents that ask for everything the schema has, made from the schema itself: a new type is asked for by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
)

from api.graph.protocol.limits import MAX_REPEATS, Limits
from api.graph.protocol.policy import GraphPolicy

AS_IS = GraphPolicy(limits=Limits(tokens=50_000, depth=20, aliases=1_000, directives=50, cost=100_000_000))
"""No document of this module is refused for its size."""

NESTED = 2
"""How many objects deep, not counting what a page is made of."""

TEXTS: Mapping[str, str] = {"period": "2022", "periods": "2022", "figureId": "messages_sent"}
NUMBER = 2022


def documents(schema: GraphQLSchema, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield every query with its field; where it takes ids, with each of the ids in every place, some to a document."""
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        takes_ids = any(_is_id(argument) for argument in field.args.values() if _is_required(argument))
        for some in batched(ids if takes_ids else ids[:1]):
            asked = (f"a{at}: {_asked(name, field, it, NESTED)}" for at, it in enumerate(some))
            yield name, f"{{ {' '.join(asked)} }}"


def batched(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + MAX_REPEATS] for at in range(0, len(ids), MAX_REPEATS))


def _asked(name: str, field: GraphQLField, an_id: str, nested: int) -> str:
    arguments = {at: _value(at, it.type, an_id) for at, it in field.args.items() if _is_required(it)}
    if "first" in field.args:
        arguments["first"] = "100"
    given = f"({', '.join(f'{at}: {it}' for at, it in arguments.items())})" if arguments else ""
    return f"{name}{given}{_selection(get_named_type(field.type), an_id, nested)}"


def _selection(of: GraphQLNamedType, an_id: str, nested: int) -> str:
    if not isinstance(of, GraphQLObjectType):
        return ""
    parts = ["__typename"]
    for name, field in of.fields.items():
        inner = get_named_type(field.type)
        if not isinstance(inner, GraphQLObjectType) or _is_of_page(of, inner):
            parts.append(_asked(name, field, an_id, nested))
        elif nested > 1:
            parts.append(_asked(name, field, an_id, nested - 1))
    return f" {{ {' '.join(parts)} }}"


def _is_of_page(of: GraphQLObjectType, inner: GraphQLObjectType) -> bool:
    return of.name.endswith(("Connection", "Edge")) or inner.name.endswith("Connection")


def _is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


def _is_id(argument: GraphQLArgument) -> bool:
    return get_named_type(argument.type).name == "ID"


def _value(name: str, of: Any, an_id: str) -> str:
    match of:
        case GraphQLNonNull():
            return _value(name, of.of_type, an_id)
        case GraphQLList():
            inner = get_named_type(of)
            values = list(inner.values) if isinstance(inner, GraphQLEnumType) else [_value(name, inner, an_id)]
            return f"[{', '.join(values)}]"
        case GraphQLEnumType():
            return str(next(iter(of.values)))
        case _:
            return {"Int": str(NUMBER), "Boolean": "true"}.get(str(of.name)) or json.dumps(TEXTS.get(name, an_id))


def held(answer: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in an answer, with the type of the object that it is a field of."""
    match answer:
        case dict():
            of = str(answer.get("__typename", ""))
            for value in answer.values():
                if isinstance(value, str):
                    yield of, value
                else:
                    yield from held(value)
        case list():
            for value in answer:
                yield from ((("", value),) if isinstance(value, str) else held(value))
