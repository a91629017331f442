"""Open rates: cohorts by month of publication, windows of 21 and 42 days on the sender's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.kernel import Recorded
from domain.mailbox.message.model import Publication
from domain.mailbox.values import SenderTimeZone
from projections.effects import RowKey
from projections.open_rates import READ_MODEL, OpenRateFilter, final_from, open_rates_of_year, window_end
from tests.domain.letters import OPENED, PUBLICATION, PUBLISHED
from tests.projections.story import Ask, recorded, rows, values

SECOND = timedelta(seconds=1)


def _published(publication: Publication = PUBLICATION) -> Recorded[Any]:
    event = replace(PUBLISHED, publication=publication)
    return recorded(event, publication.published_at, stream="message-1", version=2)


def _opened(at: datetime, publication: Publication = PUBLICATION) -> Recorded[Any]:
    return recorded(replace(OPENED, publication=publication), at, stream="message-1", version=3)


def _counts(*events: Recorded[Any]) -> tuple[int, int, int]:
    (row,) = rows(READ_MODEL, events).values()
    return row["published"], row["opened_3_weeks"], row["opened_6_weeks"]


def _key(publication: Publication) -> RowKey:
    (key,) = rows(READ_MODEL, [_published(publication)])
    return key


def test_a_cohort_is_what_one_month_published_with_all_that_can_be_filtered() -> None:
    assert _key(PUBLICATION) == ("nl", "2021-11", "tax_administration", False, False, True)
    special = replace(PUBLICATION, outside_government=True, notification_only=True, mailbox_taken_into_use=False)
    assert _key(special) == ("nl", "2021-11", "tax_administration", True, True, False)


@pytest.mark.parametrize(
    ("zone", "period"),
    [(SenderTimeZone.AMSTERDAM, "2018-01"), (SenderTimeZone.BONAIRE, "2017-12")],
)
def test_the_month_is_the_one_on_the_senders_calendar(zone: SenderTimeZone, period: str) -> None:
    new_year = datetime(2017, 12, 31, 23, 30, tzinfo=UTC)
    assert _key(replace(PUBLICATION, published_at=new_year, sender_time_zone=zone))[1] == period


def test_an_unread_message_counts_as_published_only() -> None:
    assert _counts(_published()) == (1, 0, 0)


# Winter time begins on 31 October 2021, 01:00 UTC: the clock's 21 days are an hour longer, the hour that comes twice.
# Summer time begins on 28 March 2021, 01:00 UTC: they are an hour shorter.
AUTUMN = (datetime(2021, 10, 20, 8, 0, tzinfo=UTC), timedelta(hours=1))
SPRING = (datetime(2021, 3, 17, 8, 0, tzinfo=UTC), timedelta(hours=-1))
NO_CHANGE = (datetime(2021, 6, 1, 8, 0, tzinfo=UTC), timedelta())


@pytest.mark.parametrize(("published_at", "shift"), [AUTUMN, SPRING, NO_CHANGE])
def test_a_window_includes_its_last_instant_on_the_senders_clock(published_at: datetime, shift: timedelta) -> None:
    publication = replace(PUBLICATION, published_at=published_at)
    three, six = (published_at + timedelta(days=days) + shift for days in (21, 42))
    for opened_at, expected in (
        (three, (1, 1, 1)),
        (three + SECOND, (1, 0, 1)),
        (six, (1, 0, 1)),
        (six + SECOND, (1, 0, 0)),
    ):
        assert _counts(_published(publication), _opened(opened_at, publication)) == expected


def test_where_the_clock_never_changes_a_window_is_as_long_as_it_says() -> None:
    publication = replace(PUBLICATION, published_at=AUTUMN[0], sender_time_zone=SenderTimeZone.BONAIRE)
    last = AUTUMN[0] + timedelta(days=21)
    assert _counts(_published(publication), _opened(last, publication)) == (1, 1, 1)
    assert _counts(_published(publication), _opened(last + SECOND, publication)) == (1, 0, 1)


def test_a_window_that_ends_in_the_hour_that_is_skipped_or_comes_twice_has_one_end() -> None:
    skipped = replace(PUBLICATION, published_at=datetime(2021, 3, 7, 1, 30, tzinfo=UTC))  # until 28 March, 02:30
    assert window_end(skipped, 3) == datetime(2021, 3, 28, 1, 30, tzinfo=UTC)
    twice = replace(PUBLICATION, published_at=datetime(2021, 10, 10, 0, 30, tzinfo=UTC))  # until 31 October, 02:30
    assert window_end(twice, 3) == datetime(2021, 10, 31, 0, 30, tzinfo=UTC)


@forall(
    st.datetimes(datetime(2016, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    st.sampled_from(SenderTimeZone),
    st.integers(0, 50 * 24),
)
def test_opened_within_three_weeks_is_opened_within_six(at: datetime, zone: SenderTimeZone, hours: int) -> None:
    publication = replace(PUBLICATION, published_at=at, sender_time_zone=zone)
    opened_at = at + timedelta(hours=hours)
    published, three, six = _counts(_published(publication), _opened(opened_at, publication))
    assert 0 <= three <= six <= published
    # Far from the edges the clock's hour does not matter.
    if hours <= 21 * 24 - 2:
        assert three == 1
    if hours > 42 * 24 + 2:
        assert six == 0


def test_the_year_of_a_type_of_organisation_is_the_sum_of_its_cohorts(ask: Ask) -> None:
    january = datetime(2021, 1, 10, tzinfo=UTC)
    early = replace(PUBLICATION, published_at=january)
    unused = replace(PUBLICATION, mailbox_taken_into_use=False)
    outside = replace(PUBLICATION, outside_government=True, sender_type="pension_fund")
    notice = replace(PUBLICATION, notification_only=True)
    next_year = replace(PUBLICATION, published_at=datetime(2022, 1, 10, tzinfo=UTC))
    everything = [early, PUBLICATION, unused, outside, notice, next_year]
    events = [*map(_published, everything), _opened(january + timedelta(days=30), early)]

    def answer(**filters: bool) -> Any:
        return values(ask(READ_MODEL, open_rates_of_year("nl", 2021, OpenRateFilter(**filters)), events))

    tax = "tax_administration"
    assert answer(outside_government=True) == [("pension_fund", 1, 0, 0, 0, 0), (tax, 4, 0, 1, 1, 1)]
    assert answer() == [(tax, 4, 0, 1, 1, 1)]
    assert answer(notification_only=False) == [(tax, 3, 0, 1, 1, 0)]
    assert answer(not_taken_into_use=False) == [(tax, 3, 0, 1, 0, 1)]


def test_a_year_is_final_once_the_last_window_has_closed_everywhere() -> None:
    bonaire = ZoneInfo(SenderTimeZone.BONAIRE)
    assert final_from(2021, 3) == datetime(2022, 1, 22, 0, 0, tzinfo=bonaire)
    assert final_from(2021, 6) == datetime(2022, 2, 12, 0, 0, tzinfo=bonaire)
