"""Which months figures cover, and how parts of a figure are rounded and put together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.figures.coverage import History, history_of
from projections.figures.figure_definitions import DEFINITIONS
from projections.figures.figure_values import Quality
from projections.figures.measures import MEASURES, MONTHS
from projections.figures.period import Period
from projections.figures.shares import MIN_CELL, OTHER_PARTS, Share, merge_small_parts, whole_percents

NOW = datetime(2026, 11, 21, tzinfo=UTC)
COUNT, STATE = DEFINITIONS["messages_sent"], DEFINITIONS["active_consents"]
COUNTS = st.lists(st.integers(1, 10_000), max_size=12)


def test_months_of_events_are_known_of_every_figure() -> None:
    assert set(MONTHS) == set(DEFINITIONS) >= set(MEASURES)


def test_a_figure_begins_with_its_own_first_event_and_ends_with_its_jurisdiction() -> None:
    history = history_of([("a", "2021-03"), ("b", "2021-01"), ("a", "2021-04"), ("b", "2021-06")])
    assert history.months_of("a") == ["2021-03", "2021-04", "2021-05", "2021-06"]
    assert history.months_of("b")[0] == "2021-01"
    assert history.months_of("c") == []


@pytest.mark.parametrize(("later", "months"), [("2023-01", 25), ("2023-02", 2)])
def test_two_silent_years_are_no_history(later: str, months: int) -> None:
    assert len(history_of([("a", "2021-01"), ("a", later)]).months) == months


def test_nothing_has_no_history() -> None:
    assert history_of([]) == History()


@pytest.mark.parametrize(
    ("period", "count", "state"),
    [
        ("2018-12", Quality.NO_DATA, Quality.NO_DATA),
        ("2019", Quality.PARTIAL, Quality.EXACT),
        ("2019-H2", Quality.EXACT, Quality.EXACT),
        ("2020-H2", Quality.PARTIAL, Quality.PARTIAL),
        ("2021", Quality.NO_DATA, Quality.NO_DATA),
    ],
)
def test_a_count_needs_every_month_and_a_state_the_last_one(period: str, count: Quality, state: Quality) -> None:
    months = [str(month) for month in Period.parse("2020-08").months_until(18)]
    history = History(months, {COUNT.id: months[0], STATE.id: months[0]})
    assert months[0] == "2019-03"
    assert history.quality(COUNT, Period.parse(period), NOW) is count
    assert history.quality(STATE, Period.parse(period), NOW) is state


def test_a_period_that_runs_is_provisional_as_soon_as_it_has_data() -> None:
    history = History(["2026-10", "2026-11"], {COUNT.id: "2026-10"})
    assert history.quality(COUNT, Period.parse("2026-11"), NOW) is Quality.PROVISIONAL
    assert history.quality(COUNT, Period.parse("2026-12"), NOW) is Quality.NO_DATA


@pytest.mark.parametrize(
    ("parts", "percents"),
    [
        ((1, 1, 1), (34, 33, 33)),
        ((2, 1), (67, 33)),
        ((995, 5), (100, 0)),
        ((0, 0), (0, 0)),
        ((), ()),
    ],
)
def test_shares_go_to_the_largest_remainders(parts: Sequence[int], percents: Sequence[int]) -> None:
    assert whole_percents(parts) == percents


@given(COUNTS)
def test_shares_sum_to_100_and_are_less_than_one_off(parts: list[int]) -> None:
    percents = whole_percents(parts)
    assert sum(percents) == (100 if parts else 0)
    assert all(abs(percent - 100 * part / sum(parts)) < 1 for percent, part in zip(percents, parts, strict=True))


@given(COUNTS)
def test_no_part_of_a_few_is_published_or_follows_from_the_others(parts: list[int]) -> None:
    whole = [Share(f"p{at}", part) for at, part in enumerate(sorted(parts, reverse=True))]
    merged = merge_small_parts(whole)
    assert sum(share.value for share in merged) == sum(parts)
    if len(merged) > 1:
        assert all(share.value >= MIN_CELL for share in merged)
    if merged and merged[-1].key == OTHER_PARTS and len(whole) > 1:
        assert len(whole) - len(merged) >= 1
