"""Every read model of the platform, rebuilt from a sample history that was copied into a log ten times as large."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import psycopg

from api.composition.log_and_rules import make_codec
from application.registry import RULES
from benchmarks.measuring import Measured
from benchmarks.projections import stock
from benchmarks.projections.copying import multiply
from benchmarks.projections.folds import ALL_PROCESSORS
from benchmarks.projections.rebuilding import rebuilding
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rows.definitions import platform
from infrastructure.projector.rows.tables import ReadTable
from projections.progress import BuildPurpose
from projections.read_model import ReadModel
from sample.runner import run_sample
from tests.memory_keys import MemoryKeys

SEED = 2014
TIMES = 10

ALL = "all read models of the platform, whole rebuild (events/s)"
STOCK = "one count table of the same log, stock runner (events/s)"
PEAK = "largest process of the rebuild (MiB)"


class NotAsLargeError(RuntimeError):
    """The rows of the larger log are not as many as they have to be: the copies are not what they are meant to be."""


def write(url: str, scale: float) -> int:
    """Write the sample history through the command path, make the rows of all read models; return how many events."""

    async def run() -> None:
        async with PostgresLog(url, make_codec(), b"key", keys=MemoryKeys()) as log:
            await run_sample(log, RULES, seed=SEED, scale=scale)

    asyncio.run(run())
    events = multiply(url, 1)
    _rebuild(url, BuildPurpose.FIRST)
    return events


def grow(url: str, times: int = TIMES) -> int:
    """Copy the log, make the rows anew, and see that there is so many times of everything; return how many events."""
    with psycopg.connect(url, autocommit=True) as connection:
        # Whoever looked at personal data meanwhile is on record since.
        projector = Projector(connection, platform())
        projector.prepare()
        projector.catch_up()
    before = amounts(url)
    events = multiply(url, times)
    # The rows in use are far behind this log, and a rebuild does not compare with them.
    _rebuild(url, BuildPurpose.REBUILD)
    after = amounts(url)
    if wrong := [name for name, amount in before.items() if after[name] != times * amount]:
        raise NotAsLargeError(f"not {times} times as much in {', '.join(wrong)}")
    return events


def measure(url: str, stock_url: str, events: int, stock_events: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Rebuild all read models, compared with the rows in use; return the figures and ratios.

    It takes long: there is one round of it. The peer folds before it and after it.
    """
    copied = stock.copy_log(url, stock_url, stock_events)
    before = stock.counts(stock_url, copied)
    with rebuilding(url, workers=ALL_PROCESSORS) as work:
        taken_s = work.wait()
    unequal = [found["outcome"] for found in work.results.values() if not found["equal"]]
    assert len(work.results) == len(platform().projections)
    assert not unequal, unequal
    peer = Measured([before, stock.counts(stock_url, copied)])
    measured = {
        ALL: Measured([events / taken_s]),
        STOCK: peer,
        PEAK: Measured([work.memory.peak_mib]),
    }
    return measured, {
        "all_projections_rebuild_vs_stock_runner": events / taken_s / peer.median,
        "rebuild_peak_rss_mb": work.memory.peak_mib,
        "rebuild_rss_at_end_vs_at_quarter": work.memory.growth(),
    }


def amounts(url: str) -> Mapping[str, int]:
    """Return how much each read model holds: the sums of one that only adds up, the rows of any other."""
    with psycopg.connect(url) as connection:
        return {name: _amount(connection, it) for name, it in platform().projections.items()}


def _amount(connection: psycopg.Connection[tuple[int]], projection: ReadModel) -> int:
    table = ReadTable(projection.table)
    measure = " + ".join(f"sum({name})" for name in table.others) if table.summable else "count(*)"
    query = f"SELECT coalesce({measure}, 0)::bigint FROM read.{table.name}"  # noqa: S608 - our own names
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _rebuild(url: str, purpose: BuildPurpose) -> None:
    with rebuilding(url, purpose, workers=ALL_PROCESSORS) as work:
        work.wait()
