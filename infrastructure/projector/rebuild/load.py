"""Fills and indexes the tables of a build: by processes beside this one, or in the database where rules only count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from psycopg import Connection

from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build_environment import SUMS, BuildEnvironment, CancelledError
from infrastructure.projector.rebuild.builds import BuildRequest
from infrastructure.projector.rebuild.stream_fold import FillTask, FoldPlan, plan
from infrastructure.projector.rebuild.workers import fill
from infrastructure.projector.rows.counting import count
from infrastructure.projector.rows.tables import ReadTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The folded streams, and the numbers of the filled tables in the database, by name."""

    plan: FoldPlan
    oids: Mapping[str, int]


def fill_tables(
    environment: BuildEnvironment, connection: Connection, requests: Sequence[BuildRequest], until: int
) -> Filled:
    """Make the tables of builds, without indexes, and fold the log into them up to a position."""
    definitions = environment.definitions
    tables = {request.projection: environment.table(request) for request in requests}
    sums = {name: table.beside(table.suffix + SUMS) for name, table in tables.items() if table.summable}
    folded = [name for name in tables if not definitions.projections[name].tallied]
    for table in (*tables.values(), *(sums[name] for name in folded if name in sums)):
        table.create_bare(connection)
    read_models = [definitions.projections[name] for name in folded]
    planned = plan(connection, definitions, read_models, until) if folded else FoldPlan(chunks=(), long_streams=())
    report = _reporting(environment, connection, requests, planned.events or until)
    report(0)
    for name in tables.keys() - folded:
        read_model = definitions.projections[name]
        count(connection, definitions, read_model, sums[name], until=until, workers=environment.at_once)
    if folded:
        task = FillTask(
            url=environment.url,
            definitions=definitions.reference,
            names=folded,
            oids=_oids(connection, [it for name in folded for it in (tables[name], sums.get(name)) if it is not None]),
            suffix=tables[folded[0]].suffix,
            until=until,
            long_streams=[chunk.first for chunk in planned.long_streams],
        )
        fill(task, definitions, planned.chunks, environment.workers, report)
    for name, parts in sums.items():
        with connection.transaction():
            tables[name].add_up(connection, parts)
            parts.drop(connection)
    return Filled(plan=planned, oids=_oids(connection, tables.values()))


def index(environment: BuildEnvironment, request: BuildRequest) -> None:
    """Give the table of a build its key and its indexes."""
    with closing(environment.connect()) as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        environment.table(request).add_indexes(connection)


def _oids(connection: Connection, tables: Iterable[ReadTable]) -> Mapping[str, int]:
    """Return the numbers of tables by name, of those that exist."""
    return {table.name: oid for table in tables if (oid := table.oid(connection)) is not None}


def _reporting(
    environment: BuildEnvironment, connection: Connection, requests: Sequence[BuildRequest], total: int
) -> Callable[[int], None]:
    """Return the function that is called with how many more events were folded. It raises CancelledError."""
    done, reported = 0, 0.0

    def report(events: int) -> None:
        nonlocal done, reported
        done += events
        environment.progress(done, total)
        environment.check_stopped()
        if time.monotonic() - reported > environment.definitions.limits.report_interval_s:
            reported = time.monotonic()
            if builds.report(connection, requests, done, total):
                raise CancelledError

    return report
