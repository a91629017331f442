"""Figures without a database: periods, rounding, the chained index, the open-rate table, the definitions."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import domain
from domain.kernel import Decider, InvalidValue, Jurisdiction
from projections.figures.figure_definitions import DEFINITIONS, HEADLINES
from projections.figures.figure_values import Growth, Provenance, Quality, percentage, rounded
from projections.figures.index import BASE, ServiceLife, chain
from projections.figures.measures import MEASURES
from projections.figures.open_rate_table import Cohort, OpenRateTable, build_table
from projections.figures.period import Period
from projections.figures.translations import Language, Text
from projections.open_rates import final_from
from tests.api.world.figures import RATES

NOW = datetime(2026, 11, 21, tzinfo=UTC)

# --- Periods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "months", "start", "end"),
    [
        ("2021", 12, "2020-12-31T23:00", "2021-12-31T23:00"),
        ("2021-11", 1, "2021-10-31T23:00", "2021-11-30T23:00"),
        ("2022-H1", 6, "2021-12-31T23:00", "2022-06-30T22:00"),
        ("2022-H2", 6, "2022-06-30T22:00", "2022-12-31T23:00"),
        ("2017-09/2017-10", 2, "2017-08-31T22:00", "2017-10-31T23:00"),
        ("2017-12/2018-01", 2, "2017-11-30T23:00", "2018-01-31T23:00"),
    ],
)
def test_a_period_is_cut_in_civil_time(text: str, months: int, start: str, end: str) -> None:
    period = Period.parse(text)
    assert str(period) == text
    assert len(period.months) == months
    assert f"{period.start:%Y-%m-%dT%H:%M}" == start
    assert f"{period.end:%Y-%m-%dT%H:%M}" == end
    assert period.last_instant < period.end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "21",
        "2021-13",
        "2021-00",
        "2021-H3",
        "2021-1",
        "2017-09/2017-11",
        "2017-09/2017-09",
        "0000",
        "1999",
        "\N{FULLWIDTH DIGIT TWO}021",
    ],
)
def test_anything_else_is_no_period(text: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        Period.parse(text)
    assert refusal.value.code == "invalid-period"


def test_a_year_before_has_the_same_shape() -> None:
    for text, before in (("2022-H1", "2021-H1"), ("2021-11", "2020-11"), ("2017-09/2017-10", "2016-09/2016-10")):
        assert str(Period.parse(text).year_before()) == before


def test_the_months_up_to_a_period_end_with_its_own_last_one() -> None:
    months = Period.parse("2022-H1").months_until(24)
    assert [str(months[0]), str(months[-1]), len(months)] == ["2020-07", "2022-06", 24]


# --- Rounding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [("12.5", 13), ("-12.5", -13), ("12.4999", 12), ("0.5", 1), ("-0.4", 0), ("1.5", 2), ("2.5", 3)],
)
def test_halves_are_rounded_away_from_zero(value: str, shown: int) -> None:
    assert rounded(Fraction(value)) == shown


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_percentage_is_never_more_than_half_a_percent_away(part: int, whole: int) -> None:
    shown = percentage(part, whole)
    assert shown is not None
    assert abs(Fraction(shown) - Fraction(100 * part, whole)) <= Fraction(1, 2)


def test_nothing_of_nothing_is_no_percentage() -> None:
    assert percentage(0, 0) is None


@pytest.mark.parametrize(
    ("previous", "current", "percent"),
    [(1_455_257, 3_102_226, 113), (253, 412, 63), (82, 223, 172), (1_058_872, 1_567_131, 48), (200, 100, -50)],
)
def test_growth_is_against_the_year_before(previous: int, current: int, percent: int) -> None:
    assert Growth(Fraction(previous), Fraction(current)).percent == percent


def test_growth_from_nothing_has_no_percentage() -> None:
    growth = Growth(Fraction(0), Fraction(5))
    assert (growth.percent, growth.factor) == (None, None)


def test_a_doubling_has_a_factor() -> None:
    assert Growth(Fraction(1_455_257), Fraction(3_102_226)).factor == Decimal("2.13")


# --- Index ----------------------------------------------------------------------------------------------------------

OLD = ServiceLife(service_id="old", registered_at=datetime(2014, 1, 1, tzinfo=UTC), closed_at=None)


def _uses(**services: tuple[int, ...]) -> dict[str, dict[str, int]]:
    """Give the uses per two months from the base on, all in the first month of the two."""
    uses: dict[str, dict[str, int]] = {}
    for service, counts in services.items():
        period = BASE
        for count in counts:
            uses.setdefault(period.months[0], {})[service] = count
            period = period.next()
    return uses


def _shown(uses: dict[str, dict[str, int]], *lives: ServiceLife, now: datetime = NOW, **weights: Fraction) -> list[str]:
    return [str(point.shown) for point in chain("citizen", uses, lives, now, weights).points]


def test_without_newcomers_the_index_is_use_over_use_in_the_base_period() -> None:
    assert _shown(_uses(old=(50, 75, 33)), OLD) == ["100.00", "150.00", "66.00"]


def test_the_published_index_follows_exactly() -> None:
    uses = {
        "2014-11": {"old": 6_000},
        "2014-12": {"old": 4_000},
        "2017-09": {"old": 11_000},
        "2017-10": {"old": 10_892},
    }
    for period in (it for it in _two_months() if it.months[0] not in uses):
        uses[period.months[0]] = {"old": 10_000}
    series = chain("citizen", uses, [OLD], NOW)
    point = series.at(Period.parse("2017-09/2017-10"))
    assert point is not None
    assert (str(point.period), point.shown) == ("2017-09/2017-10", Decimal("218.92"))


def _two_months() -> list[Period]:
    periods = [BASE]
    while str(periods[-1]) != "2017-09/2017-10":
        periods.append(periods[-1].next())
    return periods


def test_joining_alone_does_not_move_the_index() -> None:
    # It joins in the second period; its first full one is the third; from the fourth on its change counts.
    new = ServiceLife(service_id="new", registered_at=BASE.next().start + timedelta(days=9), closed_at=None)
    uses = _uses(old=(100, 100, 100, 100), new=(0, 30, 100, 300))
    assert _shown(uses, OLD, new) == ["100.00", "100.00", "100.00", "200.00"]


def test_a_service_that_closes_leaves_without_pulling_the_index_down() -> None:
    gone = ServiceLife(
        service_id="gone", registered_at=OLD.registered_at, closed_at=BASE.next().start + timedelta(days=9)
    )
    assert _shown(_uses(old=(100, 110), gone=(900, 10)), OLD, gone) == ["100.00", "110.00"]


def test_weights_count() -> None:
    other = ServiceLife(service_id="other", registered_at=OLD.registered_at, closed_at=None)
    uses = _uses(old=(100, 200), other=(100, 100))
    assert _shown(uses, OLD, other) == ["100.00", "150.00"]
    assert _shown(uses, OLD, other, old=Fraction(3)) == ["100.00", "175.00"]


def test_the_index_is_exact_over_many_links() -> None:
    # Thirds and back again, two hundred times: any rounding on the way would show.
    counts = tuple(3 if at % 2 else 1 for at in range(60))
    assert _shown(_uses(old=counts), OLD)[-2:] == ["100.00", "300.00"]


def test_only_periods_that_are_over_count_and_nothing_used_means_no_index() -> None:
    uses = _uses(old=(50, 75, 33))
    assert _shown(uses, OLD, now=BASE.next().end - timedelta(seconds=1)) == ["100.00"]
    assert _shown(_uses(old=(0, 75)), OLD) == []
    assert _shown({}, OLD) == []
    assert _shown(_uses(old=(50, 75)), OLD, now=BASE.start) == []


# --- The index in plain words ---------------------------------------------------------------------------------------

MONTHS = [month for at in range(8) for month in _two_months()[at].months]
EDGES = [edge + off for at in range(8) for edge in [_two_months()[at].start] for off in (timedelta(0), timedelta(1))]
SERVICES = ("a", "b", "c", "d")
LIVES = st.builds(
    ServiceLife,
    service_id=st.sampled_from(SERVICES),
    registered_at=st.sampled_from([OLD.registered_at, *EDGES]),
    closed_at=st.none() | st.sampled_from([it - timedelta(hours=12) for it in EDGES] + EDGES),
)


def _plainly(
    uses: Mapping[str, Mapping[str, int]],
    lives: Sequence[ServiceLife],
    now: datetime,
    weights: Mapping[str, Fraction],
) -> list[tuple[str, Fraction, int, int]]:
    """Say period by period what the index is, as the module says it in words."""

    def there(life: ServiceLife, period: Period) -> bool:
        return life.registered_at <= period.start and (life.closed_at is None or life.closed_at >= period.end)

    def used(period: Period, service_id: str) -> int:
        return sum(uses.get(month, {}).get(service_id, 0) for month in period.months)

    last_month = max((month for month, services in uses.items() if any(services.values())), default="")
    points: list[tuple[str, Fraction, int, int]] = []
    before, period = BASE, BASE
    while period.is_over(now) and period.months[0] <= last_month:
        both = [life.service_id for life in lives if there(life, before) and there(life, period)]
        then, there_now = (
            sum((weights.get(it, Fraction(1)) * used(when, it) for it in both), Fraction(0))
            for when in (before, period)
        )
        value = points[-1][1] * there_now / then if points and then else Fraction(100)
        uses_of_both = sum(used(period, it) for it in both)
        if not (then if points else uses_of_both):
            break
        points.append((str(period), value, len(both), uses_of_both))
        before, period = period, period.next()
    return points


@given(
    uses=st.dictionaries(
        st.sampled_from([*MONTHS, "2014-10"]),
        st.dictionaries(st.sampled_from((*SERVICES, "no life")), st.integers(0, 9)),
    ),
    lives=st.lists(LIVES, unique_by=lambda life: life.service_id),
    weights=st.dictionaries(st.sampled_from(SERVICES), st.fractions(Fraction(1, 9), 9, max_denominator=9)),
    periods=st.integers(0, 9),
)
def test_the_index_in_whole_numbers_is_what_fractions_give(
    uses: Mapping[str, Mapping[str, int]],
    lives: Sequence[ServiceLife],
    weights: Mapping[str, Fraction],
    periods: int,
) -> None:
    now = _two_months()[periods].start
    found = chain("citizen", uses, lives, now, weights).points
    assert [(str(it.period), it.value, it.services, it.uses) for it in found] == _plainly(uses, lives, now, weights)


# --- Open rates -----------------------------------------------------------------------------------------------------

YEARS = (Period.parse("2017"), Period.parse("2018"))


def _cohort(published: int, within_3: int, within_6: int) -> Cohort:
    return Cohort(
        published=published,
        opened_3_weeks=published * within_3 // 100 + 1,
        opened_6_weeks=published * within_6 // 100 + 1,
    )


def _table(now: datetime = NOW) -> OpenRateTable:
    counts = [(year, kind, _cohort(*numbers[at])) for kind, numbers in RATES.items() for at, year in enumerate(YEARS)]
    return build_table(
        jurisdiction=Jurisdiction.NL,
        years=YEARS,
        counts=counts,
        provenance=Provenance(events=(), position=7, computed_at=now),
    )


def test_every_printed_rate_by_type_of_organisation() -> None:
    table = _table()
    assert {row.sender_type: [[it.rate(3), it.rate(6)] for it in row.cohorts] for row in table.rows} == {
        kind: [[it[1], it[2]] for it in numbers] for kind, numbers in RATES.items()
    }


def test_the_subtotal_is_the_printed_one_and_the_total_is_the_right_one() -> None:
    table = _table()
    assert [it.published for it in table.subtotal.cohorts] == [12_771_752, 15_159_228]
    assert [[it.rate(3), it.rate(6)] for it in table.subtotal.cohorts] == [[59, 65], [61, 69]]
    assert [it.published for it in table.total.cohorts] == [72_174_754, 77_982_665]
    # Printed are 47, 52, 46 and 53: what cannot follow from the rows of the same print is not repeated.
    assert [[it.rate(3), it.rate(6)] for it in table.total.cohorts] == [[46, 50], [47, 53]]


def test_differences_are_in_points_between_the_rates_shown() -> None:
    rows = {row.sender_type: row for row in _table().rows}
    assert [rows["partnership"].difference(weeks) for weeks in (3, 6)] == [4, 8]
    assert rows["national_organisation"].difference(3) == -2


def test_the_two_largest_stand_last() -> None:
    assert [row.sender_type for row in _table().rows][-2:] == ["employee_insurance_agency", "tax_administration"]


def test_a_year_is_provisional_until_three_and_six_weeks_after_its_end() -> None:
    year = YEARS[1]
    for weeks in (3, 6):
        assert final_from(2018, weeks) >= year.end + timedelta(weeks=weeks)
        assert _table(final_from(2018, weeks) - timedelta(seconds=1)).is_provisional(year, weeks)
        assert not _table(final_from(2018, weeks)).is_provisional(year, weeks)


def test_nothing_published_has_no_rate() -> None:
    table = build_table(
        jurisdiction=Jurisdiction.BE,
        years=YEARS,
        counts=[(YEARS[1], "municipality", _cohort(10, 50, 60))],
        provenance=Provenance(events=(), position=7, computed_at=NOW),
    )
    assert [it.rate(3) for it in table.rows[0].cohorts] == [None, 60]
    assert table.rows[0].difference(3) is None


def test_accounts_not_taken_into_use_make_a_row_approximate() -> None:
    table = build_table(
        jurisdiction=Jurisdiction.NL,
        years=YEARS,
        counts=[
            (YEARS[0], "tax_administration", Cohort(published=10, estimated=1)),
            (YEARS[0], "employee_insurance_agency", Cohort(published=10, notifications=10)),
        ],
        provenance=Provenance(events=(), position=7, computed_at=NOW),
    )
    agency, tax = table.rows
    assert (tax.quality, tax.notifications_only) == (Quality.APPROXIMATE, False)
    assert (agency.quality, agency.notifications_only) == (Quality.EXACT, True)


# --- Definitions ----------------------------------------------------------------------------------------------------


def _stored_names() -> set[str]:
    """Collect the names of the events of every decider in the domain."""
    names: set[str] = set()
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Decider):
                decider: Decider[Any, Any, Any] = value
                names |= set(decider.events)
    return names


def test_every_figure_names_events_that_exist() -> None:
    stored = _stored_names()
    for definition in DEFINITIONS.values():
        assert definition.events
        assert set(definition.events) <= stored, definition.id


def test_every_headline_figure_can_be_measured() -> None:
    assert set(MEASURES) == {definition.id for definition in HEADLINES}


def test_every_definition_is_said_in_four_languages() -> None:
    for definition in DEFINITIONS.values():
        for text in (definition.title, definition.text, definition.population):
            assert isinstance(text, Text)
            said = [text.in_language(language) for language in Language]
            assert all(said), definition.id
            # A brand name may be the same everywhere; a whole sentence may not.
            assert len(set(said)) > 1, definition.id


def test_the_documentation_says_the_same_as_the_definitions() -> None:
    page = (Path(__file__).parents[2] / "docs" / "figures.md").read_text()
    for definition in DEFINITIONS.values():
        section = page.split(f"### {definition.title.en}\n")[1].split("\n### ")[0]
        assert f"`{definition.id}`, version {definition.version}. {definition.text.en}" in section.replace("\n", " ")
        assert f"| told apart by | `{definition.distinct_key}` |" in section
        assert all(f"`{event}`" in section for event in definition.events)
