"""CPU of the projector's own processes, in microseconds an event: live in batches of two sizes, of rules, of a rebuild.

PostgreSQL's part is not counted. The rows of the database are thrown away. `python -m benchmarks.projections.cpu URL`
prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from benchmarks.measuring import Measured
from infrastructure.event_log.log_reader import LogReader, Row
from infrastructure.projector.live.projector import Projector
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.projector.rows.definitions import Definitions, platform
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable

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
    definitions = platform()
    limits = replace(definitions.limits, batch_events=size)
    projector = Projector(connection, replace(definitions, limits=limits))
    projector.prepare()
    projector.head = lambda: until  # type: ignore[method-assign]
    steps = 0

    def follow() -> None:
        nonlocal steps
        while projector.step():
            steps += 1

    spent = _cpu_us(resource.RUSAGE_SELF, follow)
    assert steps == -(-until // size), "the batches had another size"
    return spent / until


def _rules(connection: Connection, until: int) -> float:
    """Decode events, run the rules of all read models, and keep one change for each row; without garbage collection."""
    gc.disable()  # a rebuild does so too: the rows that are read are many, and none of them is garbage
    definitions = platform()
    reader = LogReader(definitions.codec)
    rows = list(reader.rows(connection, after=0, until=until, further=definitions.further))
    spent = min(_cpu_us(resource.RUSAGE_SELF, _folding(definitions, rows)) for _ in range(ROUNDS)) / until
    gc.enable()
    return spent


def _folding(definitions: Definitions, rows: Sequence[Row]) -> Callable[[], None]:
    stores = [
        RowStore(model, ReadTable(model.read_model.table).check, whole_streams=False)
        for model in definitions.models.values()
    ]
    work = Folding(definitions, [Fold(store) for store in stores])
    return lambda: work.feed(rows)


def _rebuild(url: str) -> float:
    """Make all rows with one process that folds, and count that one too."""
    definitions = platform()

    def make() -> None:
        for result in rebuild(url, definitions, definitions.chosen(()), workers=1):
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
