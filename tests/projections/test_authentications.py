"""Authentications and the use of services: counted by civil month, refusals apart, single sign-on as use only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from domain.identity.session import SESSION
from domain.identity.values import Means
from projections import authentications, service_use
from tests.domain.test_identity_session import ACCESS_REFUSED, ACCESSED, ENDED, REFUSED, SUCCEEDED
from tests.projections.story import Ask, rows, story, values

OCTOBER = datetime(2021, 10, 31, 22, 59, tzinfo=UTC)
NOVEMBER = datetime(2021, 10, 31, 23, 0, tzinfo=UTC)  # midnight in Brussels, in winter time
STORIES = (
    story(SESSION, "s-1", (OCTOBER, SUCCEEDED), (NOVEMBER, ACCESSED), (NOVEMBER, ACCESS_REFUSED), (NOVEMBER, ENDED)),
    story(SESSION, "s-2", (NOVEMBER, SUCCEEDED)),
    story(SESSION, "s-3", (NOVEMBER, replace(SUCCEEDED, means=Means.ITSME))),
    story(SESSION, "s-4", (NOVEMBER, REFUSED)),
)
EID = ("substantial", "service-1", "organisation-1", "web")


def test_each_authentication_counts_in_its_month_by_outcome() -> None:
    assert rows(authentications.READ_MODEL, *STORIES) == {
        ("2021-10", "be", "eid", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "eid", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "itsme", *EID, "succeeded"): {"authentications": 1},
        ("2021-11", "be", "eid", *EID, "refused"): {"authentications": 1},
    }


def test_use_counts_authentications_and_accesses_by_single_sign_on() -> None:
    assert rows(service_use.READ_MODEL, *STORIES) == {
        ("2021-10", "be", "citizen", "service-1"): {"uses": 1},
        ("2021-11", "be", "citizen", "service-1"): {"uses": 2},
        ("2021-11", "be", "company", "service-2"): {"uses": 1},
    }


def test_uses_by_month(ask: Ask) -> None:
    by_month = service_use.uses_by_month("be", "company", "2021-10", "2021-12")
    assert values(ask(service_use.READ_MODEL, by_month, *STORIES)) == [("2021-11", ["service-2"], [1])]
