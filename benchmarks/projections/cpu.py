"""CPU of the projector's own processes, in microseconds an event: live in batches of two sizes, of rules, of a rebuild.

PostgreSQL's part is not counted. The rows of the database are thrown away. `python -m benchmarks.projections.cpu URL`
prints one JSON object. Releases before rules were traced keep the same things elsewhere: `_found` knows both places, so
that this file can be put into an older release and run there.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import psycopg

from benchmarks.measuring import Measured
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rows.definitions import platform

LIVE: Mapping[int, int] = {100: 10_000, 5_000: 50_000}
"""How many events at most are followed, by the size of batches."""

RULE_EVENTS = 50_000
ROUNDS = 3

Connection = psycopg.Connection[Any]


def measure(url: str) -> tuple[dict[str, Measured], dict[str, float]]:
    """Measure in a process of its own, on the log of a database; return the figures by key."""
    command = [sys.executable, "-m", "benchmarks.projections.cpu", url]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {}, json.loads(found.splitlines()[-1])


def main(url: str) -> None:
    figures: dict[str, float] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT log.head()").fetchone()
        assert row is not None
        for size, most in LIVE.items():
            figures[f"live_cpu_us_{size}"] = _live(connection, size, min(most, row[0]))
        figures["rule_us"] = _rules(connection, min(RULE_EVENTS, row[0]))
        _throw_away(connection)
    figures["rebuild_cpu_us"] = _rebuild(url) / row[0]
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}))


def _live(connection: Connection, size: int, until: int) -> float:
    """Follow the log from its beginning in batches of one size."""
    _throw_away(connection)
    projector: Any = Projector(connection, _with_batches_of(size))
    projector.prepare()
    projector.head = lambda: until
    steps = 0

    def follow() -> None:
        nonlocal steps
        while projector.step():
            steps += 1

    spent = _cpu_us(resource.RUSAGE_SELF, follow)
    assert steps == -(-until // size), "the batches had another size"
    return spent / until


def _with_batches_of(size: int) -> Any:  # noqa: ANN401 - of either release
    definitions: Any = platform()
    if hasattr(definitions, "limits"):
        return replace(definitions, limits=replace(definitions.limits, batch_events=size))
    _found("infrastructure.projector.live.projector", "infrastructure.projector.live").BATCH_EVENTS = size
    return definitions


def _rules(connection: Connection, until: int) -> float:
    """Decode events, run the rules of all read models, and keep one change for each row; without garbage collection."""
    gc.disable()  # a rebuild does so too: the rows that are read are many, and none of them is garbage
    definitions: Any = platform()
    reading = _found("infrastructure.event_log.log_reader", "infrastructure.event_log.reading")
    further = {"further": definitions.further} if hasattr(definitions, "further") else {}
    rows = list(reading.LogReader(definitions.codec).rows(connection, after=0, until=until, **further))
    work = _folding_into_stores if hasattr(definitions, "models") else _folding_into_lists
    spent = min(_cpu_us(resource.RUSAGE_SELF, work(definitions, rows)) for _ in range(ROUNDS)) / until
    gc.enable()
    return spent


def _folding_into_stores(definitions: Any, rows: Any) -> Callable[[], None]:  # noqa: ANN401 - of either release
    folding = import_module("infrastructure.projector.rows.folding")
    stores = import_module("infrastructure.projector.rows.row_store")
    tables = import_module("infrastructure.projector.rows.tables")
    made = [
        stores.RowStore(model, tables.ReadTable(model.read_model.table).check, whole_streams=False)
        for model in definitions.models.values()
    ]
    work = folding.Folding(definitions, [folding.Fold(store) for store in made])
    return lambda: work.feed(rows)


def _folding_into_lists(definitions: Any, rows: Any) -> Callable[[], None]:  # noqa: ANN401 - of either release
    folding = import_module("infrastructure.projector.folding")
    tables = import_module("infrastructure.projector.tables")
    coalesce = import_module("infrastructure.projector.coalesce").coalesce
    effects: list[list[Any]] = []
    folds = []
    for projection in definitions.projections.values():
        if not projection.tallied:
            effects.append([])
            table = tables.ReadTable(projection.table)
            folds.append(folding.Fold(projection, take=effects[-1].append, check=table.check))
    work = folding.Folding(definitions, folds)

    def fold() -> None:
        work.feed(rows)
        for some in effects:
            coalesce(some)

    return fold


def _rebuild(url: str) -> float:
    """Make all rows with one process that folds, and count that one too."""
    rebuilding = _found("infrastructure.projector.rebuild.awaited", "infrastructure.projector.rebuild")
    definitions: Any = platform()

    def make() -> None:
        for result in rebuilding.rebuild(url, definitions, definitions.chosen(()), workers=1):
            assert result.state == "done", result.outcome

    before = _spent_us(resource.RUSAGE_CHILDREN)
    return _cpu_us(resource.RUSAGE_SELF, make) + _spent_us(resource.RUSAGE_CHILDREN) - before


def _cpu_us(who: int, work: Callable[[], None]) -> float:
    before = _spent_us(who)
    work()
    return _spent_us(who) - before


def _spent_us(who: int) -> float:
    usage = resource.getrusage(who)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def _found(place: str, earlier: str) -> Any:  # noqa: ANN401 - a module
    """Return a module from where it is, or from where an earlier release has it."""
    try:
        return import_module(place)
    except ModuleNotFoundError:
        return import_module(earlier)


TABLES = "SELECT format('read.%I', tablename) FROM pg_tables WHERE schemaname = 'read' AND tablename ~ '_v[0-9]+'"
FUNCTIONS = r"""
SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'read'::regnamespace AND proname LIKE '%\_rows'
"""


def _throw_away(connection: Connection) -> None:
    for kind, query in (("TABLE", TABLES), ("FUNCTION", FUNCTIONS)):
        for (name,) in connection.execute(query.encode()).fetchall():
            connection.execute(f"DROP {kind} {name} CASCADE".encode())
    connection.execute("TRUNCATE read.checkpoint, read.parked, read.build, read.previous, read.skipped")


if __name__ == "__main__":
    main(*sys.argv[1:])
