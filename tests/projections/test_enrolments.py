"""Enrolments: a row for each period, so that who was connected on a past day is a plain count."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.kernel import Jurisdiction
from domain.organisations import ORGANISATION, OrganisationType
from projections.enrolments import PROJECTION, enrolled, enrolled_by_type, enrolled_organisations, enrolments
from tests.domain.test_organisations import AT, CHANNEL_CHANGED, CITY, SENDER, SENDER_ENDED, UNTIL
from tests.projections.story import Ask, rows, story

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
TAX = replace(SENDER, organisation_id="tax", organisation_type=OrganisationType.TAX_ADMINISTRATION)
THERE = story(ORGANISATION, "tax", (AT + DAY, TAX))
ABROAD = story(ORGANISATION, "nl", (AT, replace(SENDER, organisation_id="nl", jurisdiction=Jurisdiction.NL)))


def test_each_enrolment_has_a_row_of_its_own() -> None:
    assert rows(PROJECTION, HERE) == {
        (CITY, ROLE, 1): {**ROW, "ended_at": AT + 2 * DAY},
        (CITY, ROLE, 2): {**ROW, "enrolled_at": AT + 4 * DAY},
    }


def test_a_changed_double_channel_period_is_that_of_the_enrolment() -> None:
    changed = replace(CHANNEL_CHANGED, enrolment_number=2)
    told = [*HERE, *story(ORGANISATION, CITY, (AT + 5 * DAY, changed))]
    assert [row["double_channel_until"] for row in rows(PROJECTION, told).values()] == [UNTIL, None]


def test_senders_connected_on_any_past_day(ask: Ask) -> None:
    def connected(at: datetime) -> Any:
        (row,) = ask(PROJECTION, enrolled_organisations("be", ROLE, at), HERE, THERE, ABROAD)
        (count,) = row.values()
        return count

    days = (-1, 0, 1, 2, 3, 4)
    assert [connected(AT + day * DAY) for day in days] == [0, 1, 2, 1, 1, 2]


def test_who_they_were_and_of_what_type(ask: Ask) -> None:
    at = AT + DAY
    found = ask(PROJECTION, enrolled("be", ROLE, at), HERE, THERE)
    assert sorted(row["organisation_id"] for row in found) == [CITY, "tax"]
    by_type = ask(PROJECTION, enrolled_by_type("be", ROLE, at), HERE, THERE)
    assert {row["organisation_type"]: row["organisations"] for row in by_type} == {
        "municipality": 1,
        "tax_administration": 1,
    }


def test_enrolments_are_found_by_organisation_role_and_jurisdiction(ask: Ask) -> None:
    assert len(ask(PROJECTION, enrolments(), HERE, THERE, ABROAD)) == 4
    assert len(ask(PROJECTION, enrolments(organisation_id=CITY), HERE, THERE, ABROAD)) == 2
    assert len(ask(PROJECTION, enrolments(enrolment=ROLE, jurisdiction="nl"), HERE, THERE, ABROAD)) == 1
    assert ask(PROJECTION, enrolments(enrolment="bus_member"), HERE) == []
