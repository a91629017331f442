"""Daily counts: every event of every context, on the civil day on which it happened."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from domain.bus import TRANSACTION
from domain.consent import CONSENT
from domain.contexts import DECIDERS
from domain.kernel import Recorded
from projections.daily_counts import READ_MODEL
from tests.domain.test_bus import ACCEPTED, ANSWERED, FORWARDED
from tests.domain.test_consent import GRANTED
from tests.projections.story import recorded, rows

MONDAY = datetime(2022, 3, 27, 22, 30, tzinfo=UTC)  # half past midnight in Brussels, on the first day of summer time
SUNDAY = datetime(2022, 3, 26, 23, 30, tzinfo=UTC)  # half past midnight too, the hour was not yet changed


def told(category: str, organisation_id: str, *steps: tuple[datetime, Any]) -> list[Recorded[Any]]:
    return [
        recorded(event, at, stream=f"{category}-1", version=version, organisation_id=organisation_id)
        for version, (at, event) in enumerate(steps, start=1)
    ]


STORIES = (
    told(TRANSACTION.category, "gent", (SUNDAY, ACCEPTED), (SUNDAY, FORWARDED), (MONDAY, ANSWERED)),
    told(TRANSACTION.category, "gent", (SUNDAY, ACCEPTED)),
    told(TRANSACTION.category, "luik", (SUNDAY, ACCEPTED), (SUNDAY, FORWARDED), (SUNDAY, FORWARDED)),
    told(CONSENT.category, "gent", (MONDAY, GRANTED)),
)
FIRST, SECOND = date(2022, 3, 27), date(2022, 3, 28)
ACCEPTED_NAME, FORWARDED_NAME = "bus.transaction-accepted.v1", "bus.transaction-forwarded.v1"
ANSWERED_NAME, GRANTED_NAME = "bus.transaction-answered.v1", "consent.granted.v1"


def test_each_event_counts_on_its_day_for_its_organisation_and_the_first_begins_a_stream() -> None:
    assert rows(READ_MODEL, *STORIES) == {
        (FIRST, ACCEPTED_NAME, "gent"): {"events": 2, "streams": 2},
        (FIRST, ACCEPTED_NAME, "luik"): {"events": 1, "streams": 1},
        (FIRST, FORWARDED_NAME, "gent"): {"events": 1, "streams": 0},
        (FIRST, FORWARDED_NAME, "luik"): {"events": 2, "streams": 0},
        (SECOND, ANSWERED_NAME, "gent"): {"events": 1, "streams": 0},
        (SECOND, GRANTED_NAME, "gent"): {"events": 1, "streams": 1},
    }


def test_every_event_of_every_decider_is_counted() -> None:
    assert set(READ_MODEL.rules) == {event for decider in DECIDERS for event in decider.events.values()}
