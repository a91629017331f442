"""Finding a person by number: the number travels in the body only, and a refusal does not repeat it."""

from __future__ import annotations

import pytest
from httpx2 import Response

from application.ports import Role
from tests.api.numbers import national_number, with_wrong_check_digits
from tests.api.refused import must_be_refused
from tests.api.world import World

PATH = "/persons/lookups"


def look_up(world: World, body: object, role: Role = Role.AGENCY) -> Response:
    headers = world.headers(role, "agency")
    if isinstance(body, bytes):
        return world.client.post(PATH, content=body, headers=headers)
    return world.client.post(PATH, json=body, headers=headers)


def test_a_registered_person_is_found(world: World) -> None:
    answer = look_up(world, {"nationalNumber": national_number(1)})
    assert answer.status_code == 200
    assert answer.json() == {"personId": world.id["ann"]}


def test_nobody_is_found_under_another_number(world: World) -> None:
    body = {"nationalNumber": national_number(900)}
    must_be_refused(look_up(world, body), 404, "person-not-found", body)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"nationalNumber": with_wrong_check_digits(national_number(1))}, 422, "invalid-check-digits"),
        ({"nationalNumber": ""}, 422, "invalid-check-digits"),
        ({"nationalNumber": int(national_number(1))}, 400, "malformed-request"),
        ({"nationalNumber": None}, 400, "malformed-request"),
        ({"national_number": national_number(1)}, 400, "malformed-request"),
        ({"nationalNumber": national_number(1), "more": 1}, 400, "malformed-request"),
        ({}, 400, "malformed-request"),
        (b"", 400, "malformed-request"),
        (b"[]", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b"\xff", 400, "malformed-request"),
    ],
)
def test_a_malformed_number_is_refused(body: object, status: int, code: str, world: World) -> None:
    must_be_refused(look_up(world, body), status, code, body)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
def test_other_roles_are_refused(role: Role, world: World) -> None:
    must_be_refused(look_up(world, {"nationalNumber": national_number(1)}, role), 403, "role-not-allowed")


def test_callers_and_content_are_looked_at(world: World) -> None:
    must_be_refused(world.client.post(PATH, json={}), 401, "unauthenticated")
    headers = world.headers(Role.AGENCY, "agency")
    plain = world.client.post(PATH, content=b"x", headers=headers | {"Content-Type": "text/plain"})
    must_be_refused(plain, 415, "unsupported-media-type")
    must_be_refused(look_up(world, b" " * 1_000_001), 413, "body-too-large")
