"""The read models beside their peers, in one run, on a PostgreSQL of its own with durable settings.

Ratios are of medians over interleaved rounds where the work is short enough. --quick takes smaller logs and fewer
rounds, and a minute or a minute and a half. What a rebuild costs however small the log is weighs more there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measuring import Bar, Report, show, told
from benchmarks.projections import cpu, everything, folds, lag, queries
from benchmarks.server import Server, durable_settings, own_server

BARS: Mapping[str, Bar] = {
    "rebuild_counts_vs_stock_runner": Bar(1_000),
    "rebuild_rows_vs_stock_runner": Bar(150),
    "rebuild_counts_vs_sql_limit": Bar(0.5),
    "all_projections_rebuild_vs_stock_runner": Bar(100),
    lag.KEY: Bar(lag.MOST_MS, at_most=True),
    "queries_during_rebuild_p99_vs_before": Bar(2, at_most=True),
    "queries_during_rebuild_failed": Bar(0, at_most=True),
    "rebuild_peak_rss_mb": Bar(1_024, at_most=True),
    "rebuild_rss_at_end_vs_at_quarter": Bar(1.25, at_most=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large the logs are, and how long what goes on steadily is measured. `scale` is that of the sample history."""

    folds: folds.Sizes
    scale: float
    stock_events: int
    lag_s: int
    queries_before_s: int


QUICK = Sizes(
    folds=folds.Sizes(cases=3_000, times=10, stock_events=800, counts_rounds=3, rows_rounds=1),
    scale=0.01,
    stock_events=800,
    lag_s=3,
    queries_before_s=3,
)
FULL = Sizes(
    folds=folds.Sizes(cases=20_000, times=10, stock_events=3_000, counts_rounds=5, rows_rounds=3),
    scale=1,
    stock_events=3_000,
    lag_s=20,
    queries_before_s=30,
)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.projections", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller logs, fewer rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    with own_server() as server:
        report = measure(server, QUICK if options.quick else FULL)
    show(report, as_json=options.json)


def measure(server: Server, sizes: Sizes) -> Report:
    """Measure on a server's own, migrated databases."""
    report = Report({}, {}, BARS, durable_settings(server.url))
    report = report.with_more(*told("cases", lambda: folds.measure(server, sizes.folds)))
    url = server.database("history")
    written = told("the sample history", lambda: everything.write(url, sizes.scale))
    asked = told("queries", lambda: queries.measure(url, server.keys_url, server.folder, sizes.queries_before_s))
    events = told("copies of the history", lambda: everything.grow(url))
    stock_url = server.database("history_stock")
    rebuilt = told("all read models", lambda: everything.measure(url, stock_url, events, sizes.stock_events))
    live = told("live", lambda: lag.measure(url, server.folder, written, sizes.lag_s))
    spent = told("CPU", lambda: cpu.measure(url))
    return report.with_more(*rebuilt).with_more(*live).with_more(*asked).with_more(*spent)
