"""The bulk door: an answer for each line, in order, as if each had been sent by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from pydantic.alias_generators import to_camel

from api.rest.command_endpoints import BULK_CHUNK_LINES, MAX_BODY_BYTES, MAX_BULK_LINES
from api.web.door_bounds import BOUNDS
from application.ports import Role
from tests.api.world import DOOR, NDJSON, PLATFORM, Request, World, built_world, must_be_refused, organisation
from tests.api.world.examples import examples


def outward(ids: Mapping[str, str]) -> dict[str, str]:
    return {to_camel(name): value for name, value in ids.items()}


def line_of(example: Request, key: str, **more: Any) -> dict[str, Any]:
    line = {"command": example.intent, "idempotencyKey": key, "ids": outward(example.ids), "body": dict(example.body)}
    return line | ({} if example.if_match is None else {"ifMatch": example.if_match}) | more


def register(name: str, serial: int, key: str) -> dict[str, Any]:
    return {"command": "register-organisation", "idempotencyKey": key, "body": organisation(name, serial)}


def send(
    world: World, lines: Sequence[Mapping[str, Any] | bytes], role: Role = Role.ADMINISTRATOR, by: str = PLATFORM
) -> Response:
    return world.caller(role, by).sends_lines(lines)


def answers_of(answer: Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == NDJSON
    answers = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["line"] for each in answers] == list(range(1, len(answers) + 1))
    return answers


def codes_of(answer: Response) -> list[str]:
    return [each["problem"]["type"].rpartition(":")[2] if "problem" in each else "" for each in answers_of(answer)]


# --- As if sent singly ----------------------------------------------------------------------------------------------


def test_every_command_has_the_same_result_as_when_sent_singly(
    world: World, example_of: dict[str, Request], another_world: World
) -> None:
    """All examples singly in one world, and as lines in its twin, in the same order; each caller sends its own.

    Some examples of different callers are about the same person: in another order they have other versions.
    """
    twins = examples(another_world)
    for role, by in sorted({(example.role, example.organisation) for example in twins.values()}):
        theirs = {
            intent: example for intent, example in twins.items() if (example.role, example.organisation) == (role, by)
        }
        singly = {intent: world.sends(example_of[intent], key=f"one-{intent}").json() for intent in theirs}
        lines = [line_of(example, f"one-{intent}") for intent, example in theirs.items()]
        for intent, answer in zip(theirs, answers_of(send(another_world, lines, role, by)), strict=True):
            assert answer["status"] == "accepted", answer
            assert (answer["version"], answer["events"]) == (singly[intent]["version"], singly[intent]["events"])
    assert world.holdings() == another_world.holdings()


@pytest.fixture
def another_world(database_url: str, keys_url: str, tmp_path: Path) -> Iterator[World]:
    with built_world(tmp_path, database_url, keys_url) as world:
        yield world


def test_a_key_used_singly_is_known_to_the_bulk_door_and_the_other_way_round(world: World) -> None:
    first = organisation("one way", 600)
    request = Request(intent="register-organisation", role=Role.ADMINISTRATOR, body=first)
    singly = world.sends(request, key="one-way").json()
    before = world.holdings()
    (in_bulk,) = answers_of(send(world, [register("one way", 600, "one-way")]))
    assert {name: in_bulk[name] for name in singly} == singly
    (new,) = answers_of(send(world, [register("back", 601, "back")]))
    again = world.sends(replace(request, body=organisation("back", 601)), key="back")
    assert again.json()["id"] == new["id"]
    assert world.holdings()[3] == before[3] + 1


# --- Lines by themselves --------------------------------------------------------------------------------------------


def test_each_line_stands_or_falls_by_itself_and_answers_come_in_order(world: World) -> None:
    lines: list[dict[str, Any] | bytes] = [
        register("first", 610, "bulk-1"),
        b"{not json",
        register("of the same number", 610, "bulk-2"),
        register("third", 611, "bulk-3"),
        {
            **register("wrong digits", 612, "bulk-4"),
            "body": organisation("x", 612) | {"enterpriseNumber": "0123456789"},
        },
    ]
    before = world.holdings()
    answers = send(world, lines)
    assert codes_of(answers) == ["", "malformed-line", "enterprise-number-taken", "", "invalid-check-digits"]
    assert world.holdings()[0] == before[0] + 2
    assert [each["status"] for each in answers_of(answers)] == ["accepted", "refused", "refused", "accepted", "refused"]


def test_a_later_line_builds_on_an_earlier_one(world: World) -> None:
    ids = {"organisationId": world.id["agency"]}
    enrol, end = {"command": "enrol-organisation", "ids": ids}, {"command": "end-enrolment", "ids": ids}
    role, other = {"enrolment": "mailbox_provider"}, {"enrolment": "mailbox_sender"}
    wishes = ((enrol, role), (end, role), (enrol, role), (end, other))
    lines = [wish | {"idempotencyKey": f"b-{n}", "body": body} for n, (wish, body) in enumerate(wishes)]
    answers = send(world, lines)
    assert codes_of(answers) == ["", "", "", "not-enrolled"]
    versions = [each["version"] for each in answers_of(answers)[:3]]
    assert versions == list(range(versions[0], versions[0] + 3))
    # Sent again, the whole request has the same answers, and nothing is appended.
    before = world.holdings()
    assert send(world, lines).content == answers.content
    assert world.holdings() == before


def test_roles_and_organisations_are_looked_at_for_each_line(world: World, example_of: dict[str, Request]) -> None:
    lines = [
        register("not by an agency", 620, "r-1"),
        line_of(example_of["register-service"], "r-2"),
        line_of(example_of["close-service"], "r-3"),
        line_of(example_of["expire-key"], "r-4"),
        line_of(example_of["change-double-channel"], "r-5", ifMatch=None),
    ]
    codes = codes_of(send(world, lines, Role.AGENCY, "provider"))
    assert codes == ["role-not-allowed", "", "not-your-service", "role-not-allowed", "version-missing"]


def test_a_line_said_twice_in_one_request_is_decided_once(world: World) -> None:
    before = world.holdings()
    line = register("said twice", 630, "twice")
    first, again = answers_of(send(world, [line, line]))
    assert {**again, "line": 1} == first
    assert world.holdings()[0] == before[0] + 1
    other = register("said otherwise", 631, "twice")
    assert codes_of(send(world, [other])) == ["idempotency-key-reused"]
    assert codes_of(send(world, [register("both", 632, "both"), register("both ways", 633, "both")])) == [
        "",
        "idempotency-key-reused",
    ]


def test_a_line_that_only_repeats_does_not_mislead_the_lines_after_it(world: World) -> None:
    """Decided anew, the repeated line would have an effect; the line after it must not build on that."""
    agency = {"organisationId": world.id["target"]}
    role = {"enrolment": "mailbox_provider"}
    enrol = {"command": "enrol-organisation", "ids": agency, "body": role}
    end = {"command": "end-enrolment", "ids": agency, "body": role}
    assert codes_of(send(world, [enrol | {"idempotencyKey": "m-1"}, end | {"idempotencyKey": "m-2"}])) == ["", ""]
    repeated, after = answers_of(send(world, [enrol | {"idempotencyKey": "m-1"}, end | {"idempotencyKey": "m-3"}]))
    assert repeated["events"] == ["organisations.organisation-enrolled.v1"]
    assert (after["status"], after["events"]) == ("accepted", [])


# --- Malformed ------------------------------------------------------------------------------------------------------

RENAME = b'{"command":"rename-organisation","idempotencyKey":"k","ids":{"organisationId":"a"},"ifMatch":"%s"}'
WRONG_LINES = (
    (b"", "malformed-line"),
    (b"   ", "malformed-line"),
    (b"[]", "malformed-line"),
    (b"null", "malformed-line"),
    (b'"register-organisation"', "malformed-line"),
    (b"{}", "malformed-line"),
    (b"\xff", "malformed-line"),
    (b'{"command":"end-session"', "malformed-line"),
    (b'{"command":7,"idempotencyKey":"k"}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":7}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":"k","ids":["a"]}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":"k","ids":{"sessionId":7}}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":"k","ids":{"sessionId":"\\ud800"}}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":"k","ifMatch":7}', "malformed-line"),
    (b'{"command":"end-session","idempotency_key":"k"}', "malformed-line"),
    (b'{"command":"end-session","idempotencyKey":"k","organisation":"x"}', "malformed-line"),
    (b"[" * 50_000, "malformed-line"),
    (b'{"command":"no-such-command","idempotencyKey":"k"}', "unknown-command"),
    (b'{"command":"","idempotencyKey":"k"}', "unknown-command"),
    (b'{"command":"register-organisation"}', "idempotency-key-missing"),
    (b'{"command":"register-organisation","idempotencyKey":""}', "idempotency-key-missing"),
    (b'{"command":"register-organisation","idempotencyKey":"a\\u0000b"}', "malformed-idempotency-key"),
    (b'{"command":"register-organisation","idempotencyKey":"k"}', "malformed-request"),
    (b'{"command":"register-organisation","idempotencyKey":"k","body":null}', "malformed-request"),
    (b'{"command":"register-organisation","idempotencyKey":"k","body":[]}', "malformed-request"),
    (b'{"command":"register-organisation","idempotencyKey":"k","ids":{"x":"y"}}', "malformed-request"),
    (b'{"command":"rename-organisation","idempotencyKey":"k"}', "malformed-request"),
    (b'{"command":"rename-organisation","idempotencyKey":"k","ids":{"organisationId":"a"}}', "version-missing"),
    *((RENAME % version, "malformed-version") for version in (b"1", b'\\"\xd9\xa3\\"', b'\\"1\\"\\n')),
)


@pytest.mark.parametrize(("line", "code"), WRONG_LINES, ids=range(len(WRONG_LINES)))
def test_a_line_that_is_not_understood_is_refused_and_the_next_one_is_not(line: bytes, code: str, world: World) -> None:
    before = world.holdings()
    number = WRONG_LINES.index((line, code))
    good = register("good", 640 + number, f"good-{number}")
    assert codes_of(send(world, [line, good])) == [code, ""]
    assert world.holdings()[0] == before[0] + 1


def test_a_line_that_is_too_long_is_refused_by_itself(world: World) -> None:
    long = register("long", 690, "long")
    long["body"]["names"]["nl"] = "x" * MAX_BODY_BYTES
    assert codes_of(send(world, [long, register("short", 691, "short")])) == ["body-too-large", ""]


def test_no_more_lines_than_the_bound(world: World) -> None:
    before = world.holdings()
    must_be_refused(send(world, [b"{}"] * (MAX_BULK_LINES + 1)), 413, "too-many-lines")
    assert set(codes_of(send(world, [b"{}"] * MAX_BULK_LINES))) == {"malformed-line"}
    assert world.holdings() == before


def test_no_more_bytes_than_the_bound(world: World) -> None:
    must_be_refused(send(world, [b" " * (BOUNDS.bulk_bytes + 1)]), 413, "body-too-large")


def test_lines_over_several_chunks_are_answered_in_order(world: World) -> None:
    service = {
        "command": "register-service",
        "body": {"names": {"nl": "x"}, "audience": "citizen", "minimumLevel": "low"},
    }
    lines = [service | {"idempotencyKey": f"chunk-{n}"} for n in range(BULK_CHUNK_LINES + 20)]
    lines[BULK_CHUNK_LINES] = {"command": "register-service", "idempotencyKey": "odd", "body": {}}
    before = world.holdings()
    codes = codes_of(send(world, lines, Role.AGENCY, "agency"))
    assert codes.pop(BULK_CHUNK_LINES) == "malformed-request"
    assert set(codes) == {""}
    assert world.holdings()[0] == before[0] + len(codes)


def test_an_empty_request_has_no_answers(world: World) -> None:
    assert answers_of(send(world, [])) == []


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_another_media_type_is_refused(media_type: str, world: World) -> None:
    administrator = world.caller(Role.ADMINISTRATOR)
    answer = administrator.requests("POST", "/commands", {"Content-Type": media_type}, content=b"{}")
    must_be_refused(answer, 415, "unsupported-media-type")


def test_without_a_token_nothing_is_read(world: World) -> None:
    must_be_refused(world.anybody.sends_lines([b"{}"]), 401, "unauthenticated")


def test_the_names_of_commands_are_those_of_the_doors(world: World) -> None:
    described = world.anybody.reads("/openapi.json").json()["paths"]["/commands"]["post"]
    line = described["requestBody"]["content"][NDJSON]["schema"]
    assert line["properties"]["command"]["enum"] == sorted(DOOR)
