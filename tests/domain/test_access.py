"""Looks are recorded once and whole; a suppression has an end, a ground, and is never one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.access.access import ACCESS, AccessOutcome, AccessRecorded, Category, RecordAccess, SubjectAccess
from domain.access.suppression import (
    SUPPRESSION,
    AccessesSuppressed,
    LiftSuppression,
    SuppressAccesses,
    SuppressionLifted,
    SuppressionParties,
)
from domain.kernel import Duplicate, InvalidValue, NotAllowed, NotFound, Refusal, RuleBroken
from tests.domain.given import given

AT = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)
LOOK = SubjectAccess(subject_id="ann", categories=(Category.KEYS, Category.MESSAGES))
SAID: dict[str, Any] = {
    "access_id": "look-1",
    "supplier_id": "software-house",
    "automated": False,
    "outcome": AccessOutcome.ANSWERED,
    "looks": (LOOK,),
}
RECORD = RecordAccess(at=AT, by="gent", **SAID)
RECORDED = AccessRecorded(on_behalf_of="gent", **SAID)

GROUND = "article 23 GDPR, decision 12"
TERMS: dict[str, Any] = {
    "suppression_id": "s-1",
    "person_id": "ann",
    "organisation_id": "police",
    "since": AT - timedelta(days=30),
    "until": AT + timedelta(days=90),
    "ground": GROUND,
}
SUPPRESS = SuppressAccesses(
    at=AT, by="oversight", **TERMS, parties=SuppressionParties(person_exists=True, organisation_exists=True)
)
SUPPRESSED = AccessesSuppressed(**TERMS)
LIFT = LiftSuppression(at=AT, by="oversight", suppression_id="s-1", ground="the inquiry is closed")
LIFTED = SuppressionLifted(suppression_id="s-1", ground="the inquiry is closed")

# --- The record -----------------------------------------------------------------------------------------------------


def test_a_look_is_recorded() -> None:
    given(ACCESS).when(RECORD).then(RECORDED)


def test_it_is_recorded_once() -> None:
    given(ACCESS, RECORDED).when(RECORD).then()


def test_of_nobody_there_is_nothing_to_record() -> None:
    given(ACCESS).when(replace(RECORD, looks=())).then()


@pytest.mark.parametrize(("persons", "events"), [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_look_at_many_persons_is_several_events(persons: int, events: list[int]) -> None:
    looks = tuple(replace(LOOK, subject_id=f"person-{at}") for at in range(persons))
    found = ACCESS.decide(replace(RECORD, looks=looks), ACCESS.initial)
    assert [len(event.looks) for event in found] == events
    assert tuple(look for event in found for look in event.looks) == looks


# --- Suppression ----------------------------------------------------------------------------------------------------


def test_what_an_organisation_looks_at_is_suppressed_until_a_day() -> None:
    given(SUPPRESSION).when(SUPPRESS).then(SUPPRESSED)


def test_it_is_lifted_once() -> None:
    given(SUPPRESSION, SUPPRESSED).when(LIFT).then(LIFTED)
    given(SUPPRESSION, SUPPRESSED, LIFTED).when(LIFT).then()


@pytest.mark.parametrize(
    ("changed", "kind", "code"),
    [
        ({"by": "police"}, NotAllowed, "own-accesses-not-suppressed"),
        ({"parties": SuppressionParties(person_exists=False, organisation_exists=True)}, NotFound, "person-not-found"),
        (
            {"parties": SuppressionParties(person_exists=True, organisation_exists=False)},
            NotFound,
            "organisation-not-found",
        ),
        ({"until": AT}, InvalidValue, "suppression-not-in-future"),
        ({"until": AT + timedelta(days=366, seconds=1)}, InvalidValue, "suppression-too-long"),
        ({"since": TERMS["until"]}, InvalidValue, "suppression-ends-before-start"),
        ({"ground": "  "}, InvalidValue, "suppression-ground-missing"),
        ({"ground": "x" * 401}, InvalidValue, "suppression-ground-missing"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_it_is_refused(changed: dict[str, Any], kind: type[Refusal], code: str) -> None:
    given(SUPPRESSION).when(replace(SUPPRESS, **changed)).refused(kind, code)


def test_it_may_last_a_year_to_the_second() -> None:
    longest: dict[str, Any] = {"until": AT + timedelta(days=366)}
    given(SUPPRESSION).when(replace(SUPPRESS, **longest)).then(replace(SUPPRESSED, **longest))


def test_there_is_one_of_an_id() -> None:
    given(SUPPRESSION, SUPPRESSED).when(SUPPRESS).refused(Duplicate, "suppression-exists")
    given(SUPPRESSION).when(LIFT).refused(NotFound, "suppression-not-found")


def test_what_is_over_is_not_lifted() -> None:
    late = replace(LIFT, at=TERMS["until"])
    given(SUPPRESSION, SUPPRESSED).when(late).refused(RuleBroken, "suppression-over")


def test_lifting_needs_a_ground() -> None:
    given(SUPPRESSION, SUPPRESSED).when(replace(LIFT, ground="")).refused(InvalidValue, "suppression-ground-missing")
