"""One million events of cases, folded: by a whole rebuild of ours, by the peer, and by one bare statement."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import Text

from benchmarks.measuring import Contender, Measured, interleaved
from benchmarks.projections import stock, work
from benchmarks.projections.copying import multiply
from benchmarks.server import Server
from infrastructure.database.addresses import DatabaseRole, acting_as
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rebuild.build import Result
from infrastructure.projector.rebuild.build_environment import Progress
from infrastructure.projector.rows.definitions import Definitions
from projections.progress import BuildPurpose
from projections.read_model import ReadModel
from projections.words import CIVIL_TIME

ALL_PROCESSORS = os.cpu_count() or 1
"""For speed. Without being told, a rebuild leaves a processor for those who ask queries."""

LIMIT_TABLE = "public.case_counts_limit"
LIMIT = f"""
INSERT INTO {LIMIT_TABLE} (day, event, events)
SELECT (effective_at AT TIME ZONE '{CIVIL_TIME.key}')::date, name, count(*) FROM log.event GROUP BY 1, 2
"""  # noqa: S608 - our own text
LIMIT_COLUMNS = "day date, event text, events bigint NOT NULL, PRIMARY KEY (day, event)"

COUNTS = "daily counts, whole rebuild (events/s)"
STOCK_COUNTS = "daily counts, stock runner (events/s)"
SQL_COUNTS = "daily counts, one bare INSERT ... SELECT (events/s)"
ROWS = "a row for each case, whole rebuild (events/s)"
STOCK_ROWS = "a row for each case, stock runner (events/s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many cases are written, how many times that log is made, how many events the peer folds, rounds of each."""

    cases: int
    times: int
    stock_events: int
    counts_rounds: int
    rows_rounds: int


def measure(server: Server, sizes: Sizes) -> tuple[dict[str, Measured], dict[str, float]]:
    """Return the figures and their ratios."""
    url, stock_url = server.database("cases"), server.database("cases_stock")
    events = prepare(url, sizes)
    copied = stock.copy_log(url, stock_url, sizes.stock_events)
    counts: Mapping[str, Contender] = {
        COUNTS: lambda: rebuilt(url, work.COUNTS, events),
        STOCK_COUNTS: lambda: stock.counts(stock_url, copied),
        SQL_COUNTS: lambda: bare(url, events),
    }
    rows: Mapping[str, Contender] = {
        ROWS: lambda: rebuilt(url, work.ROWS, events),
        STOCK_ROWS: lambda: stock.rows(stock_url, copied),
    }
    measured = interleaved(counts, sizes.counts_rounds) | interleaved(rows, sizes.rows_rounds)
    median = {name: found.median for name, found in measured.items()}
    return measured, {
        "rebuild_counts_vs_stock_runner": median[COUNTS] / median[STOCK_COUNTS],
        "rebuild_rows_vs_stock_runner": median[ROWS] / median[STOCK_ROWS],
        "rebuild_counts_vs_sql_limit": median[COUNTS] / median[SQL_COUNTS],
    }


def prepare(url: str, sizes: Sizes) -> int:
    """Write the log, and make rows that the measured rebuilds are compared with; return how many events there are."""
    work.write(url, sizes.cases)
    events = multiply(url, sizes.times)
    rebuild_all(url, work.definitions(), BuildPurpose.FIRST)
    return events


def rebuild_all(
    url: str,
    definitions: Definitions,
    purpose: BuildPurpose = BuildPurpose.REBUILD,
    *,
    progress: Progress = lambda _done, _total: None,
    workers: int | None = None,
) -> Mapping[str, Result]:
    """Rebuild every projection there is, at once, with the rights of the projector."""
    projections = list(definitions.projections.values())
    as_projector = acting_as(url, DatabaseRole.PROJECTOR)
    results = rebuild(as_projector, definitions, projections, purpose=purpose, progress=progress, workers=workers)
    return {result.projection: result for result in results}


def rebuilt(url: str, projection: ReadModel, events: int) -> float:
    """Return events a second of a whole rebuild: filled, indexed, compared with the rows in use, put in their place."""
    began = time.perf_counter()
    (result,) = rebuild(
        acting_as(url, DatabaseRole.PROJECTOR), work.definitions(), [projection], workers=ALL_PROCESSORS
    )
    taken_s = time.perf_counter() - began
    assert result.equal, result.outcome
    return events / taken_s


def bare(url: str, events: int) -> float:
    """Return events a second of one statement that gives the same counts, with its commit."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {LIMIT_TABLE}".encode())
        connection.execute(f"CREATE TABLE {LIMIT_TABLE} ({LIMIT_COLUMNS})".encode())
        began = time.perf_counter()
        connection.execute(LIMIT.encode())
        return events / (time.perf_counter() - began)


def ours(url: str, projection: ReadModel) -> list[tuple[object, ...]]:
    """Return the rows in use of a read model, in the order of their keys."""
    keys = [column for column in projection.table.columns if column.primary_key]
    order = sql.SQL(", ").join(
        sql.SQL("{}" + (' COLLATE "C"' if isinstance(column.type, Text) else "")).format(sql.Identifier(column.name))
        for column in keys
    )
    table = sql.Identifier("read", projection.table.name)
    with psycopg.connect(url) as connection:
        return connection.execute(sql.SQL("SELECT * FROM {} ORDER BY {}").format(table, order)).fetchall()
