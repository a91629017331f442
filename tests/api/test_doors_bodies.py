"""For every command: a body that is not what the command needs is refused, and changes nothing."""

from __future__ import annotations

import json
from dataclasses import fields as dataclass_fields

import pytest

from api.rest.bodies import FRAME
from api.rest.command_endpoints import MAX_BODY_BYTES
from domain.kernel.kinds import MAX_INTEGER
from tests.api.world import DOOR, Request, World, must_be_a_problem, must_be_refused, problem_code
from tests.api.world.wrong_bodies import Field, fields, schema_of, value_at, with_value, without, wrong_values
from tests.check_digits import service_number, with_wrong_check_digits

pytestmark = pytest.mark.usefixtures("nothing_changes")
EVERY_DOOR = pytest.mark.parametrize("intent", DOOR)
NEEDS_NOTHING = {intent for intent in DOOR if not schema_of(intent).get("required")}

NOT_JSON = (b"{", b"{]", b'{"a":1,}', b"\xff", b'{"a":"\x00"}', b"[" * 100_000, b'{"a":1}{"a":2}', b"NaN", b"x")
NOT_AN_OBJECT = (b"[]", b"null", b'"text"', b"7", b"true", b"[{}]")


def fields_of(example: Request) -> list[Field]:
    return list(fields(schema_of(example.intent), example.body))


@EVERY_DOOR
def test_what_is_not_json_is_refused(world: World, example: Request) -> None:
    for content in NOT_JSON:
        must_be_refused(world.sends(example, content=content), 400, "malformed-request")


@EVERY_DOOR
def test_a_body_that_is_not_an_object_is_refused(world: World, example: Request) -> None:
    for content in NOT_AN_OBJECT:
        must_be_refused(world.sends(example, content=content), 400, "malformed-request")


@EVERY_DOOR
def test_a_missing_field_is_refused(world: World, example: Request) -> None:
    required = [field for field in fields_of(example) if field.required and isinstance(field.path[-1], str)]
    assert bool(required) is (example.intent not in NEEDS_NOTHING)
    for field in required:
        body = without(example.body, field.path)
        answer = world.sends(example, body=body)
        must_be_refused(answer, 400, "malformed-request", body)
        (issue,) = answer.json()["issues"]
        assert (issue["code"], issue["location"]) == ("missing", pointer(field))
    if required:
        must_be_refused(world.sends(example, content=b""), 400, "malformed-request")


@EVERY_DOOR
def test_a_value_of_the_wrong_kind_is_refused(world: World, example: Request) -> None:
    for field in fields_of(example):
        for value in wrong_values(field, example.body):
            body = with_value(example.body, field.path, value)
            answer = world.sends(example, body=body)
            if answer.is_success:
                pytest.fail(f"{field.path} took {value!r}")
            must_be_refused(answer, 400, "malformed-request", body)
            # A lone surrogate is not JSON: then it is the whole body that is wrong.
            at_fault = (
                "" if isinstance(value, str) and not value.isprintable() and "\\ud" in ascii(value) else pointer(field)
            )
            assert answer.json()["issues"][0]["location"].startswith(at_fault), (answer.text, field)


@EVERY_DOOR
def test_an_unknown_field_is_refused(world: World, example: Request) -> None:
    door = DOOR[example.intent]
    snake_case = {field.path[-1] for field in fields_of(example)}
    facts = {field.name for field in dataclass_fields(door.command)} - snake_case
    known = set(schema_of(example.intent).get("properties", {}))
    for name in {"unexpected", "", "__class__", door.creates, *facts, *FRAME, *example.ids} - known:
        answer = world.sends(example, body={**example.body, name: "Janssens, Ann"})
        must_be_refused(answer, 400, "malformed-request", ["Janssens, Ann"])


@EVERY_DOOR
def test_a_number_in_the_place_of_a_name_is_not_repeated(world: World, example: Request) -> None:
    number = "85051750139"
    answer = world.sends(example, body={**example.body, number: "x"})
    must_be_refused(answer, 400, "malformed-request", [number + "."])
    assert number not in answer.text


@EVERY_DOOR
def test_an_empty_text_is_refused_where_one_is_needed(world: World, example: Request) -> None:
    for field in fields_of(example):
        if field.kind == "text" and field.required:
            for text in ("", "   "):
                body = with_value(example.body, field.path, text)
                answer = world.sends(example, body=body)
                # A consent to a notice without a version is one to a notice that was not shown.
                expected = 409 if example.intent == "grant-consent" else 422
                assert answer.status_code == expected, (field.path, answer.text)
                must_be_a_problem(answer, body)


@EVERY_DOOR
def test_a_number_out_of_range_is_refused(world: World, example: Request) -> None:
    for field in fields_of(example):
        if field.kind == "integer":
            # Only the amount of an invoice may be below zero: a credit note, or one paid in advance.
            for value in (MAX_INTEGER, -1) if field.path != ("payableCents",) else (MAX_INTEGER,):
                answer = world.sends(example, body=with_value(example.body, field.path, value))
                assert answer.status_code in (409, 422), (field.path, value, answer.text)
                must_be_a_problem(answer)


@EVERY_DOOR
def test_wrong_check_digits_are_refused(world: World, example: Request) -> None:
    for field in fields_of(example):
        if field.kind == "number with check digits":
            number = value_at(example.body, field.path)
            spelt = f"{number[:4]}.{number[4:7]}.{number[7:]}"
            for wrong in (
                with_wrong_check_digits(number),
                spelt,
                f" {number}",
                f"BE{number}",
                number[:-1],
                "",
                "0" * 11,
            ):
                body = with_value(example.body, field.path, wrong)
                must_be_refused(world.sends(example, body=body), 422, "invalid-check-digits", body)


@EVERY_DOOR
def test_a_body_that_is_too_large_is_refused(world: World, example: Request) -> None:
    padded = json.dumps(dict(example.body)).encode().ljust(MAX_BODY_BYTES + 1)
    must_be_refused(world.sends(example, content=padded), 413, "body-too-large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-ndjson", "multipart/form-data"])
@EVERY_DOOR
def test_another_media_type_is_refused(media_type: str, world: World, example: Request) -> None:
    answer = world.sends(example, headers={"Content-Type": media_type})
    must_be_refused(answer, 415, "unsupported-media-type")


# --- Numbers whose digits are right and that are still wrong --------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "field", "value", "code"),
    [
        ("register-person-from-national-register", "nationalNumber", service_number(1), "wrong-national-number"),
        ("register-person-from-national-register", "nationalNumber", "85451750113", "bis-number"),
        ("register-person-by-registration-authority", "nationalNumber", "85051700192", "not-a-bis-number"),
        ("register-person-by-eidas", "eidasIdentifier", "ES/NL/12345", "invalid-eidas-identifier"),
        ("register-person-by-eidas", "eidasIdentifier", "ES/BE/ü", "invalid-eidas-identifier"),
        ("register-person-by-eidas", "memberState", "be", "not-another-member-state"),
        ("register-organisation", "enterpriseNumber", "12345678", "wrong-enterprise-number"),
        ("receive-invoice", "supplierNumber", "12345678", "invalid-supplier-number"),
    ],
)
def test_a_number_of_another_kind_is_refused(field: str, value: str, code: str, world: World, example: Request) -> None:
    if field == "nationalNumber" and code != "wrong-national-number":
        value = value[:9] + f"{97 - int(value[:9]) % 97:02d}"
    body = with_value(example.body, (field,), value)
    must_be_refused(world.sends(example, body=body), 422, code, body)


@pytest.mark.parametrize("reference", ["090933755494", "RF18539007547035", "9000000000000000", "", "abc"])
def test_a_payment_reference_with_wrong_check_digits_is_refused(
    reference: str, world: World, example_of: dict[str, Request]
) -> None:
    example = example_of["send-message"]
    body = with_value(example.body, ("payment", "reference"), reference)
    must_be_refused(world.sends(example, body=body), 422, "invalid-payment-reference", [reference])


def test_no_more_than_twenty_issues_are_listed(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["refuse-invoice"]
    answer = world.sends(example, body={**example.body, "ruleIds": [7] * 100})
    must_be_refused(answer, 400, "malformed-request")
    assert len(answer.json()["issues"]) == 20
    assert problem_code(answer) == "malformed-request"


def pointer(field: Field) -> str:
    return "".join(f"/{part}" for part in field.path)
