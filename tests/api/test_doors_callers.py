"""For every command: who may not send it, and what the headers must say; a refusal changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from application.ports import Caller, Role
from infrastructure.tokens import LocalIssuer
from tests.api.refused import must_be_refused, post
from tests.api.world import BEGIN, DOOR, Request, World

pytestmark = pytest.mark.usefixtures("nothing_changes")
EVERY_DOOR = pytest.mark.parametrize("intent", DOOR)

# The stranger is enrolled in every role and the outsider in none; neither owns anything that the examples are about.
STRANGER, OUTSIDER = "stranger", "outsider"
REFUSED_TO_OTHERS = {
    "enrol-as-sender": (STRANGER, "not-your-organisation"),
    "change-double-channel": (STRANGER, "not-your-organisation"),
    "end-sender-enrolment": (STRANGER, "not-your-organisation"),
    "request-recognition": (STRANGER, "not-your-organisation"),
    "register-service": (OUTSIDER, "not-a-service-provider"),
    "close-service": (STRANGER, "not-your-service"),
    "register-person-by-registration-authority": (OUTSIDER, "not-a-registration-authority"),
    "register-key": (OUTSIDER, "provider-not-recognised"),
    "activate-key": (STRANGER, "not-the-keys-provider"),
    "suspend-key": (STRANGER, "not-the-keys-provider"),
    "resume-key": (STRANGER, "not-the-keys-provider"),
    "revoke-key": (STRANGER, "not-the-keys-provider"),
    "open-session": (STRANGER, "not-the-keys-provider"),
    "access-service": (STRANGER, "not-the-sessions-provider"),
    "end-session": (STRANGER, "not-the-sessions-provider"),
    "request-mandate": (STRANGER, "no-session-at-caller"),
    "accept-mandate": (STRANGER, "no-session-at-caller"),
    "reject-mandate": (STRANGER, "no-session-at-caller"),
    "confirm-mandate": (OUTSIDER, "not-a-registration-authority"),
    "suspend-mandate": (STRANGER, "no-session-at-caller"),
    "resume-mandate": (STRANGER, "no-session-at-caller"),
    "withdraw-mandate": (STRANGER, "no-session-at-caller"),
    "show-impact-notice": (STRANGER, "not-your-mailbox-provider"),
    "grant-consent": (STRANGER, "not-your-mailbox-provider"),
    "refuse-consent": (STRANGER, "not-your-mailbox-provider"),
    "withdraw-consent": (STRANGER, "not-your-mailbox-provider"),
    "open-mailbox": (OUTSIDER, "not-a-mailbox-provider"),
    "set-notification-address": (STRANGER, "not-your-mailbox"),
    "verify-notification-address": (STRANGER, "not-your-mailbox"),
    "remove-notification-address": (STRANGER, "not-your-mailbox"),
    "set-channel-preference": (STRANGER, "not-your-mailbox"),
    "record-first-use": (STRANGER, "not-your-mailbox"),
    "send-message": (OUTSIDER, "not-a-mailbox-sender"),
    "record-notification": (STRANGER, "not-your-delivery"),
    "open-message": (STRANGER, "not-your-mailbox"),
    "confirm-message": (STRANGER, "not-your-mailbox"),
    "reply-to-message": (STRANGER, "not-your-mailbox"),
    "accept-transaction": (OUTSIDER, "not-a-bus-member"),
    "answer-transaction": (STRANGER, "not-the-target"),
    "fault-transaction": (STRANGER, "not-the-target"),
    "respond-to-invoice": (STRANGER, "not-the-buyer"),
}
ADMINISTRATORS = "an administrator acts for the platform, over all organisations"
PLATFORM_ITSELF = "a system is the platform itself; it reports what it did, about things of any organisation"
OPEN_TO_EVERY_ORGANISATION = {
    "register-organisation": ADMINISTRATORS,
    "rename-organisation": ADMINISTRATORS,
    "enrol-organisation": ADMINISTRATORS,
    "end-enrolment": ADMINISTRATORS,
    "grant-recognition": ADMINISTRATORS,
    "suspend-recognition": ADMINISTRATORS,
    "withdraw-recognition": ADMINISTRATORS,
    "register-service-family": ADMINISTRATORS,
    "request-rebuild": ADMINISTRATORS,
    "cancel-rebuild": ADMINISTRATORS,
    "request-verification": ADMINISTRATORS,
    "undo-takeover": ADMINISTRATORS,
    "drop-previous-rows": ADMINISTRATORS,
    "pause-projection": ADMINISTRATORS,
    "resume-projection": ADMINISTRATORS,
    "retry-parked-events": ADMINISTRATORS,
    "skip-parked-event": ADMINISTRATORS,
    "register-person-from-national-register": PLATFORM_ITSELF,
    "register-person-by-eidas": PLATFORM_ITSELF,
    "expire-key": PLATFORM_ITSELF,
    "expire-mandate": PLATFORM_ITSELF,
    "alert-message-expiry": PLATFORM_ITSELF,
    "expire-message": PLATFORM_ITSELF,
    "forward-transaction": PLATFORM_ITSELF,
    "fail-delivery": PLATFORM_ITSELF,
    "time-out-transaction": PLATFORM_ITSELF,
    "validate-invoice": PLATFORM_ITSELF,
    "refuse-invoice": PLATFORM_ITSELF,
    "receive-invoice": "any organisation may be the access point of a supplier; the event names the one that delivered",
}


# --- Organisations and roles ----------------------------------------------------------------------------------------


def test_for_every_command_it_is_said_what_other_organisations_get() -> None:
    assert REFUSED_TO_OTHERS.keys() | OPEN_TO_EVERY_ORGANISATION.keys() == DOOR.keys()
    assert not REFUSED_TO_OTHERS.keys() & OPEN_TO_EVERY_ORGANISATION.keys()
    kept_to_the_platform = {intent for intent, door in DOOR.items() if Role.AGENCY not in door.roles}
    assert OPEN_TO_EVERY_ORGANISATION.keys() - {"receive-invoice"} == kept_to_the_platform


@pytest.mark.parametrize("intent", REFUSED_TO_OTHERS)
def test_another_organisation_is_refused(intent: str, world: World, example: Request) -> None:
    other, code = REFUSED_TO_OTHERS[intent]
    must_be_refused(post(world, replace(example, organisation=other)), 403, code, dict(example.body))


@pytest.mark.parametrize("intent", REFUSED_TO_OTHERS)
def test_an_organisation_that_is_not_registered_is_refused(world: World, example: Request) -> None:
    world.id.setdefault("unregistered", "no-such-organisation")
    answer = post(world, replace(example, organisation="unregistered"))
    assert answer.status_code == 403, answer.text


@EVERY_DOOR
def test_every_other_role_is_refused(world: World, example: Request) -> None:
    others = set(Role) - DOOR[example.intent].roles
    assert Role.AUDITOR in others
    for role in others:
        must_be_refused(post(world, replace(example, role=role)), 403, "role-not-allowed", dict(example.body))


# --- Tokens ---------------------------------------------------------------------------------------------------------


@EVERY_DOOR
def test_without_a_token_it_is_refused(world: World, example: Request) -> None:
    for header in (None, "", "Bearer", "Bearer ", "Basic YWxhZGRpbjpvcGVuc2VzYW1l"):
        answer = post(world, example, headers={"Authorization": header})
        must_be_refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer, DPoP algs=")


@EVERY_DOOR
def test_with_a_token_that_is_not_valid_it_is_refused(world: World, example: Request, wrong_tokens: list[str]) -> None:
    for token in wrong_tokens:
        answer = post(world, example, headers={"Authorization": f"Bearer {token}"})
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
    must_be_refused(post(world, example, headers={"If-Match": '"999"'}), 412, "stale-version")


@EVERY_DOOR
def test_a_malformed_version_is_refused(world: World, example: Request) -> None:
    for version in ("3", "*", 'W/"3"', '"three"', '"-1"', '"3", "4"', '""', "", '"9999999999"', '"\u00b3"'):
        answer = post(world, example, headers={"If-Match": version})
        must_be_refused(answer, 400, "malformed-version")


@pytest.mark.parametrize("intent", [intent for intent, door in DOOR.items() if door.versioned])
def test_where_a_version_is_needed_it_must_be_given(world: World, example: Request) -> None:
    must_be_refused(post(world, example, headers={"If-Match": None}), 428, "version-missing")


@EVERY_DOOR
def test_without_an_idempotency_key_it_is_refused(world: World, example: Request) -> None:
    for key in (None, ""):
        must_be_refused(post(world, example, headers={"Idempotency-Key": key}), 400, "idempotency-key-missing")


@EVERY_DOOR
def test_a_malformed_idempotency_key_is_refused(world: World, example: Request) -> None:
    for key in ("k" * 201, "a\tb", "a\u0085b"):
        answer = post(world, example, headers={"Idempotency-Key": key})
        must_be_refused(answer, 400, "malformed-idempotency-key", [key])
