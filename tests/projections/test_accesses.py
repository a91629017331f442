"""Accesses: one row for each look, person and category; what is suppressed is left out while it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import literal, select

from domain.access.access import ACCESS, Category, SubjectAccess
from domain.access.suppression import SUPPRESSION
from domain.kernel import Context, Recorded
from projections import access_suppressions, accesses
from tests.domain.test_access import AT, GROUND, LIFTED, LOOK, RECORDED, SUPPRESSED, TERMS
from tests.projections.story import Ask, rows

BOB = SubjectAccess(subject_id="bob", categories=(Category.CONSENTS,))


def recorded(category: str, event: Any, version: int = 1, at: datetime = AT) -> Recorded[Any]:
    return Recorded(
        position=version,
        stream=f"{category}-1",
        version=version,
        event=event,
        context=Context(acting_id="official-7", organisation_id="gent", activity="child-benefit", effective_at=at),
        recorded_at=at,
    )


def test_each_person_and_category_has_a_row_with_who_and_why() -> None:
    row = {
        "organisation_id": "gent",
        "supplier_id": "software-house",
        "acting_id": "official-7",
        "automated": False,
        "activity": "child-benefit",
        "outcome": "answered",
        "accessed_at": AT,
    }
    story = [
        recorded(ACCESS.category, RECORDED),
        recorded(ACCESS.category, replace(RECORDED, looks=(BOB,)), version=2),
    ]
    assert rows(accesses.READ_MODEL, story) == {
        ("look-1", "ann", "keys"): row,
        ("look-1", "ann", "messages"): row,
        ("look-1", "bob", "consents"): row,
    }
    assert LOOK.categories == (Category.KEYS, Category.MESSAGES)


def test_a_suppression_has_a_row_with_on_whose_order_and_who_lifted_it() -> None:
    later = AT + timedelta(days=3)
    row = {
        **{name: value for name, value in TERMS.items() if name != "suppression_id"},
        "ordered_by": "official-7",
        "ordered_at": AT,
        "lifted_ground": "",
        "lifted_by": "",
        "lifted_at": None,
    }
    ordered = recorded(SUPPRESSION.category, SUPPRESSED)
    lifted = recorded(SUPPRESSION.category, LIFTED, version=2, at=later)
    assert row["ground"] == GROUND
    assert rows(access_suppressions.READ_MODEL, [ordered]) == {("s-1",): row}
    end = {"lifted_ground": "the inquiry is closed", "lifted_by": "official-7", "lifted_at": later}
    assert rows(access_suppressions.READ_MODEL, [ordered, lifted]) == {("s-1",): {**row, **end}}


SINCE, UNTIL = TERMS["since"], TERMS["until"]
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("person", "organisation", "accessed_at", "now", "hidden"),
    [
        ("ann", "police", AT, AT, True),
        ("ann", "police", SINCE, AT, True),
        ("ann", "police", SINCE - MOMENT, AT, False),
        ("ann", "police", UNTIL - MOMENT, UNTIL - MOMENT, True),
        ("ann", "police", AT, UNTIL, False),
        ("bob", "police", AT, AT, False),
        ("ann", "gent", AT, AT, False),
    ],
    ids=["during", "first", "before", "last", "over", "other person", "other organisation"],
)
def test_what_is_suppressed(
    ask: Ask, person: str, organisation: str, accessed_at: datetime, now: datetime, *, hidden: bool
) -> None:
    query = select(
        access_suppressions.suppressed(literal(person), literal(organisation), literal(accessed_at), now).label("it")
    )
    ordered = recorded(SUPPRESSION.category, SUPPRESSED)
    lifted = recorded(SUPPRESSION.category, LIFTED, version=2)
    assert ask(access_suppressions.READ_MODEL, query, [ordered]) == [{"it": hidden}]
    assert ask(access_suppressions.READ_MODEL, query, [ordered, lifted]) == [{"it": False}]
