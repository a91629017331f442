"""Fills and indexes the tables of a build: by processes beside this one, or in the database where rules only count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from psycopg import Connection

from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build_environment import SUMS, CancelledError, Site
from infrastructure.projector.rebuild.builds import Asked
from infrastructure.projector.rebuild.stream_fold import FoldPlan, plan
from infrastructure.projector.rebuild.workers import Task, fill
from infrastructure.projector.rows.counting import count
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What was folded, and which tables were filled: their numbers in the database, by name."""

    plan: FoldPlan
    oids: Mapping[str, int]


def fill_tables(site: Site, connection: Connection, asked: Sequence[Asked], until: int) -> Filled:
    """Make the tables of builds, without indexes, and fold the log into them up to a position."""
    projections = [site.projection(build) for build in asked]
    folded = [it for it in projections if not it.tallied]
    suffix = site.suffix(asked[0])
    for projection in projections:
        table = ReadTable(projection.table, suffix)
        table.create_bare(connection)
        if table.summable and projection in folded:
            table.beside(suffix + SUMS).create_bare(connection)
    planned = plan(connection, site.definitions, folded, until) if folded else FoldPlan(chunks=(), long_streams=())
    report = _reporting(site, connection, asked, planned.events or until)
    report(0)
    for projection in projections:
        if projection.tallied:
            parts = ReadTable(projection.table, suffix + SUMS)
            count(connection, site.definitions, projection, parts, until=until, workers=site.at_once)
    if folded:
        task = Task(
            url=site.url,
            definitions=site.definitions.reference,
            names=[it.name for it in folded],
            oids=_oids(connection, folded, suffix, suffix + SUMS),
            suffix=suffix,
            until=until,
            long_streams=[chunk.first for chunk in planned.long_streams],
        )
        fill(task, site.definitions, planned.chunks, site.workers, report)
    for projection in projections:
        table = ReadTable(projection.table, suffix)
        if table.summable:
            _add_up(connection, table)
    return Filled(plan=planned, oids=_oids(connection, projections, suffix))


def index(site: Site, build: Asked) -> None:
    """Give the table of a build its key and its indexes."""
    with closing(site.connect()) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        site.table(build).add_indexes(connection)


def _oids(connection: Connection, projections: Sequence[ReadModel], *suffixes: str) -> Mapping[str, int]:
    """Return by name which tables there are to be filled."""
    tables = [ReadTable(it.table, suffix) for it in projections for suffix in suffixes]
    return {table.name: oid for table in tables if (oid := table.oid(connection)) is not None}


def _add_up(connection: Connection, table: ReadTable) -> None:
    parts = table.beside(table.suffix + SUMS)
    with connection.transaction():
        table.add_up(connection, parts)
        parts.drop(connection)


def _reporting(site: Site, connection: Connection, asked: Sequence[Asked], total: int) -> Callable[[int], None]:
    """Return what is told of events that were folded. It raises CancelledError once nobody wants the rows any more."""
    done, reported = 0, 0.0

    def report(events: int) -> None:
        nonlocal done, reported
        done += events
        site.progress(done, total)
        site.check_stopped()
        if time.monotonic() - reported > site.definitions.limits.report_interval_s:
            reported = time.monotonic()
            if builds.report(connection, asked, done, total):
                raise CancelledError

    return report
