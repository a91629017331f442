"""Every command has a valid request; its answer says what it did, and sent again it is decided once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response

from tests.api.world import DOOR, Request, World, must_be_refused

EVERY_DOOR = pytest.mark.parametrize("intent", DOOR)
NO_ID = "00000000-0000-4000-8000-000000000000"
OTHER_ID: Mapping[str, str] = {"projection": "people"}
"""Ids for which the door itself knows what there is."""

# For commands without an id in their path: something in the body that can be said otherwise.
SAID_OTHERWISE: Mapping[str, tuple[str, Any]] = {
    "register-organisation": ("level", "regional"),
    "register-sole-trader": ("traderName", "Bakkerij Claes"),
    "register-service": ("minimumLevel", "high"),
    "register-service-family": ("code", "cadastre"),
    "register-person-from-national-register": ("jurisdiction", "nl"),
    "register-person-by-registration-authority": ("officerId", "officer-6"),
    "register-person-by-eidas": ("level", "low"),
    "register-key": ("level", "low"),
    "open-session": ("channel", "app"),
    "request-mandate": ("validUntil", "2027-01-01T00:00:00Z"),
    "send-message": ("subject", "Iets anders"),
    "accept-transaction": ("timeoutS", 60),
    "receive-invoice": ("payableCents", 1),
    "suppress-accesses": ("ground", "another decision"),
}
# What is told to somebody who sends the same command again under another key. Where nothing is named here, the
# command says nothing new and nothing is appended; `None` stands for commands that make one more of what they make.
SENT_ANEW: Mapping[str, tuple[int, str] | None] = {
    "register-organisation": (409, "enterprise-number-taken"),
    "register-sole-trader": (409, "enterprise-number-taken"),
    "declare-sole-trader": None,  # the name of before is sealed: nobody can say whether it is the same
    "register-person-from-national-register": (409, "national-number-taken"),
    "register-person-by-registration-authority": (409, "national-number-taken"),
    "register-person-by-eidas": (409, "eidas-identifier-taken"),
    "accept-transaction": (409, "bus-transaction-taken"),
    "receive-invoice": (409, "invoice-taken"),
    "rename-organisation": (412, "stale-version"),
    "change-double-channel": (412, "stale-version"),
    "register-service": None,
    "register-key": None,
    "open-session": None,
    "request-mandate": None,
    "send-message": None,
    "set-notification-address": None,
    "reply-to-message": None,
    "place-legal-hold": None,
    "suppress-accesses": None,
    "respond-to-invoice": None,  # the example is a query, and queries may be repeated
    # Whether the worker is done with an order is not in the stream, so it may be given again.
    "request-rebuild": None,
    "cancel-rebuild": None,
    "request-verification": None,
    "undo-takeover": None,
    "drop-previous-rows": None,
    "retry-parked-events": None,
    "skip-parked-event": None,
    "retry-waiting-events": None,
    "skip-waiting-event": None,
}


@pytest.fixture(scope="module")
def accepted(world: World, example_of: dict[str, Request]) -> dict[str, Response]:
    """The answers to all examples, each under its intent as key."""
    return {intent: world.sends(example, key=intent) for intent, example in example_of.items()}


@pytest.fixture
def example(intent: str, example_of: dict[str, Request]) -> Request:
    return example_of[intent]


def test_every_command_has_an_example(example_of: dict[str, Request]) -> None:
    assert example_of.keys() == DOOR.keys()


@EVERY_DOOR
def test_it_is_accepted_and_says_what_it_did(
    intent: str, world: World, example: Request, accepted: dict[str, Response]
) -> None:
    answer, door = accepted[intent], DOOR[intent]
    assert answer.status_code == (201 if door.creates else 200), answer.text
    assert answer.headers["content-type"] == "application/json"
    receipt = answer.json()
    assert receipt.keys() == {"id", "version", "position", "events"}
    assert receipt["events"]
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+\.v1", name) for name in receipt["events"])
    assert answer.headers["etag"] == f'"{receipt["version"]}"'
    assert answer.headers["x-position"] == str(receipt["position"])
    UUID(answer.headers["x-log-id"])
    assert receipt["position"] <= world.holdings()[0]
    if door.creates:
        UUID(receipt["id"])
        assert answer.headers["location"] == f"{collection(example)}/{receipt['id']}"
    else:
        assert "location" not in answer.headers
        assert receipt["id"] in (".".join(example.ids.values()), *example.ids.values(), *example.body.values())


def collection(example: Request) -> str:
    return DOOR[example.intent].collection or example.path


@EVERY_DOOR
def test_the_same_key_and_content_get_the_same_answer(
    intent: str, world: World, example: Request, accepted: dict[str, Response]
) -> None:
    before = world.holdings()
    spelt_otherwise = json.dumps(dict(reversed(list(example.body.items()))), indent=3).encode()
    for content in (json.dumps(dict(example.body)).encode(), spelt_otherwise):
        again = world.sends(example, content=content, headers={"Idempotency-Key": intent})
        assert again.status_code == accepted[intent].status_code, again.text
        assert again.content == accepted[intent].content
        for name in ("etag", "x-position", "location"):
            assert again.headers.get(name) == accepted[intent].headers.get(name)
    assert world.holdings() == before


@EVERY_DOOR
def test_the_same_key_with_other_content_is_refused(
    intent: str, world: World, example: Request, accepted: dict[str, Response]
) -> None:
    assert accepted
    before = world.holdings()
    headers = {"Idempotency-Key": intent}
    if example.ids:
        path = DOOR[intent].path.format_map({name: OTHER_ID.get(name, NO_ID) for name in example.ids})
        answer = world.sends(example, path=path, headers=headers)
    else:
        field, value = SAID_OTHERWISE[intent]
        answer = world.sends(example, body={**example.body, field: value}, headers=headers)
    must_be_refused(answer, 422, "idempotency-key-reused", dict(example.body))
    assert world.holdings() == before


def test_the_key_of_one_organisation_is_free_for_another(world: World, example_of: dict[str, Request]) -> None:
    example, headers = example_of["register-service"], {"Idempotency-Key": "shared"}
    answers = [world.sends(replace(example, organisation=name), headers=headers) for name in ("agency", "provider")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


@EVERY_DOOR
def test_sent_again_under_another_key_it_is_decided_anew(
    intent: str, world: World, example: Request, accepted: dict[str, Response]
) -> None:
    before = world.holdings()
    answer = world.sends(example)
    if intent not in SENT_ANEW:
        assert answer.status_code == accepted[intent].status_code, answer.text
        assert answer.json()["events"] == []
        assert answer.json()["id"] == accepted[intent].json()["id"]
        assert world.holdings()[:3] == before[:3]
    elif (expected := SENT_ANEW[intent]) is None:
        assert answer.is_success, answer.text
        assert answer.json()["events"] == accepted[intent].json()["events"]
    else:
        must_be_refused(answer, *expected, dict(example.body))
        assert world.holdings() == before


@pytest.mark.parametrize("intent", ["register-service", "send-message", "receive-invoice"])
def test_sent_many_times_at_once_under_one_key_it_is_decided_once(intent: str, world: World, example: Request) -> None:
    changed = {"number": "F-at-once"} if intent == "receive-invoice" else {}
    before = world.holdings()
    with ThreadPoolExecutor(8) as threads:
        sent = [
            threads.submit(
                world.sends, example, body={**example.body, **changed}, headers={"Idempotency-Key": f"at-once-{intent}"}
            )
            for _ in range(8)
        ]
        answers = {answer.result().content for answer in sent}
    assert len(answers) == 1
    receipt = json.loads(answers.pop())
    assert world.holdings()[0] == before[0] + len(receipt["events"])
    assert world.holdings()[3] == before[3] + 1
