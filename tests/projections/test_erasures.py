"""Erasures: how far each purpose of each person is; legal holds: what is kept, why and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from domain.erasure.model import ErasureStatus
from domain.erasure.rules import ERASURE
from projections import erasures, legal_holds
from projections.erasures import asked_for, least_of, statuses_of
from tests.domain.test_erasure import (
    ALL,
    ASKED,
    AT,
    BILLS,
    HELD,
    ID,
    LAST_DAY,
    LIFTED,
    POST,
    RETAINED,
    SETTLED,
    WITHDRAWN,
    destroyed,
    requested,
    shredded,
)
from tests.projections.story import Ask, rows, story

LATER, LAST = AT + timedelta(days=1), AT + timedelta(days=2)
ROW: dict[str, Any] = {
    "identification": "kept",
    "correspondence": "kept",
    "invoicing": "kept",
    "held_groups": (),
    "ground": "",
    "requested_at": None,
    "destroyed_at": None,
    "shredded_at": None,
    "due_at": None,
    "began_at": AT,
}
REQUESTED_ROW = {**ROW, "ground": "unlawfully_processed", "requested_at": AT}


def after(*events: Any) -> dict[str, Any]:
    told = story(ERASURE, "person-1", *zip((AT, LATER, LAST), events, strict=False))
    return rows(erasures.READ_MODEL, told)["person-1",]


def every(status: str) -> dict[str, str]:
    return {group.value: status for group in ALL}


def test_the_steps_of_an_erasure() -> None:
    assert after(requested(*ALL)) == {**REQUESTED_ROW, **every("requested")}
    assert after(requested(*ALL), destroyed(*ALL)) == {**REQUESTED_ROW, **every("destroyed"), "destroyed_at": LATER}
    assert after(requested(*ALL), destroyed(*ALL), shredded(*ALL)) == {
        **REQUESTED_ROW,
        **every("shredded"),
        "destroyed_at": LATER,
        "shredded_at": LAST,
    }


def test_what_a_person_asked_for_is_shown_until_it_is_requested_or_withdrawn() -> None:
    assert after(ASKED) == {**ROW, "due_at": ASKED.due_at}
    assert after(ASKED, WITHDRAWN) == after(ASKED, SETTLED) == ROW
    carried_out = replace(requested(*ALL), session_id="session-1")
    assert after(ASKED, carried_out) == {**REQUESTED_ROW, **every("requested"), "requested_at": LATER}
    assert after(ASKED, requested(POST))["due_at"] == ASKED.due_at, "an order leaves it"


def test_what_is_held_is_kept_while_the_rest_is_erased() -> None:
    held = {**every("requested"), "invoicing": "kept", "held_groups": ("invoicing",), "requested_at": LATER}
    assert after(HELD, requested(ID, POST, held=(BILLS,))) == {**REQUESTED_ROW, **held}


def test_what_a_law_came_to_keep_before_it_was_erased_is_kept() -> None:
    assert after(requested(*ALL), RETAINED) == {**REQUESTED_ROW, **every("requested"), "invoicing": "kept"}
    assert after(HELD, LIFTED) == ROW


@pytest.mark.parametrize(
    ("statuses", "least"),
    [
        (("kept", "kept"), "kept"),
        (("kept", "shredded"), "shredded"),
        (("requested", "shredded"), "requested"),
        (("destroyed", "shredded"), "destroyed"),
    ],
    ids="-".join,
)
def test_an_erasure_is_as_far_as_the_least_of_what_is_erased(statuses: tuple[str, ...], least: str) -> None:
    assert least_of(map(ErasureStatus, statuses)) is ErasureStatus(least)


def test_the_statuses_stand_in_a_row() -> None:
    assert statuses_of(SimpleNamespace(**after(requested(ID)))) == {
        ID: ErasureStatus.REQUESTED,
        POST: ErasureStatus.KEPT,
        BILLS: ErasureStatus.KEPT,
    }


def test_the_open_ones_are_found_and_all_that_were_asked_for(ask: Ask) -> None:
    def of(person_id: str, *events: Any) -> Any:
        steps = zip((AT, LATER, LAST), [replace(event, person_id=person_id) for event in events], strict=False)
        return story(ERASURE, person_id, *steps)

    stories = (
        of("only-held", HELD),
        of("requested", requested(ID)),
        of("destroyed", HELD, requested(ID), destroyed(ID)),
        of("shredded", requested(ID), destroyed(ID), shredded(ID)),
    )
    for open_only, expected in ((True, ["destroyed", "requested"]), (False, ["destroyed", "requested", "shredded"])):
        found = ask(erasures.READ_MODEL, asked_for(open_only=open_only), *stories)
        assert [row["person_id"] for row in found] == expected


def test_a_hold_from_its_placing_to_its_lifting() -> None:
    longer = replace(HELD, until=date(2031, 12, 31))
    told = story(ERASURE, "person-1", (AT, HELD), (LATER, longer), (LAST, LIFTED))
    row = {
        "purpose": "invoicing",
        "ground": "legal_claims",
        "until": LAST_DAY,
        "reference": "",
        "placed_at": AT,
        "lifted_at": None,
    }
    assert rows(legal_holds.READ_MODEL, told[:1]) == {("person-1", "hold-1"): row}
    moved = {**row, "until": longer.until, "placed_at": LATER}
    assert rows(legal_holds.READ_MODEL, told[:2]) == {("person-1", "hold-1"): moved}
    assert rows(legal_holds.READ_MODEL, told) == {("person-1", "hold-1"): {**moved, "lifted_at": LAST}}
