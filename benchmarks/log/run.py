"""The log beside its peers, in one run, on a PostgreSQL of its own with durable settings.

Ratios are of medians over interleaved rounds. --quick takes fewer and smaller rounds and leaves out the log of ten
million events; it ends within 50 seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.log import appends, bare, commands, growth, imports, uma
from benchmarks.measuring import Bar, Contender, Measured, Report, interleaved, show
from benchmarks.server import durable_settings, own_server

BARS: Mapping[str, Bar] = {
    "append_32_vs_stock_32": Bar(20),
    "append_128_vs_umadb_128": Bar(3),
    "append_batch_vs_psycopg_unnest": Bar(0.7),
    "command_16_vs_stock_16": Bar(13),
    "import_vs_psycopg_unnest": Bar(0.6),
    "append_at_10m_vs_at_100k": Bar(0.9),
    "append_32_p99_vs_bare_commit": Bar(25, at_most=True),
}

BATCH = 100
IMPORT_BATCH = 1_000

LOG_32 = "log, 32 in flight (events/s)"
STOCK_32 = "stock recorder, 32 threads (events/s)"
LOG_128 = "log, 128 in flight (events/s)"
UMA_128 = "UmaDB, 128 in flight (events/s)"
LOG_BATCH = "log, 100 a commit (events/s)"
BARE_BATCH = "bare unnest of lists, 100 a commit (events/s)"
PACKED_BATCH = "bare unnest of packed arrays, 100 a commit (events/s)"
LOG_COMMANDS = "log, 16 commands in flight (commands/s)"
STOCK_COMMANDS = "stock application, 16 threads (commands/s)"
IMPORT = "import of a file (events/s)"
BARE_IMPORT = "bare unnest of lists, the same 1,000 a commit (events/s)"
PACKED_IMPORT = "bare unnest of packed arrays, the same 1,000 a commit (events/s)"
LOG_P99 = "log, 32 in flight, 99th percentile (µs)"
COMMIT = "bare commit of one row (µs)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many rounds, and how much of each kind in a round: events or commands of ours, and of slower peers."""

    rounds: int
    budget_s: float | None = None
    appends: int
    stock_appends: int
    batched: int
    commands: int
    stock_commands: int
    imported: int
    commits: int


QUICK = Sizes(
    rounds=3,
    budget_s=36,
    appends=6_000,
    stock_appends=500,
    batched=20_000,
    commands=3_000,
    stock_commands=300,
    imported=20_000,
    commits=300,
)
FULL = Sizes(
    rounds=7,
    appends=30_000,
    stock_appends=2_500,
    batched=60_000,
    commands=12_000,
    stock_commands=1_200,
    imported=100_000,
    commits=1_000,
)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.log", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds, no log of ten million events")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    with own_server() as server:
        report = measure(server.url, server.folder, QUICK if options.quick else FULL)
        if not options.quick:
            grown, ratio = growth.measure(server, growth.Growth())
            report = report.with_more(grown, {growth.KEY: ratio})
    show(report, as_json=options.json)


def measure(url: str, folder: Path, sizes: Sizes) -> Report:
    """Measure on a migrated database; the peer's data go into the folder."""
    settings = durable_settings(url)
    with uma.server(folder) as uma_url:
        measured = interleaved(_contenders(url, uma_url, folder, sizes), sizes.rounds, sizes.budget_s)
    return Report(measured, _ratios(measured), BARS, settings)


def _contenders(url: str, uma_url: str, folder: Path, sizes: Sizes) -> Mapping[str, Contender]:
    return {
        LOG_32: lambda: appends.ours(url, sizes.appends, 32),
        STOCK_32: lambda: appends.stock(url, sizes.stock_appends, 32),
        LOG_128: lambda: appends.ours(url, sizes.appends, 128),
        UMA_128: lambda: uma.uma(uma_url, sizes.appends, 128),
        LOG_BATCH: lambda: appends.ours(url, sizes.batched, 1, BATCH),
        BARE_BATCH: lambda: bare.unnest(url, sizes.batched, BATCH, packed=False),
        PACKED_BATCH: lambda: bare.unnest(url, sizes.batched, BATCH, packed=True),
        LOG_COMMANDS: lambda: commands.ours(url, sizes.commands, 16),
        STOCK_COMMANDS: lambda: commands.stock(url, sizes.stock_commands, 16),
        IMPORT: lambda: imports.ours(url, folder, sizes.imported),
        BARE_IMPORT: lambda: imports.unnest(url, sizes.imported, IMPORT_BATCH, packed=False),
        PACKED_IMPORT: lambda: imports.unnest(url, sizes.imported, IMPORT_BATCH, packed=True),
        LOG_P99: lambda: appends.ours_p99(url, sizes.appends, 32),
        COMMIT: lambda: bare.commit(url, sizes.commits),
    }


def _ratios(measured: Mapping[str, Measured]) -> dict[str, float]:
    median = {name: found.median for name, found in measured.items()}
    return {
        "append_32_vs_stock_32": median[LOG_32] / median[STOCK_32],
        "append_128_vs_umadb_128": median[LOG_128] / median[UMA_128],
        "append_batch_vs_psycopg_unnest": median[LOG_BATCH] / median[BARE_BATCH],
        "append_batch_vs_packed_unnest": median[LOG_BATCH] / median[PACKED_BATCH],
        "command_16_vs_stock_16": median[LOG_COMMANDS] / median[STOCK_COMMANDS],
        "import_vs_psycopg_unnest": median[IMPORT] / median[BARE_IMPORT],
        "import_vs_packed_unnest": median[IMPORT] / median[PACKED_IMPORT],
        "append_32_p99_vs_bare_commit": median[LOG_P99] / median[COMMIT],
    }
