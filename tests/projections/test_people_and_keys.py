"""People and keys: one row each; of a person nothing but id, country, route and instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.identity import KEY, PERSON, Route
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
from tests.projections.story import Ask, rows, story

LATER = AT + timedelta(days=1)
DESK = replace(PERSON_REGISTERED, person_id="person-2", route=Route.REGISTRATION_AUTHORITY, officer_id="officer-7")
FIRST = story(PERSON, "person-1", (AT, PERSON_REGISTERED))
SECOND = story(PERSON, "person-2", (LATER, DESK))


def test_of_a_person_nothing_is_kept_beyond_what_a_register_needs() -> None:
    assert rows(people.PROJECTION, FIRST) == {
        ("person-1",): {"jurisdiction": "be", "route": "national_register", "registered_at": AT}
    }


def test_people_are_found_by_id_country_and_route(ask: Ask) -> None:
    def found(query: Any) -> list[str]:
        return sorted(row["person_id"] for row in ask(people.PROJECTION, query, FIRST, SECOND))

    assert found(people.person("person-1")) == ["person-1"]
    assert found(people.people(jurisdiction="be")) == ["person-1", "person-2"]
    assert found(people.people(route="registration_authority")) == ["person-2"]


def test_people_registered_on_a_past_day_by_route(ask: Ask) -> None:
    assert ask(people.PROJECTION, people.registered_people("be", AT), FIRST, SECOND) == [
        {"route": "national_register", "people": 1}
    ]


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
    return rows(keys.PROJECTION, told)[KEY_ID,]


def test_the_life_of_a_key() -> None:
    assert key_after() == KEY_ROW
    assert key_after(ACTIVATED) == ACTIVE_ROW
    assert key_after(ACTIVATED, SUSPENDED) == {**ACTIVE_ROW, "status": "suspended", "suspended_at": LATER}
    assert key_after(ACTIVATED, SUSPENDED, RESUMED) == ACTIVE_ROW
    assert key_after(REVOKED) == {**KEY_ROW, "status": "revoked", "ended_at": LATER}
    assert key_after(EXPIRED) == {**KEY_ROW, "status": "expired", "ended_at": LATER}


def test_keys_are_found_by_id_and_filters_and_counted(ask: Ask) -> None:
    told = story(KEY, KEY_ID, (AT, REGISTERED), (LATER, ACTIVATED))
    for query in (
        keys.key(KEY_ID),
        keys.keys(person_id="person-1", provider_id=ISSUER, jurisdiction="be", means="itsme", status="active"),
    ):
        assert [row["key_id"] for row in ask(keys.PROJECTION, query, told)] == [KEY_ID]
    assert ask(keys.PROJECTION, keys.keys(status="revoked"), told) == []
    assert ask(keys.PROJECTION, keys.totals("be"), told) == [{"means": "itsme", "status": "active", "keys": 1}]
