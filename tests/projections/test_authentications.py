"""Authentications and the use of services: counted by civil month, refusals apart, single sign-on as use only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from domain.identity import SESSION, Means
from projections import authentications, service_use
from tests.domain.test_identity_session import ACCESS_REFUSED, ACCESSED, ENDED, REFUSED, SUCCEEDED
from tests.projections.story import Ask, rows, story

OCTOBER = datetime(2021, 10, 31, 22, 59, tzinfo=UTC)
NOVEMBER = datetime(2021, 10, 31, 23, 0, tzinfo=UTC)  # midnight in Brussels, in winter time
STORIES = (
    story(SESSION, "s-1", (OCTOBER, SUCCEEDED), (NOVEMBER, ACCESSED), (NOVEMBER, ACCESS_REFUSED), (NOVEMBER, ENDED)),
    story(SESSION, "s-2", (NOVEMBER, SUCCEEDED)),
    story(SESSION, "s-3", (NOVEMBER, replace(SUCCEEDED, means=Means.ITSME))),
    story(SESSION, "s-4", (NOVEMBER, REFUSED)),
)
EID = ("substantial", "service-1", "web")


def test_each_authentication_counts_in_its_month_by_outcome() -> None:
    assert rows(authentications.PROJECTION, *STORIES) == {
        ("2021-10", "be", "eid", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "eid", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "itsme", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "eid", *EID, "refused"): {"authentications": 1},
    }


def total(ask: Ask, first: str, last: str, **filters: str) -> int:
    query = authentications.authentications("be", first, last, **filters)
    ((count,),) = (row.values() for row in ask(authentications.PROJECTION, query, *STORIES))
    return int(count)


def test_totals_of_a_period_with_filters(ask: Ask) -> None:
    assert total(ask, "2021-10", "2021-11") == 3
    assert total(ask, "2021-11", "2021-11", means="itsme") == 1
    assert total(ask, "2021-11", "2021-11", outcome="refused") == 1
    assert total(ask, "2021-10", "2021-11", level="high") == 0
    assert total(ask, "2021-10", "2021-11", service_id="service-1") == 3
    assert total(ask, "2020-01", "2020-12") == 0


def test_totals_by_any_dimension(ask: Ask) -> None:
    def by(dimension: str, outcome: str = "succeeded") -> dict[str, int]:
        query = authentications.authentications_by(dimension, "be", "2021-10", "2021-11", outcome=outcome)
        found = ask(authentications.PROJECTION, query, *STORIES)
        return {row[dimension]: row["authentications"] for row in found}

    assert by("month") == {"2021-10": 1, "2021-11": 2}
    assert by("means") == {"eid": 2, "itsme": 1}
    assert by("level") == {"substantial": 3}
    assert by("service_id", "refused") == {"service-1": 1}


def test_use_counts_authentications_and_accesses_by_single_sign_on() -> None:
    assert rows(service_use.PROJECTION, *STORIES) == {
        ("2021-10", "be", "citizen", "service-1"): {"uses": 1},
        ("2021-11", "be", "citizen", "service-1"): {"uses": 2},
        ("2021-11", "be", "company", "service-2"): {"uses": 1},
    }


def test_use_by_month_and_by_service(ask: Ask) -> None:
    by_month = service_use.uses_by_month("be", "citizen", "2021-10", "2021-12")
    assert ask(service_use.PROJECTION, by_month, *STORIES) == [
        {"month": "2021-10", "uses": 1},
        {"month": "2021-11", "uses": 2},
    ]
    by_service = service_use.uses_by_service("be", "company", "2021-10", "2021-12")
    assert ask(service_use.PROJECTION, by_service, *STORIES) == [
        {"month": "2021-11", "service_id": "service-2", "uses": 1}
    ]
