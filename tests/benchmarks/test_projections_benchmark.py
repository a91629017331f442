"""The benchmark of the read models in its smallest form: it runs, and whoever folds the same events gets equal rows."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest

from benchmarks.measuring import Report, show
from benchmarks.projections import everything, folds, lag, queries, run, stock, work
from benchmarks.projections.appender import Wanted, append_steadily, stretch
from benchmarks.projections.copying import FREE_DIGITS, multiply
from benchmarks.server import Server
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.event_log.log_reader import LogReader

CASES = folds.Sizes(cases=40, times=3, stock_events=600, counts_rounds=1, rows_rounds=1)
SMALLEST_SAMPLE = 0.002


@pytest.fixture
def server(postgres: EmbeddedPostgres, database_url: str, keys_url: str, open_tmp_folder: Path) -> Server:
    return Server(database_url, postgres.superuser_url, keys_url, open_tmp_folder)


def test_rebuild_runner_and_statement_give_equal_rows(server: Server) -> None:
    stock_url = server.database("benchmark_cases_stock")
    events = folds.prepare(server.url, CASES)
    assert stock.copy_log(server.url, stock_url, events) == events == 600
    figures = (
        folds.rebuilt(server.url, work.COUNTS, events),
        folds.rebuilt(server.url, work.ROWS, events),
        folds.bare(server.url, events),
        stock.counts(stock_url, events),
        stock.rows(stock_url, events),
    )
    assert all(figure > 0 for figure in figures)
    with psycopg.connect(server.url) as connection:
        bare = connection.execute(f"SELECT * FROM {folds.LIMIT_TABLE} ORDER BY 1, 2").fetchall()  # noqa: S608
    counted = folds.ours(server.url, work.COUNTS)
    assert counted == bare == stock.counted(stock_url)
    assert sum(row[2] for row in bare) == events
    kept = folds.ours(server.url, work.ROWS)
    assert len(kept) == 120
    assert kept == stock.kept(stock_url)


def test_every_ratio_of_the_folds_is_there(server: Server) -> None:
    measured, ratios = folds.measure(server, CASES)
    assert len(measured) == 5
    assert set(ratios) < set(run.BARS)
    assert all(ratio > 0 for ratio in ratios.values())


def test_copies_of_a_log_are_whole_and_about_others(database_url: str) -> None:
    events = work.write(database_url, 20)
    assert multiply(database_url, 4) == 4 * events
    with psycopg.connect(database_url, autocommit=True) as connection:
        codec = work.definitions().codec
        recorded = list(LogReader(codec).read(connection, after=0, until=4 * events))
        streams = connection.execute("SELECT stream, version, first_position, last_position FROM log.stream").fetchall()
    places: dict[str, list[tuple[int, int]]] = {}
    for it in recorded:
        assert it.stream == f"case-{it.event.case_id}"
        places.setdefault(it.stream, []).append((it.version, it.position))
    assert len(places) == 80
    assert all([version for version, _ in it] == [1, 2, 3, 4, 5] for it in places.values())
    assert {(name, 5, it[0][1], it[-1][1]) for name, it in places.items()} == set(streams)
    assert recorded == sorted(recorded, key=lambda it: it.recorded_at)


def test_a_log_is_not_copied_more_often_than_there_are_ids_for(database_url: str) -> None:
    with pytest.raises(ValueError, match="9 times"):
        multiply(database_url, len(FREE_DIGITS) + 2)


def test_every_read_model_is_rebuilt_queried_and_followed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url, stock_url = server.database("benchmark_history"), server.database("benchmark_history_stock")
    written = everything.write(url, SMALLEST_SAMPLE)
    asked = queries.measure(url, server.keys_url, server.folder, before_s=1, per_s=10)
    events = everything.grow(url, times=2)
    assert events > 2 * written, "the looks at personal data are on record too"
    rebuilt = everything.measure(url, stock_url, events, stock_events=100)
    # What a busy machine cannot follow is no failure here, and slower rates would be tried in vain.
    live = lag.measure(url, server.folder, written, seconds=1, rates=lag.RATES[-1:])
    report = Report({}, {}, run.BARS).with_more(*asked).with_more(*rebuilt).with_more(*live)
    show(report, as_json=True)
    ratios = json.loads(capsys.readouterr().out)["ratios"]
    assert set(ratios) == {key for key in run.BARS if not key.startswith(("rebuild_counts", "rebuild_rows"))}
    assert ratios["queries_during_rebuild_failed"] == 0


def test_the_same_history_is_appended_again_about_others(database_url: str) -> None:
    events = work.write(database_url, 30)
    wanted = Wanted(url=database_url, after=0, until=events, events=events, rate=50_000, digit="e")
    confirmed = asyncio.run(append_steadily(database_url, stretch(wanted), wanted.rate))
    positions = sorted(position for _, several in confirmed for position in several)
    assert positions == list(range(events + 1, 2 * events + 1))
    with psycopg.connect(database_url, autocommit=True) as connection:
        both = list(LogReader(work.definitions().codec).read(connection, after=0, until=2 * events))
    assert len({it.stream for it in both}) == 60
    assert all(it.stream == f"case-{it.event.case_id}" for it in both)
