"""Random GraphQL documents over everything that the schema has, most of them right, some of them wrong.

They are made from the schema itself, so a new root, type or filter is asked for by itself. Values are taken from
answers that were given before (`Samples`), or made up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
)

MAX_DEPTH = 7
MAX_SELECTIONS = 60
AGAIN = 2
"""Other values that are made for the variables of a document."""

SIZES = (0, 1, 1, 2, 3, 7, 20, 50, 100)
ODD_SIZES = (-1, 101, 2**31 - 1, 2**31, None, "3", 2.0, 2.5)
SCARCE = frozenset({"figures", "figure", "figureSeries", "figureDefinitions", "openRates", "useIndex"})
"""Roots that are no rows: asked for less often."""

INSTANTS = (
    "2022-03-01T09:30:00Z",
    "2022-03-01T10:00:00+01:00",
    "2022-03-01T10:00:00.123456Z",
    "2022-03-01T10:15:00Z",
    "1969-12-31T23:59:59.123456Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)
BAD_INSTANTS = ("yesterday", "2022-01-01", "2022-01-01T00:00:00", "2022-02-30T00:00:00Z", "", "2022-03-01T09:30:00z")
DAYS = ("2022-02-28", "2022-03-01", "1969-12-31", "0001-01-01", "9999-12-31")
BAD_DAYS = ("2022-02-30", "today", "20220301", "")
MONTHS = ("2021-12", "2022-01", "2022-03", "2030-01")
BAD_MONTHS = ("2022-13", "2022", "")
PERIODS = ("2022", "2022-03", "2022-H1", "2021-11/2022-03", "when")
UNKNOWN = ("nope", "", "a\0b", "x" * 2_000, "'; --", "é🏛", "person-0", "org-a")


class Word(str):
    """A value of an enumeration: written without quotes in a document."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RandomDocument:
    """A document with what is sent beside it, and other values of its variables for the next times."""

    text: str
    variables: Mapping[str, Any] | None
    operation_name: str | None = None
    other_variables: Sequence[Mapping[str, Any]] = ()

    def next_times(self) -> Iterator[RandomDocument]:
        for variables in self.other_variables:
            yield replace(self, variables=variables, other_variables=())


@dataclass(slots=True)
class Samples:
    """What was answered before: values by the name of their field, and of their type; cursors by the root."""

    by_field: dict[str, list[Any]] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    cursors: dict[str, list[str]] = field(default_factory=dict)
    sessions: list[str] = field(default_factory=list)

    def learn(self, of: str, node: Mapping[str, Any]) -> None:
        for name, value in node.items():
            if isinstance(value, str | int):
                self.by_field.setdefault(name, []).append(value)
        if "id" in node:
            self.ids.setdefault(of, []).append(str(node["id"]))


class RandomDocuments:
    """Makes documents; `wrong` is the share of values and selections that do not fit the schema."""

    def __init__(self, schema: GraphQLSchema, samples: Samples, random: Random, *, wrong: float = 0.003) -> None:
        assert schema.query_type is not None
        self._query = schema.query_type
        self._samples = samples
        self._random = random
        self._wrong = wrong
        self._roots = [name for name in self._query.fields for _ in range(1 if name in SCARCE else 4)]

    def make(self) -> RandomDocument:
        made = _Document(self._query, self._samples, self._random, self._wrong)
        roots = [made.root(name) for name in self._random.sample(self._roots, self._random.choice((1, 1, 1, 2, 3)))]
        return made.written(roots)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: in an argument or field of that name, in a field of `Query`."""

    name: str
    root: str


@dataclass(slots=True)
class _Document:
    query: GraphQLObjectType
    samples: Samples
    random: Random
    wrong: float
    variables: dict[str, Any] = field(default_factory=dict)
    again: dict[str, Callable[[], Any]] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0
    selections: int = 0
    conditions: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def is_wrong(self) -> bool:
        return self.chance(self.wrong)

    # --- The whole --------------------------------------------------------------------------------------------------

    def written(self, roots: Sequence[str]) -> RandomDocument:
        parts = [*roots, *(["__typename"] if self.chance(0.1) else [])]
        if self.chance(0.05):
            parts = [self._fragment("Query", " ".join(parts))]
        if self.chance(0.01):
            parts.append("__schema { queryType { name } }")
        self.random.shuffle(parts)
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        head = f"query Q{declared}" if declared or self.chance(0.5) else ""
        text = "\n".join([f"{head} {{ {' '.join(parts)} }}".strip(), *self.fragments])
        variables = self.variables if self.variables or self.chance(0.5) else None
        if head and self.chance(0.05):
            name = self.random.choice(("Q", "Q", "Q", "Other", "Unknown", None))
            return RandomDocument(f"query Other {{ __typename }}\n{text}", variables, name)
        others = [{name: made() for name, made in self.again.items()} for _ in range(AGAIN if self.again else 0)]
        return RandomDocument(text, variables, "Q" if head and self.chance(0.1) else None, others)

    def root(self, name: str) -> str:
        known = self.query.fields[name]
        # Two of a name have different arguments, most of the time, and cannot be merged.
        alias = self._alias() if self.chance(0.3) else ""
        return f"{alias}{self._field(name, known, 1, name)}"

    # --- Selections -------------------------------------------------------------------------------------------------

    def selected(self, of: GraphQLObjectType, depth: int, root: str) -> str:
        """Return the selection of an object, in braces."""
        parts = [
            part
            for name, known in of.fields.items()
            if self.chance(self._likely(of, name, known, depth))
            for part in self._parts(of, name, known, depth, root)
        ]
        if self.chance(0.12):
            parts.append(f"__typename{self._directives()}")
        if self.is_wrong():
            parts.append(self.random.choice(("nothing", "id { id }", "edges", "... on Query { __typename }")))
        self.random.shuffle(parts)
        return f"{{ {' '.join(self._in_fragments(of, parts) or ['__typename'])} }}"

    def _likely(self, of: GraphQLObjectType, name: str, known: GraphQLField, depth: int) -> float:
        if self.selections > MAX_SELECTIONS:
            return 0.02
        if is_leaf_type(get_named_type(known.type)):
            return {"totalCount": 0.25, "cursor": 0.3}.get(name, 0.4)
        if depth > MAX_DEPTH:
            return 0
        if of.name.endswith(("Connection", "Edge")):
            return {"edges": 0.85, "node": 0.9, "pageInfo": 0.5}.get(name, 0.35)
        return 0.3

    def _parts(self, of: GraphQLObjectType, name: str, known: GraphQLField, depth: int, root: str) -> Sequence[str]:
        times = 2 if self.chance(0.04) else 1
        return [self._maybe_aliased(self._field(name, known, depth + 1, root), of) for _ in range(times)]

    def _maybe_aliased(self, part: str, of: GraphQLObjectType) -> str:
        if self.chance(0.002):
            return f"{self.random.choice(list(of.fields))}: {part}"
        return f"{self._alias()}{part}" if self.chance(0.06) else part

    def _field(self, name: str, known: GraphQLField, depth: int, root: str) -> str:
        self.selections += 1
        given = {at: it for at, it in known.args.items() if self._is_given(at, it, known)}
        if {"first", "last"} <= given.keys() and self.chance(0.8):
            del given["last"]
        arguments = f"({', '.join(self._given(at, it, root) for at, it in given.items())})" if given else ""
        named = get_named_type(known.type)
        inner = f" {self.selected(named, depth, root)}" if isinstance(named, GraphQLObjectType) else ""
        return f"{name}{arguments}{self._directives()}{inner}"

    def _alias(self) -> str:
        self.aliases += 1
        return f"a{self.aliases}: "

    def _in_fragments(self, of: GraphQLObjectType, parts: Sequence[str]) -> list[str]:
        found: list[str] = []
        for part in parts:
            match self.random.random():
                case it if it < 0.03:
                    found.append(f"... on {of.name}{self._directives()} {{ {part} }}")
                case it if it < 0.04:
                    found.append(f"...{self._directives()} {{ {part} }}")
                case it if it < 0.07:
                    found.append(self._fragment(of.name, part))
                case _:
                    found.append(part)
        return found

    def _fragment(self, of: str, part: str) -> str:
        if len(self.fragments) > 5:
            return part
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {of} {{ {part} }}")
        again = f" ...{name}" if self.chance(0.2) else ""
        return f"...{name}{self._directives()}{again}"

    def _directives(self) -> str:
        if not self.chance(0.03):
            return ""
        name = self.random.choice(("skip", "include"))
        both = f" @{'include' if name == 'skip' else 'skip'}(if: {self._condition()})" if self.chance(0.2) else ""
        return f" @{name}(if: {self._condition()}){both}"

    def _condition(self) -> str:
        if self.chance(0.5):
            return self.random.choice(("true", "false"))
        if not self.conditions or self.chance(0.3):
            self.conditions.append(self._declare("Boolean!", lambda: self.chance(0.5)))
        return self.random.choice(self.conditions)

    # --- Arguments --------------------------------------------------------------------------------------------------

    def _is_given(self, name: str, argument: GraphQLArgument, known: GraphQLField) -> bool:
        if isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined:
            return not self.is_wrong()
        if "first" in known.args and name in PAGE:
            return self.chance(PAGE[name])
        return self.chance(0.45)

    def _given(self, name: str, argument: GraphQLArgument, root: str) -> str:
        return f"{name}: {self._written(argument.type, _Place(name, root), self.value(argument.type, name, root))}"

    def _written(self, of: GraphQLInputType, place: _Place, value: Any) -> str:
        """Write a value into the document, or as a variable of its type; parts of it can be variables too."""
        if self.chance(0.35):
            return self._variable(of, place, value)
        if isinstance(of, GraphQLNonNull):
            return self._written_inside(of.of_type, place, value)
        return self._written_inside(of, place, value)

    def _written_inside(self, of: GraphQLInputType, place: _Place, value: Any) -> str:
        match of, value:
            case GraphQLInputObjectType(), dict():
                fields = of.fields
                parts = [
                    f"{name}: {self._written(fields[name].type, _Place(name, place.root), it)}"
                    if name in fields
                    else f"{name}: {literal(it)}"
                    for name, it in value.items()
                ]
                return f"{{{', '.join(parts)}}}"
            case GraphQLList(), list():
                return f"[{', '.join(self._written(of.of_type, place, it) for it in value)}]"
            case _:
                return literal(value)

    def _variable(self, of: GraphQLInputType, place: _Place, value: Any) -> str:
        name = str(of)
        if value is not None and self.chance(0.3):
            name = f"{name.rstrip('!')}!"
        if self.is_wrong():
            name = self.random.choice(("String", "Int", "[ID!]", "Boolean!", "Nothing"))
        values = [value]
        return self._declare(name, lambda: values.pop() if values else self.value(of, place.name, place.root))

    def _declare(self, of: str, make: Callable[[], Any]) -> str:
        name, value, default = f"v{len(self.declared)}", make(), ""
        self.again[name] = make
        match self.random.random():
            case it if it < 0.1 and not of.endswith("!"):
                default = f" = {literal(value)}"
            case it if it < 0.14:
                default = f" = {literal(value)}"
                self.variables[name] = None if self.is_wrong() else value
            case it if it < 0.16 and not of.endswith("!"):
                pass
            case _:
                self.variables[name] = value
        self.declared.append(f"${name}: {of}{default}")
        return f"${name}"

    # --- Values -----------------------------------------------------------------------------------------------------

    def value(self, of: GraphQLInputType, name: str, root: str) -> Any:
        if self.is_wrong():
            return self.random.choice((None, 5, 2.5, "text", True, [], {}, {"a": 1}, [None], Word("NOTHING")))
        if isinstance(of, GraphQLNonNull):
            return self._right(of.of_type, name, root)
        return None if self.chance(0.04) else self._right(of, name, root)

    def _right(self, of: GraphQLInputType, name: str, root: str) -> Any:
        match of:
            case GraphQLList():
                return self._list(of, name, root)
            case GraphQLEnumType():
                return Word(self.random.choice(list(of.values)))
            case GraphQLInputObjectType():
                share = self.random.choice((0.0, 0.2, 0.2, 0.3, 0.9))
                return {at: self.value(it.type, at, root) for at, it in of.fields.items() if self.chance(share)}
            case _:
                return SCALARS.get(str(of), _Document._text)(self, name, root)

    def _list(self, of: GraphQLList[Any], name: str, root: str) -> Any:
        if self.chance(0.02):
            return [self.value(of.of_type, name, root)] * self.random.choice((100, 101))
        if self.chance(0.03):
            # A single value stands for a list of one.
            return self.value(of.of_type, name, root)
        return [self.value(of.of_type, name, root) for _ in range(self.random.choice((0, 1, 1, 2, 3)))]

    def _text(self, name: str, root: str) -> Any:
        if name in {"after", "before"}:
            return self._cursor(root)
        if name in {"first", "last"}:
            return self.random.choice(MONTHS if self.chance(0.9) else BAD_MONTHS)
        if name in {"period", "periods"}:
            return self.random.choice(PERIODS)
        if name in NAMES:
            return self.random.choice(NAMES[name])
        if name == "id":
            known = self.samples.ids.get(get_named_type(self.query.fields[root].type).name, [])
        elif name == "sessionId":
            known = self.samples.sessions
        else:
            known = self.samples.by_field.get(name, [])
        return self.random.choice(known) if known and self.chance(0.85) else self.random.choice(UNKNOWN)

    def _whole(self, name: str, _root: str) -> Any:
        if name in {"first", "last"}:
            return self.random.choice(SIZES if self.chance(0.93) else ODD_SIZES)
        return self.random.choice((2021, 2022, 2022, 1999, 0, -1))

    def _instant(self, _name: str, _root: str) -> Any:
        return self.random.choice(INSTANTS if self.chance(0.93) else BAD_INSTANTS)

    def _day(self, _name: str, _root: str) -> Any:
        return self.random.choice(DAYS if self.chance(0.93) else BAD_DAYS)

    def _truth(self, _name: str, _root: str) -> Any:
        return self.chance(0.5)

    # --- Cursors ----------------------------------------------------------------------------------------------------

    def _cursor(self, root: str) -> str:
        """Return a cursor of this list, or seldom of another list, or one that was damaged."""
        own = self.samples.cursors.get(root) or [""]
        match self.random.random():
            case it if it < 0.85:
                return self.random.choice(own)
            case it if it < 0.9:
                return self.random.choice(self.random.choice([*self.samples.cursors.values(), own]) or own)
            case _:
                return self._damaged(self.random.choice(own))

    def _damaged(self, cursor: str) -> str:
        at = self.random.randrange(len(cursor) + 1)
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded) or b"[]")
        changed = [*values[:1], *(self.random.choice((it, None, 7, "a\0b", "", True, 2**70)) for it in values[1:])]
        return self.random.choice(
            (cursor[:at], f"{cursor[:at]}*{cursor[at:]}", f"{cursor}=", "garbage", " ", packed(changed), packed([]))
        )


PAGE: Mapping[str, float] = {"first": 0.6, "last": 0.2, "after": 0.3, "before": 0.2}
NAMES: Mapping[str, Sequence[str]] = {
    "figureId": ("messages_sent",),
    "projection": ("messages", "people", 'odd "name"'),
}
SCALARS: Mapping[str, Callable[[_Document, str, str], Any]] = {
    "Int": _Document._whole,  # noqa: SLF001 - of this module
    "DateTime": _Document._instant,  # noqa: SLF001 - of this module
    "Date": _Document._day,  # noqa: SLF001 - of this module
    "Boolean": _Document._truth,  # noqa: SLF001 - of this module
}


def packed(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def literal(value: Any) -> str:
    """Write a value as a document does."""
    match value:
        case Word():
            return str(value)
        case dict():
            return f"{{{', '.join(f'{name}: {literal(it)}' for name, it in value.items())}}}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
