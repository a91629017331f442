"""Services and service families: one row each; connected services on any past day are a plain count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.kernel import Audience
from domain.organisations import SERVICE, SERVICE_FAMILY
from projections import service_families
from projections.services import (
    PROJECTION,
    connected_services,
    connected_services_by_audience,
    service,
    services,
)
from tests.domain.test_organisations import AT, CITY, CLOSED, FAMILY, SERVICE_REGISTERED
from tests.projections.story import Ask, rows, story

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
STAYING = story(
    SERVICE,
    "service-2",
    (AT + DAY, replace(SERVICE_REGISTERED, service_id="service-2", audience=Audience.COMPANY)),
)


def test_a_service_has_a_row_from_its_registration_to_its_closure() -> None:
    assert rows(PROJECTION, CLOSING[:1]) == {("service-1",): ROW}
    assert rows(PROJECTION, CLOSING) == {("service-1",): {**ROW, "closed_at": AT + 2 * DAY}}


def test_connected_services_on_any_past_day(ask: Ask) -> None:
    def connected(day: int) -> Any:
        (row,) = ask(PROJECTION, connected_services("be", AT + day * DAY), CLOSING, STAYING)
        (count,) = row.values()
        return count

    assert [connected(day) for day in (-1, 0, 1, 2)] == [0, 1, 2, 1]


def test_connected_services_by_audience(ask: Ask) -> None:
    found = ask(PROJECTION, connected_services_by_audience("be", AT + DAY), CLOSING, STAYING)
    assert {row["audience"]: row["services"] for row in found} == {"citizen": 1, "company": 1}


def test_services_are_found_by_id_and_filters(ask: Ask) -> None:
    def found(query: Any) -> list[str]:
        return sorted(row["service_id"] for row in ask(PROJECTION, query, CLOSING, STAYING))

    assert found(service("service-1")) == ["service-1"]
    assert found(services(organisation_id=CITY)) == ["service-1", "service-2"]
    assert found(services(jurisdiction="be", audience="company")) == ["service-2"]


def test_a_service_family_has_a_row_with_the_keeper_of_its_source(ask: Ask) -> None:
    told = story(SERVICE_FAMILY, "social-security", (AT, FAMILY))
    assert rows(service_families.PROJECTION, told) == {
        ("social-security",): {
            "name_nl": "",
            "name_fr": "",
            "name_de": "",
            "name_en": "Social security",
            "authentic_source_id": "organisation-9",
            "registered_at": AT,
        }
    }

    def found(query: Any) -> int:
        return len(ask(service_families.PROJECTION, query, told))

    assert found(service_families.service_family("social-security")) == 1
    assert found(service_families.service_families()) == 1
    assert found(service_families.service_families(authentic_source_id="another")) == 0
