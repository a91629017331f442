"""Requests at the doors of the OpenAPI document: as it describes them, not as it does, and nearly right examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import requests
import schemathesis
from httpx2 import Response
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from schemathesis import GenerationMode, SerializationContext
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from projections.registry import PROJECTIONS
from tests.api.world import Request, World
from tests.api.world.examples import examples
from tests.api.world.wrong_bodies import Field, fields, schema_of, with_value, without, wrong_values
from tests.fuzz.callers import Callers, Headers
from tests.fuzz.described import AnyCase, Operation, operations
from tests.fuzz.findings import Sent
from tests.fuzz.promises import EVERY_DOOR, wrong_in_problem
from tests.fuzz.sending import BASE, Sender

JSON, NDJSON = "application/json", "application/x-ndjson"
CONFORMS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SUCCESSES = range(200, 300)
BULK = "send-commands"
NAMES = [projection.name for projection in PROJECTIONS]


@schemathesis.serializer(NDJSON)
def _lines(_context: SerializationContext, value: Any) -> bytes:
    """Write a list as lines; anything else is one line, as schemathesis makes it from the description of a line."""
    return value if isinstance(value, bytes) else b"\n".join(map(_dumped, _listed(value)))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return repr(value).encode(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A case of schemathesis, and the header fields of whoever sends it."""

    kind: str
    case: AnyCase
    headers: Headers


class Rest:
    """Makes requests for the doors of a world, sends them and holds the answers against the document."""

    def __init__(self, world: World) -> None:
        self._sender = Sender(world)
        self._callers = Callers(world)
        self._examples = examples(world)
        self._ids = sorted(set(world.id.values()))
        document = world.app.openapi()
        schema = schemathesis.openapi.from_dict(document)
        self.doors = operations(schema)

    # --- Making -----------------------------------------------------------------------------------------------------

    def wishes(self, door: Operation) -> Sequence[st.SearchStrategy[Wish]]:
        """Return what can be asked at a door, each in a way of its own."""
        example = self._examples.get(_intent(door))
        as_a_rule = None if example is None else (example.role, example.organisation)
        version = "" if example is None else example.if_match or ""
        headers = self._callers.headers(as_a_rule=as_a_rule, version=version)
        ways = [_wishes("rest, as described", self._among_ids(door.as_strategy()), headers)]
        if door.definition.raw.keys() & {"parameters", "requestBody"}:
            wrong = door.as_strategy(generation_mode=GenerationMode.NEGATIVE)
            ways.append(_wishes("rest, not as described", wrong, headers))
        if example is not None:
            cases = st.builds(lambda ids, body: _case(door, ids, body), self._ids_near(example), _near(example))
            ways.append(_wishes("rest, an example changed", cases, headers))
        if _intent(door) == BULK:
            lines = st.lists(self._line(), min_size=1, max_size=4).map(lambda body: _case(door, {}, body))
            ways.append(_wishes("rest, examples in lines", lines, headers))
        return ways

    def _among_ids(self, cases: st.SearchStrategy[AnyCase]) -> st.SearchStrategy[AnyCase]:
        """Let the ids in the path of most cases be those of something that there is."""

        def placed(case: AnyCase, chosen: Sequence[str], name: str, is_there: bool) -> AnyCase:
            # What is drawn for who asks and why would nearly always be refused: that is drawn by `Callers`.
            case.headers.clear()
            if is_there:
                ids = dict(zip(case.path_parameters, chosen, strict=False))
                case.path_parameters = ids | ({"projection": name} if "projection" in ids else {})
            return case

        several = st.lists(st.sampled_from(self._ids), min_size=3, max_size=3)
        return st.builds(placed, cases, several, st.sampled_from(NAMES), st.booleans())

    def _ids_near(self, example: Request) -> st.SearchStrategy[Mapping[str, str]]:
        other = st.dictionaries(st.sampled_from(sorted(example.ids) or [""]), st.sampled_from(self._ids), max_size=1)
        return st.builds(
            lambda given, seldom: {**example.ids, **(given if seldom == 3 else {})}, other, st.integers(0, 3)
        )

    def _line(self) -> st.SearchStrategy[Any]:
        def line(intent: str) -> st.SearchStrategy[Any]:
            example = self._examples[intent]
            whole = st.fixed_dictionaries(
                {
                    "command": st.just(intent) | st.sampled_from(["", "no-such-command"]),
                    "idempotencyKey": st.text(min_size=1, max_size=12) | st.none(),
                    "ids": self._ids_near(example).map(_outward),
                    "body": _near(example),
                },
                optional={"ifMatch": st.sampled_from(['"1"', "1", ""]), "other": st.none()},
            )
            return st.one_of(whole, whole, whole, st.sampled_from([None, 7, "", [], {}]))

        return st.sampled_from(sorted(self._examples)).flatmap(line)

    # --- Sending ----------------------------------------------------------------------------------------------------

    def send(self, wish: Wish) -> tuple[Sent, Response, Iterator[str]]:
        """Send a request; return it, the answer, and what is wrong with the answer."""
        case = wish.case
        made = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        headers = {str(name).lower(): _text(value) for name, value in made.headers.items() if name != "Content-Length"}
        headers |= {name.lower(): value for name, value in wish.headers.items()}
        content = made.body.encode() if isinstance(made.body, str) else made.body or b""
        assert isinstance(content, bytes)
        sent = Sent(
            door=f"{case.method} {case.path}",
            kind=wish.kind,
            method=str(made.method),
            url=str(made.url),
            headers=headers,
            content=content,
        )
        answer = self._sender.send(sent)
        return sent, answer, self._wrong(sent, answer, case)

    def _wrong(self, sent: Sent, answer: Response, case: AnyCase) -> Iterator[str]:
        for promise in EVERY_DOOR:
            yield from promise(sent, answer)
        try:
            case.validate_response(answer, checks=CONFORMS)
        except FailureGroup as group:
            yield from (f"{failure.title}: {failure.message}"[:300] for failure in group.exceptions)
        if answer.status_code in SUCCESSES:
            yield from _accepted_wrongly(sent, case)
            if _intent(case.operation) == BULK:
                yield from _wrong_in_lines(answer)


def _wishes(
    kind: str, cases: st.SearchStrategy[AnyCase], headers: st.SearchStrategy[Headers]
) -> st.SearchStrategy[Wish]:
    return st.builds(lambda case, given: Wish(kind=kind, case=case, headers=given), cases, headers)


def _intent(door: Operation) -> str:
    return str(door.definition.raw.get("operationId", ""))


def _case(door: Operation, ids: Mapping[str, str], body: Any) -> AnyCase:
    (media_type,) = door.definition.raw["requestBody"]["content"]
    return door.Case(path_parameters=_outward(ids), body=body, media_type=media_type)


def _outward(ids: Mapping[str, str]) -> dict[str, str]:
    return {_camel(name): value for name, value in ids.items() if name}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


# --- Nearly right ---------------------------------------------------------------------------------------------------


def _near(example: Request) -> st.SearchStrategy[Any]:
    """Draw bodies that differ from that of an example in at most two fields."""
    found = [*fields(schema_of(example.intent), example.body)]
    if not found:
        return st.just(dict(example.body))
    changes = st.lists(st.sampled_from(found).flatmap(lambda field: _change(field, example)), max_size=2)
    return changes.map(lambda drawn: _changed(example.body, drawn))


def _change(field: Field, example: Request) -> st.SearchStrategy[tuple[Field, Any]]:
    wrong = st.sampled_from([*wrong_values(field, example.body), None])
    values: st.SearchStrategy[Any] = wrong | st.text(max_size=20) | st.integers() if field.kind != "array" else wrong
    return values.map(lambda value: (field, value))


def _changed(body: Mapping[str, Any], changes: Sequence[tuple[Field, Any]]) -> dict[str, Any]:
    changed = dict(body)
    for field, value in changes:
        try:
            changed = without(changed, field.path) if value == "leave out" else with_value(changed, field.path, value)
        except (KeyError, TypeError, IndexError):
            # What held the field was taken away by the change before.
            continue
    return changed


# --- What the answer says of the request ----------------------------------------------------------------------------


def _accepted_wrongly(sent: Sent, case: AnyCase) -> Iterator[str]:
    """What was accepted is as the document describes it: nothing more lax than what is written."""
    described = case.operation.definition.raw.get("requestBody", {}).get("content", {}).get(JSON)
    if described is not None and not validator_for(described["schema"]).is_valid(orjson.loads(sent.content or b"{}")):
        yield "accepts a body that the document forbids"


def _wrong_in_lines(answer: Response) -> Iterator[str]:
    for line in answer.content.splitlines():
        said = orjson.loads(line)
        if said["status"] == "refused":
            yield from wrong_in_problem(said["problem"], said["problem"]["status"])
        if "internal-error" in line.decode():
            yield "a line failed"
