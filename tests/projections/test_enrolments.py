"""Enrolments: a row for each period in which an organisation held a role."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.organisations.organisation.rules import ORGANISATION
from projections.enrolments import READ_MODEL
from tests.domain.test_organisations import AT, CHANNEL_CHANGED, CITY, SENDER, SENDER_ENDED, UNTIL
from tests.projections.story import rows, story

DAY = timedelta(days=1)
ROLE = "mailbox_sender"
ROW: dict[str, Any] = {
    "jurisdiction": "be",
    "organisation_type": "municipality",
    "level": "local",
    "outside_government": False,
    "double_channel_until": UNTIL,
    "enrolled_at": AT,
    "ended_at": None,
}
AGAIN = replace(SENDER, enrolment_number=2)
HERE = story(ORGANISATION, CITY, (AT, SENDER), (AT + 2 * DAY, SENDER_ENDED), (AT + 4 * DAY, AGAIN))


def test_each_enrolment_has_a_row_of_its_own() -> None:
    assert rows(READ_MODEL, HERE) == {
        (CITY, ROLE, 1): {**ROW, "ended_at": AT + 2 * DAY},
        (CITY, ROLE, 2): {**ROW, "enrolled_at": AT + 4 * DAY},
    }


def test_a_changed_double_channel_period_is_that_of_the_enrolment() -> None:
    changed = replace(CHANNEL_CHANGED, enrolment_number=2)
    told = [*HERE, *story(ORGANISATION, CITY, (AT + 5 * DAY, changed))]
    assert [row["double_channel_until"] for row in rows(READ_MODEL, told).values()] == [UNTIL, None]
