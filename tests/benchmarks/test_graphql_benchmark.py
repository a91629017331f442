"""The arithmetic of the query API's benchmark: what counts as the same answer, and what follows from rounds."""

from itertools import count

import pytest

from benchmarks.graphql import pages, run, tenants
from benchmarks.graphql.asking import UnequalAnswersError, compare, plain
from benchmarks.graphql.contest import By, Side, name_of, rate, server_cpu
from benchmarks.graphql.load import RESULT, LoadFailedError, Outcome, Requests, outcome_of, script_of
from benchmarks.graphql.questions import Kind
from benchmarks.measuring import Measured
from benchmarks.projections.queries import Answers

OTHERS = Outcome(
    requests=100,
    seconds=4,
    bytes=5_000,
    p99_ms=20,
    status=30,
    broken=0,
    answered=70,
    refused=30,
    failed=0,
    sample="",
)
TENANT = {"tenant_median_vs_alone", "tenant_p99_ms", "tenant_failed"}
LATER = {"planned_share", "dashboard_cpu_ms_uncached", "dashboard_cpu_ms_cached"} | TENANT


def rounds() -> dict[str, Measured]:
    """Return a figure for each turn, none like another: the first is 1, the next is 2."""
    names = [name_of(kind, by, side) for kind in Kind for by in By for side in Side]
    figures = count(1)
    shown = [
        *(rate(name) for name in names),
        *(server_cpu(name) for name in names),
        *map(rate, (run.SMALL, run.LARGE, pages.UNCHANGED)),
    ]
    return {name: Measured([next(figures)]) for name in shown}


def alone_and_beside(*others: Outcome, failed: tuple[str, ...] = ()) -> dict[str, float]:
    alone = Answers(latencies_ms=[1.0, 2.0, 3.0])
    slower = [Answers(latencies_ms=[4.0 * at] * 100, failed=list(failed)) for at in (1, 2)]
    return tenants.ratios(alone, [tenants.Beside(*it) for it in zip(slower, others, strict=True)])


def test_the_rounds_give_every_ratio_that_has_a_bar() -> None:
    assert set(run.ratios(rounds())) == set(run.BARS) - LATER
    assert set(alone_and_beside(OTHERS, OTHERS)) == TENANT


def test_a_ratio_is_ours_over_theirs() -> None:
    measured = rounds()
    ours, theirs = (measured[rate(name_of(Kind.PAGE, By.AGENCY, it))].median for it in (Side.OURS, Side.READER))
    assert run.ratios(measured)["page50_vs_postgraphile_agency_rls"] == ours / theirs


def test_a_small_agency_is_slow_if_a_large_one_is_answered_more_often() -> None:
    measured = rounds() | {rate(run.SMALL): Measured([100]), rate(run.LARGE): Measured([250])}
    assert run.ratios(measured)["small_agency_page_vs_large"] == 2.5


def test_tenants_are_judged_by_the_worst_that_they_met() -> None:
    found = alone_and_beside(OTHERS, OTHERS)
    assert found == {"tenant_median_vs_alone": 4.0, "tenant_p99_ms": 8.0, "tenant_failed": 0}


def test_a_refusal_for_now_is_no_failure_and_anything_else_is() -> None:
    bad = Outcome(**{**{name: getattr(OTHERS, name) for name in OTHERS.__slots__}, "failed": 2, "broken": 1})
    assert alone_and_beside(OTHERS, bad)["tenant_failed"] == 3
    assert alone_and_beside(OTHERS, OTHERS, failed=("TimeoutError",))["tenant_failed"] == 2


# --- The share of planned queries -----------------------------------------------------------------------------------

METRICS = """
# TYPE kroniek_graphql_documents_total counter
kroniek_graphql_documents_total{way="planned"} 90.0
kroniek_graphql_documents_total{way="standard"} 30.0
"""


def test_the_share_is_of_what_was_answered_in_between() -> None:
    before = {"planned": 30.0, "standard": 10.0}
    assert run.planned_share(before, run.planned_in(METRICS)) == 0.75
    assert run.planned_share({}, {"planned": 5.0}) == 1


def test_nothing_is_planned_where_nothing_is_told_of_plans() -> None:
    assert run.planned_share({}, run.planned_in("kroniek_log_position 5.0\n")) == 0


# --- Equal answers --------------------------------------------------------------------------------------------------

OURS = {"status": "ANSWERED", "at": "2022-03-01T10:00:00.5Z", "size": 12, "code": None, "steps": [{"version": 1}]}
THEIRS = {
    "status": "answered",
    "at": "2022-03-01T11:00:00.500000+01:00",
    "size": "12",
    "code": "",
    "steps": [{"version": "1"}],
}


def test_the_same_is_the_same_however_it_is_written() -> None:
    assert plain(OURS) == plain(THEIRS)
    compare({"one": [OURS], "other": [THEIRS]}, rows=1)


@pytest.mark.parametrize(
    "theirs",
    [
        {**THEIRS, "size": "13"},
        {**THEIRS, "at": "2022-03-01T10:00:00Z"},
        {**THEIRS, "steps": []},
        {name: value for name, value in THEIRS.items() if name != "code"},
    ],
)
def test_another_content_is_told_with_its_row(theirs: dict[str, object]) -> None:
    with pytest.raises(UnequalAnswersError, match="row 1"):
        compare({"one": [OURS, OURS], "other": [THEIRS, theirs]})


@pytest.mark.parametrize(("ours", "theirs", "rows"), [([], [], None), ([OURS], [OURS], 2), ([OURS], [], None)])
def test_fewer_rows_than_there_are_is_no_answer(ours: list[object], theirs: list[object], rows: int | None) -> None:
    with pytest.raises(UnequalAnswersError, match="rows"):
        compare({"one": ours, "other": theirs}, rows)


# --- wrk ------------------------------------------------------------------------------------------------------------


def test_the_last_word_of_wrk_is_read() -> None:
    result = (
        '{"requests":400,"seconds":2.0,"bytes":9000,"p99_ms":7.5,"status":0,"broken":1,'
        '"answered":0,"refused":0,"failed":0,"sample":""}'
    )
    outcome = outcome_of(f"Running 2s test\n\n{RESULT}{result}\n")
    assert outcome.rate == 200
    assert outcome.broken == 1


def test_wrk_that_tells_nothing_has_failed() -> None:
    with pytest.raises(LoadFailedError, match="unable to connect"):
        outcome_of("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_a_body_is_written_so_that_lua_reads_it_unchanged() -> None:
    script = script_of(Requests(base="", bodies=['{"query":"{ a(b: \\"c\\")\n}"}']), told_apart=False)
    assert r'"{\"query\":\"{ a(b: \\\"c\\\")\n}\"}"' in script
    assert "function response" not in script
