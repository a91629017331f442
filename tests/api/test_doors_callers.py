"""For every command: what the headers must say of the caller, the version and the key; a refusal changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from application.ports import Caller, Role
from infrastructure.tokens.issuer import LocalIssuer
from tests.api.world import BEGIN, DOOR, Request, World, must_be_refused

pytestmark = pytest.mark.usefixtures("nothing_changes")
EVERY_DOOR = pytest.mark.parametrize("intent", DOOR)


# --- Tokens ---------------------------------------------------------------------------------------------------------


@EVERY_DOOR
def test_without_a_token_it_is_refused(world: World, example: Request) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic YWxhZGRpbjpvcGVuc2VzYW1l"):
        answer = world.sends(example, headers={"Authorization": header})
        must_be_refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer, DPoP algs=")


@EVERY_DOOR
def test_with_a_token_that_is_not_valid_it_is_refused(world: World, example: Request, wrong_tokens: list[str]) -> None:
    for token in wrong_tokens:
        answer = world.sends(example, headers={"Authorization": f"Bearer {token}"})
        must_be_refused(answer, 401, "invalid-token", [token])
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.fixture(scope="module")
def wrong_tokens(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A token that is none, one whose signature is cut, one of another issuer, and one that has expired."""
    caller = Caller(subject="official-7", role=Role.AGENCY, organisation_id=world.id["provider"])
    foreign = LocalIssuer(Path(tmp_path_factory.mktemp("foreign")), "kroniek-local", "kroniek")
    good = world.token(Role.AGENCY, "provider")
    expired = world.issue(caller, BEGIN - timedelta(days=2), timedelta(days=1))
    return ["none", good[:-8], foreign.issue(caller, BEGIN, timedelta(days=365)), expired]


# --- Versions and keys ----------------------------------------------------------------------------------------------


@EVERY_DOOR
def test_a_version_that_is_not_the_current_one_is_refused(world: World, example: Request) -> None:
    must_be_refused(world.sends(example, headers={"If-Match": '"999"'}), 412, "stale-version")


@EVERY_DOOR
def test_a_malformed_version_is_refused(world: World, example: Request) -> None:
    for version in ("3", "W/3", 'w/"3"', '"3', '"3""4"', '"3" "4"', ",", "", '"\u00b3"', '*, "3"'):
        answer = world.sends(example, headers={"If-Match": version})
        must_be_refused(answer, 400, "malformed-version")


@pytest.mark.parametrize("intent", [intent for intent, door in DOOR.items() if door.versioned])
def test_where_a_version_is_needed_it_must_be_given(world: World, example: Request) -> None:
    must_be_refused(world.sends(example, headers={"If-Match": None}), 428, "version-missing")


@EVERY_DOOR
def test_without_an_idempotency_key_it_is_refused(world: World, example: Request) -> None:
    for key in (None, ""):
        must_be_refused(world.sends(example, headers={"Idempotency-Key": key}), 400, "idempotency-key-missing")


@EVERY_DOOR
def test_a_malformed_idempotency_key_is_refused(world: World, example: Request) -> None:
    for key in ("k" * 201, "a\tb", "a b", "a\u0085b", "cl\u00e9-1"):
        answer = world.sends(example, headers={"Idempotency-Key": key})
        must_be_refused(answer, 400, "malformed-idempotency-key", [key])
