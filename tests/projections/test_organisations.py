"""Organisations: one row each, with their names, kind, transition period and recognition."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from domain.organisations.organisation.model import OrganisationRenamed
from domain.organisations.organisation.rules import ORGANISATION
from domain.organisations.values import Names
from projections.organisations import READ_MODEL
from tests.domain.test_organisations import (
    APPLIED,
    AT,
    CHANNEL_CHANGED,
    CITY,
    ENROLLED,
    GRANTED,
    NUMBER,
    PROVIDER,
    REGISTERED,
    SENDER,
    SENDER_ENDED,
    SUSPENDED,
    UNTIL,
    WITHDRAWN,
)
from tests.projections.story import rows, story

LATER = AT + timedelta(days=1)
ROW: dict[str, Any] = {
    "name_nl": "Stad Voorbeeld",
    "name_fr": "Ville d'Exemple",
    "name_de": "",
    "name_en": "",
    "organisation_type": "municipality",
    "level": "local",
    "enterprise_number": NUMBER,
    "jurisdiction": "be",
    "outside_government": False,
    "recognition": "none",
    "recognition_conditions": "",
    "recognition_changed_at": None,
    "double_channel_until": None,
    "registered_at": AT,
    "version": 1,
}


def row_after(*events: Any) -> dict[str, Any]:
    return rows(READ_MODEL, story(ORGANISATION, CITY, (AT, REGISTERED), *((LATER, event) for event in events)))[CITY,]


def test_a_registered_organisation_has_a_row() -> None:
    assert row_after() == ROW
    assert row_after(ENROLLED) == {**ROW, "version": 2}


def test_a_new_name_replaces_all_languages() -> None:
    renamed = OrganisationRenamed(organisation_id=CITY, names=Names(en="Example"))
    assert row_after(renamed) == {**ROW, "name_nl": "", "name_fr": "", "name_en": "Example", "version": 2}


def test_the_double_channel_period_comes_changes_and_goes_with_sending() -> None:
    changed = replace(CHANNEL_CHANGED, double_channel_until=date(2023, 1, 1))
    assert row_after(SENDER)["double_channel_until"] == UNTIL
    assert row_after(SENDER, changed)["double_channel_until"] == date(2023, 1, 1)
    assert row_after(SENDER, changed, SENDER_ENDED)["double_channel_until"] is None


def test_the_recognition_of_an_identity_provider_is_followed() -> None:
    steps = (APPLIED, GRANTED, PROVIDER, SUSPENDED, WITHDRAWN)
    statuses = [row_after(*steps[: length + 1])["recognition"] for length in range(len(steps))]
    assert statuses == ["applied", "recognised", "recognised", "suspended", "withdrawn"]
    assert row_after(*steps)["recognition_conditions"] == "2017-2"
    assert row_after(*steps)["recognition_changed_at"] == LATER
