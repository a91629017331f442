"""People and keys: one row each; of a person nothing but id, country, route and instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.identity.key import KEY
from domain.identity.person import PERSON
from domain.identity.values import Route
from projections import keys, people
from tests.domain.test_identity_key import (
    ACTIVATED,
    AT,
    END,
    EXPIRED,
    ISSUER,
    KEY_ID,
    REGISTERED,
    RESUMED,
    REVOKED,
    SUSPENDED,
)
from tests.domain.test_identity_person import REGISTERED as PERSON_REGISTERED
from tests.projections.story import rows, story

LATER = AT + timedelta(days=1)
DESK = replace(PERSON_REGISTERED, person_id="person-2", route=Route.REGISTRATION_AUTHORITY, officer_id="officer-7")
FIRST = story(PERSON, "person-1", (AT, PERSON_REGISTERED))
SECOND = story(PERSON, "person-2", (LATER, DESK))


def test_of_a_person_nothing_is_kept_beyond_what_a_register_needs() -> None:
    kept = {"jurisdiction": "be", "number": PERSON_REGISTERED.number}  # sealed, in the log
    assert rows(people.READ_MODEL, FIRST, SECOND) == {
        ("person-1",): {**kept, "route": "national_register", "registered_at": AT},
        ("person-2",): {**kept, "route": "registration_authority", "registered_at": LATER},
    }


KEY_ROW: dict[str, Any] = {
    "person_id": "person-1",
    "provider_id": ISSUER,
    "means": "itsme",
    "level": "high",
    "jurisdiction": "be",
    "status": "registered",
    "evidence_kind": "",
    "evidence_id": "",
    "registered_at": AT,
    "activated_at": None,
    "suspended_at": None,
    "ended_at": None,
    "valid_until": END,
}
ACTIVE_ROW = {
    **KEY_ROW,
    "status": "active",
    "evidence_kind": "eid_session",
    "evidence_id": "session-1",
    "activated_at": LATER,
}


def key_after(*events: Any) -> dict[str, Any]:
    told = story(KEY, KEY_ID, (AT, REGISTERED), *((LATER, event) for event in events))
    return rows(keys.READ_MODEL, told)[KEY_ID,]


def test_the_life_of_a_key() -> None:
    assert key_after() == KEY_ROW
    assert key_after(ACTIVATED) == ACTIVE_ROW
    assert key_after(ACTIVATED, SUSPENDED) == {**ACTIVE_ROW, "status": "suspended", "suspended_at": LATER}
    assert key_after(ACTIVATED, SUSPENDED, RESUMED) == ACTIVE_ROW
    assert key_after(REVOKED) == {**KEY_ROW, "status": "revoked", "ended_at": LATER}
    assert key_after(EXPIRED) == {**KEY_ROW, "status": "expired", "ended_at": LATER}
