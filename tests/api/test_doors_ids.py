"""For every command: an id that nothing has, or that is no id, is refused, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.api.world import DOOR, Request, World, must_be_refused
from tests.api.world.wrong_bodies import fields, schema_of, with_value

UNKNOWN = "00000000-0000-4000-8000-000000000000"

# What the platform says where an id is that of nothing, by the field that holds it.
BY_FIELD = {
    "organisation_id": (404, "organisation-not-found"),
    "service_id": (404, "service-not-found"),
    "key_id": (404, "key-not-found"),
    "session_id": (404, "session-not-found"),
    "mandate_id": (404, "mandate-not-found"),
    "mailbox_id": (404, "mailbox-not-found"),
    "message_id": (404, "message-not-found"),
    "suppression_id": (404, "suppression-not-found"),
    "transaction_id": (404, "transaction-not-found"),
    "invoice_id": (404, "invoice-not-found"),
    "address_id": (409, "not-the-current-address"),
    "projection": (404, "no-such-projection"),
    "reactor": (422, "invalid-reactor-name"),
    "person_id": (404, "person-not-found"),
    "hold_id": (404, "legal-hold-not-found"),
    "sellerContactId": (404, "contact-not-found"),
    "serviceId": (404, "service-not-found"),
    "serviceIds": (404, "service-not-found"),
    "keyId": (404, "key-not-found"),
    "personId": (403, "not-the-recipient"),
    "mandatorId": (404, "mandator-not-found"),
    "mandataryId": (404, "mandatary-not-found"),
    "mailboxId": (404, "recipient-not-found"),
    "inReplyTo": (404, "original-message-not-found"),
    "onBehalfOf": (403, "on-behalf-of-not-enrolled"),
    "serviceFamily": (404, "service-family-not-found"),
    "targetId": (409, "target-not-a-bus-member"),
    "buyerId": (409, "buyer-not-enrolled"),
    "authenticSourceId": (404, "organisation-not-found"),
    "parentMandateId": (422, "parent-mandate-misplaced"),
    "sessionId": (403, "no-session-at-caller"),
}
# ... and where it is something else for one command, because of what that command is about.
BY_DOOR = {
    ("open-mailbox", "mailbox_id"): (404, "mailbox-owner-not-found"),
    ("register-key", "personId"): (404, "person-not-found"),
    ("request-erasure", "person_id"): (403, "not-the-person"),
    ("withdraw-erasure", "person_id"): (403, "not-the-person"),
    ("lift-legal-hold", "person_id"): (404, "legal-hold-not-found"),
    ("suppress-accesses", "personId"): (404, "person-not-found"),
    ("suppress-accesses", "organisationId"): (404, "organisation-not-found"),
    ("activate-key", "sessionId"): (409, "no-evidence-for-key"),
    **{
        (intent, field): (403, code)
        for intent in ("show-impact-notice", "grant-consent", "refuse-consent", "withdraw-consent")
        for field, code in (
            ("person_id", "not-the-person"),
            ("provider_id", "not-your-mailbox-provider"),
            ("sessionId", "no-session-at-provider"),
        )
    },
}
# Ids of nothing that the platform keeps, and ids that are not used: said here, so that none is passed over in silence.
NOT_LOOKED_UP = {
    "officeId": "a pseudonym that the registration authority gives to its office",
    "officerId": "a pseudonym that the registration authority gives to its officer",
    "mandateId": "whoever acts for themselves needs no mandate; one that is not in force is not used, and not recorded",
    "actingMandateId": "the same",
}
MALFORMED = ("a.b", "a%0A", "%00", "a%20b", quote("é"), "x" * 81, "-a", "a~b", "%2E%2E", "a%5Cb", "%27")

pytestmark = pytest.mark.usefixtures("nothing_changes")
EVERY_DOOR = pytest.mark.parametrize("intent", DOOR)
WITH_IDS_IN_PATH = pytest.mark.parametrize("intent", [intent for intent, door in DOOR.items() if "{" in door.path])


@WITH_IDS_IN_PATH
def test_an_unknown_id_in_the_path_is_refused(world: World, example: Request) -> None:
    for name in example.ids:
        status, code = BY_DOOR.get((example.intent, name)) or BY_FIELD[name]
        must_be_refused(world.sends(replace(example, ids={**example.ids, name: UNKNOWN})), status, code, [UNKNOWN])


@EVERY_DOOR
def test_an_unknown_id_in_the_body_is_refused(world: World, example: Request) -> None:
    for field in fields(schema_of(example.intent), example.body):
        if field.kind == "id" and (name := _name(field.path)) not in NOT_LOOKED_UP:
            status, code = BY_DOOR.get((example.intent, name)) or BY_FIELD[name]
            body = with_value(example.body, field.path, UNKNOWN)
            must_be_refused(world.sends(example, body=body), status, code, body)


def _name(path: tuple[str | int, ...]) -> str:
    return next(str(part) for part in reversed(path) if isinstance(part, str))


@WITH_IDS_IN_PATH
def test_a_malformed_id_in_the_path_is_refused(world: World, example: Request) -> None:
    for name in example.ids:
        for wrong in MALFORMED:
            # `%2E%2E` is a path of its own to some clients; whatever becomes of it, it names nothing.
            path = DOOR[example.intent].path.format_map({**example.ids, name: wrong})
            must_be_refused(world.sends(example, path=path), 400, "malformed-request", [wrong])


def test_an_id_cannot_pretend_to_be_two(world: World, example_of: dict[str, Request]) -> None:
    """The consent of (a, b.c) and that of (a.b, c) would be one stream, if an id could hold a dot."""
    example = example_of["show-impact-notice"]
    person, provider = example.ids["person_id"], example.ids["provider_id"]
    for pretended in ((f"{person}.{provider}", provider), (person, f"{provider}.x")):
        path = DOOR[example.intent].path.format_map(dict(zip(("person_id", "provider_id"), pretended, strict=True)))
        must_be_refused(world.sends(example, path=path), 400, "malformed-request")


def test_a_token_cannot_name_an_organisation_that_is_no_id(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["request-recognition"]
    for name in ("a.b", "a\u0000", "", " ", "organisation-" + "x" * 80):
        world.id["tricky"] = name
        answer = world.sends(replace(example, organisation="tricky"))
        must_be_refused(answer, 401, "invalid-token", [name])
        world.forget_tokens()


def test_the_same_holds_for_the_ids_of_a_line(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["close-service"]
    caller = world.caller(example.role, example.organisation)
    for wrong in ("a.b", "a\n", "\u0000", "\u0663", "", "x" * 81):
        line = {"command": example.intent, "idempotencyKey": "k", "ids": {"serviceId": wrong}}
        (answer,) = caller.sends_all([line])
        assert answer["problem"]["type"].endswith(":malformed-request"), (wrong, answer)


def test_a_line_about_a_projection_that_there_is_not_is_refused(world: World, example_of: dict[str, Request]) -> None:
    example = example_of["request-rebuild"]
    caller = world.caller(example.role, example.organisation)
    for name in ("bus_count", "bus_counts_v1", "Bus_counts"):
        line = {"command": example.intent, "idempotencyKey": "k", "ids": {"projection": name}, "body": {"why": "slow"}}
        (answer,) = caller.sends_all([line])
        assert answer["problem"]["type"].endswith(":no-such-projection"), (name, answer)
