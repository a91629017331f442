"""Makes wrong bodies out of right ones: for every field of a door's body, values that are not what the field takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from api.rest.bodies import body_model
from api.rest.openapi import inline
from domain.kernel.kinds import MAX_INTEGER, MAX_ITEMS, MAX_TEXT_LENGTH
from tests.api.world.commands import DOOR

Path = tuple[str | int, ...]

NO_TEXT: Sequence[Any] = (7, True, [], {})
NO_CODE = (*NO_TEXT, "no-such-value", "", "\u0000")
NO_ID = (*NO_TEXT, "a.b", "a b", "a/b", "é", "x" * 81, "a\n", "\u0000", " ", "-a", "a~b")
NO_PLAIN_TEXT = (*NO_TEXT, "x" * (MAX_TEXT_LENGTH + 1), "a\u0000b", "a\u001bb", "a\u0085b", "\ud800", "a\udfffb")
NO_INSTANT: Sequence[Any] = (
    *(1_767_225_600, "1767225600", True, [], {}, "", "soon", "2026-01-01", "2026-13-01T00:00:00Z"),
    *("2026-03-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T25:00:00Z"),
)
NO_DAY: Sequence[Any] = (
    20_454,
    "20454",
    True,
    [],
    {},
    "",
    "soon",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "2026-01-01T12:00:00Z",
)
NO_NUMBER: Sequence[Any] = (
    *("7", "", 1.5, True, [], {}),
    *(MAX_INTEGER + 1, -MAX_INTEGER - 1, 2**63, -(2**63) - 1, 10**40),
)
NO_ANSWER: Sequence[Any] = ("true", "", 1, 0, [], {})
NO_LIST: Sequence[Any] = ("x", 7, {}, True)
NO_OBJECT: Sequence[Any] = ("x", 7, [], True)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body: where, what may stand there (JSON schema), and whether it may be left out or be null."""

    path: Path
    schema: Mapping[str, Any]
    required: bool
    nullable: bool

    @property
    def kind(self) -> str:
        """What can never stand there: the door reads codes and ids itself, of a text it reads that it is one."""
        if "maxLength" in self.schema:
            return "text"
        if "enum" in self.schema or "const" in self.schema:
            return "code"
        if self.schema["type"] != "string":
            return str(self.schema["type"])
        if "pattern" in self.schema:
            return "id"
        return str(self.schema.get("format") or "number with check digits")


@cache
def schema_of(intent: str) -> Mapping[str, Any]:
    return inline(body_model(DOOR[intent]))


def fields(schema: Mapping[str, Any], body: Any, path: Path = ()) -> Iterator[Field]:
    """Yield every field of a body, those inside lists and objects where the body has some, too."""
    for name, described in schema.get("properties", {}).items():
        choices = described.get("anyOf", [described])
        nullable = {"type": "null"} in choices
        (what,) = (choice for choice in choices if choice != {"type": "null"})
        required = name in schema.get("required", ())
        yield Field((*path, name), what, required, nullable)
        within = body.get(name)
        if isinstance(within, dict):
            yield from fields(what, within, (*path, name))
        elif within and isinstance(within, list):
            yield from _items(what["items"], within[0], (*path, name, 0))


def _items(schema: Mapping[str, Any], item: Any, path: Path) -> Iterator[Field]:
    yield Field(path, schema, required=True, nullable=False)
    if isinstance(item, dict):
        yield from fields(schema, item, path)


def wrong_values(field: Field, body: Mapping[str, Any]) -> Sequence[Any]:
    """Give values that can never stand in the field, whatever the state of things."""
    values = {
        "code": NO_CODE,
        "id": (*NO_ID, "") if field.required else NO_ID,
        "text": NO_PLAIN_TEXT,
        "date-time": NO_INSTANT,
        "date": NO_DAY,
        "integer": NO_NUMBER,
        "boolean": NO_ANSWER,
        "array": NO_LIST,
        "object": NO_OBJECT,
        "number with check digits": NO_TEXT,
    }[field.kind]
    if field.kind == "array" and (items := value_at(body, field.path)):
        values = (*values, [items[0]] * (MAX_ITEMS + 1))
    return values if field.nullable else (*values, None)


def value_at(body: Any, path: Path) -> Any:
    for part in path:
        body = body.get(part) if isinstance(body, dict) else body[part]
    return body


def with_value(body: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(body))
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return changed


def without(body: Mapping[str, Any], path: Path) -> dict[str, Any]:
    changed = copy.deepcopy(dict(body))
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return changed
