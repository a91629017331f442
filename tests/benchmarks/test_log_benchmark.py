"""The log benchmark in its smallest form: every ratio is there. How large it is, is for a quiet machine to tell."""

import json
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from benchmarks.log import growth, run
from benchmarks.measuring import Bar, interleaved, show
from benchmarks.server import NotDurableError, Server, durable_settings
from infrastructure.database.embedded import EmbeddedPostgres

SMALLEST = run.Sizes(
    rounds=1,
    appends=200,
    stock_appends=10,
    batched=500,
    commands=50,
    stock_commands=10,
    imported=1_000,
    commits=5,
)


def test_every_ratio_of_a_quick_run_is_in_its_json(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(run.measure(database_url, tmp_path, SMALLEST), as_json=True)
    shown = json.loads(capsys.readouterr().out)
    only_in_full_runs = {"append_at_10m_vs_at_100k"}
    without_a_bar = {"append_batch_vs_packed_unnest", "import_vs_packed_unnest"}
    assert set(shown["ratios"]) == (set(run.BARS) - only_in_full_runs) | without_a_bar
    assert all(ratio > 0 for ratio in shown["ratios"].values())


def test_a_log_that_grows_is_measured_small_and_large(
    postgres: EmbeddedPostgres, database_url: str, keys_url: str, tmp_path: Path
) -> None:
    server = Server(database_url, postgres.superuser_url, keys_url, tmp_path)
    measured, ratio = growth.measure(server, growth.Growth(small=300, large=1_500, appends=50, rounds=1))
    assert len(measured) == 4
    assert ratio > 0


def test_streams_to_append_to_are_an_even_sample_of_all_there_are() -> None:
    streams = growth.Streams(most=500)
    versions: dict[str, int] = {}
    for _ in range(10_000):
        stream, version = streams.take()
        assert versions.get(stream, 0) == version
        versions[stream] = version + 1
        streams.give_back(stream, version + 1)
    assert len(set(streams.kept)) == 500
    older = set(list(versions)[: len(versions) // 2])
    assert 200 < sum(stream in older for stream in streams.kept) < 300


def test_a_stream_in_use_is_not_given_out_again() -> None:
    streams = growth.Streams(most=10)
    for number in range(10):
        streams.give_back(f"benchmark-{number}", 1)
    taken = [streams.take()[0] for _ in range(500)]
    assert len(set(taken)) == 500


def test_a_server_that_may_lose_what_it_confirmed_is_not_measured(database_url: str) -> None:
    assert set(durable_settings(database_url).values()) == {"on"}
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    with pytest.raises(NotDurableError, match="synchronous_commit"):
        durable_settings(database_url)


def test_contenders_take_turns() -> None:
    turns: list[str] = []

    def contender(name: str) -> float:
        turns.append(name)
        return len(turns)

    measured = interleaved({name: partial(contender, name) for name in "ab"}, rounds=3)
    assert turns == ["a", "b"] * 3
    assert measured["a"].median == 3


def test_a_spent_budget_ends_the_rounds_after_the_first() -> None:
    measured = interleaved({"slow": lambda: 1.0}, rounds=5, budget_s=0)
    assert measured["slow"].figures == [1.0]


def test_a_bar_is_a_floor_or_a_ceiling() -> None:
    assert Bar(20).met(20)
    assert not Bar(20).met(19.9)
    assert Bar(25, at_most=True).met(25)
    assert not Bar(25, at_most=True).met(25.1)
