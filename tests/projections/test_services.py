"""Services and service families: one row each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.organisations.service import SERVICE
from domain.organisations.service_family import SERVICE_FAMILY
from projections import service_families
from projections.services import READ_MODEL
from tests.domain.test_organisations import AT, CITY, CLOSED, FAMILY, SERVICE_REGISTERED
from tests.projections.story import rows, story

DAY = timedelta(days=1)
ROW: dict[str, Any] = {
    "organisation_id": CITY,
    "name_nl": "Aangifte",
    "name_fr": "",
    "name_de": "",
    "name_en": "",
    "audience": "citizen",
    "minimum_level": "substantial",
    "jurisdiction": "be",
    "registered_at": AT,
    "closed_at": None,
}
CLOSING = story(SERVICE, "service-1", (AT, SERVICE_REGISTERED), (AT + 2 * DAY, CLOSED))


def test_a_service_has_a_row_from_its_registration_to_its_closure() -> None:
    assert rows(READ_MODEL, CLOSING[:1]) == {("service-1",): ROW}
    assert rows(READ_MODEL, CLOSING) == {("service-1",): {**ROW, "closed_at": AT + 2 * DAY}}


def test_a_service_family_has_a_row_with_the_keeper_of_its_source() -> None:
    told = story(SERVICE_FAMILY, "social-security", (AT, FAMILY))
    assert rows(service_families.READ_MODEL, told) == {
        ("social-security",): {
            "name_nl": "",
            "name_fr": "",
            "name_de": "",
            "name_en": "Social security",
            "authentic_source_id": "organisation-9",
            "registered_at": AT,
        }
    }
