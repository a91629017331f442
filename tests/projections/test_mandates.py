"""Mandates: may A act for B at service S at time T? Right for every T, also after a suspension was lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.identity.mandate.rules import MANDATE
from domain.kernel import Recorded
from projections.mandates import READ_MODEL, mandates_in_force
from tests.domain.test_identity_mandate import (
    ACCEPTED,
    AT,
    CHAIN_ACCEPTED,
    CHAIN_REQUESTED,
    CONFIRMED,
    EMPLOYEE,
    END,
    EXPIRED,
    GIVER,
    LEGAL_REQUESTED,
    RECEIVER,
    REJECTED,
    REQUESTED,
    RESUMED,
    SUSPENDED,
    WITHDRAWN,
)
from tests.projections.story import Ask, rows, story

DAY = timedelta(days=1)
ROW: dict[str, Any] = {
    "kind": "voluntary",
    "mandator_id": GIVER,
    "mandator_kind": "person",
    "mandatary_id": RECEIVER,
    "grantor_id": GIVER,
    "parent_mandate_id": "",
    "service_ids": ("service-1", "service-2"),
    "organisation_ids": ("organisation-1", "organisation-2"),
    "represented_id": "",
    "jurisdiction": "be",
    "valid_from": AT,
    "valid_until": END,
    "status": "requested",
    "latest": True,
    "began_at": AT,
    "active_at": None,
    "suspended_at": None,
    "ended_at": None,
}
ACTIVE = ((AT, REQUESTED), (AT + DAY, ACCEPTED))
# Active from day 1, suspended on day 3, resumed on day 5, withdrawn on day 7.
WHOLE = story(
    MANDATE,
    "mandate-1",
    *ACTIVE,
    (AT + 3 * DAY, SUSPENDED),
    (AT + 5 * DAY, RESUMED),
    (AT + 7 * DAY, replace(WITHDRAWN, period=2)),
)


def held(ask: Ask, at: datetime, *stories: Sequence[Recorded[Any]], **asked: str) -> list[str]:
    wanted = {"mandatary_id": RECEIVER, "mandator_id": GIVER, "service_id": "service-1", **asked}
    found = ask(READ_MODEL, mandates_in_force(at=at, **wanted), *stories)
    return [row["mandate_id"] for row in found]


def test_each_stretch_between_suspensions_has_a_row() -> None:
    assert rows(READ_MODEL, WHOLE) == {
        ("mandate-1", 1): {
            **ROW,
            "status": "suspended",
            "latest": False,
            "active_at": AT + DAY,
            "suspended_at": AT + 3 * DAY,
        },
        ("mandate-1", 2): {
            **ROW,
            "status": "withdrawn",
            "began_at": AT + 5 * DAY,
            "active_at": AT + 5 * DAY,
            "ended_at": AT + 7 * DAY,
        },
    }


def test_a_mandate_that_expired_ended_in_that_moment() -> None:
    told = story(MANDATE, "mandate-1", *ACTIVE, (END, EXPIRED))
    assert rows(READ_MODEL, told) == {
        ("mandate-1", 1): {**ROW, "status": "expired", "active_at": AT + DAY, "ended_at": END}
    }


def test_the_past_is_answered_as_it_was(ask: Ask) -> None:
    days = [bool(held(ask, AT + day * DAY, WHOLE)) for day in range(8)]
    assert days == [False, True, True, False, False, True, True, False]


def test_a_withdrawal_of_a_suspended_mandate_does_not_prolong_it(ask: Ask) -> None:
    told = story(MANDATE, "mandate-1", *ACTIVE, (AT + 3 * DAY, SUSPENDED), (AT + 5 * DAY, WITHDRAWN))
    assert [bool(held(ask, AT + day * DAY, told)) for day in (2, 3, 4, 5)] == [True, False, False, False]


def test_a_mandate_holds_at_its_services_for_its_parties_within_its_validity(ask: Ask) -> None:
    told, at = story(MANDATE, "mandate-1", *ACTIVE), AT + DAY
    assert held(ask, at, told, service_id="service-2") == ["mandate-1"]
    assert held(ask, at, told, service_id="service") == []
    assert held(ask, at, told, service_id="service_1") == []
    assert held(ask, at, told, mandatary_id=GIVER) == []
    assert held(ask, at, told, mandator_id=RECEIVER) == []
    assert held(ask, END - timedelta(seconds=1), told) == ["mandate-1"]
    assert held(ask, END, told) == []


def test_what_was_never_accepted_never_held(ask: Ask) -> None:
    assert held(ask, AT, story(MANDATE, "mandate-1", (AT, REQUESTED))) == []
    assert held(ask, AT + DAY, story(MANDATE, "mandate-1", (AT, REQUESTED), (AT + DAY, REJECTED))) == []


def test_whom_a_mandate_without_services_represents_is_named() -> None:
    told = story(MANDATE, "mandate-1", (AT, LEGAL_REQUESTED))
    row = rows(READ_MODEL, told)["mandate-1", 1]
    assert (row["organisation_ids"], row["represented_id"]) == ((), row["mandator_id"])


def test_legal_representation_holds_at_every_service(ask: Ask) -> None:
    told = story(MANDATE, "mandate-1", (AT, LEGAL_REQUESTED), (AT + DAY, CONFIRMED))
    assert held(ask, AT + DAY, told, service_id="any") == ["mandate-1"]


def test_a_chain_holds_only_while_its_parent_does(ask: Ask) -> None:
    chain = story(MANDATE, "mandate-2", (AT + DAY, CHAIN_REQUESTED), (AT + DAY, CHAIN_ACCEPTED))
    days = [bool(held(ask, AT + day * DAY, WHOLE, chain, mandatary_id=EMPLOYEE)) for day in range(8)]
    assert days == [False, True, True, False, False, True, True, False]
    assert held(ask, AT + DAY, chain, mandatary_id=EMPLOYEE) == []
