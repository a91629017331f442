"""Folds the log stream by stream into tables that have no index yet: the first step of a rebuild, in many processes.

All events of a stream are folded together, so its rows are whole when they are written: no row of a table is read or
changed. Sums are kept in memory, written by each process, and added up at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import Connection, sql

from infrastructure.event_log.log_reader import STREAM, LogReader, Row
from infrastructure.postgres.arrays import register_types
from infrastructure.projector.rebuild.build_environment import SUMS
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.parking import park, skipped_positions
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import OtherTablesError, ReadTable
from projections.read_model import SCHEMA, ReadModel

MAX_SUMS = 50_000
"""How many sums are kept in memory before they are written."""


# Streams in the order of their names, cut after so many events, where a category ends, and at a long stream: streams
# that are not folded are not read either.
PLAN = """
SELECT min(stream), max(stream), sum(version)::bigint FROM (
    SELECT stream, version, split_part(stream, '-', 1) AS category,
           sum(version) FILTER (WHERE version <= %(long)s) OVER by_name / %(chunk)s AS part,
           count(*) FILTER (WHERE version > %(long)s) OVER by_name AS long_before
    FROM log.stream WHERE split_part(stream, '-', 1) = ANY(%(categories)s) AND first_position <= %(until)s
    WINDOW by_name AS (ORDER BY stream)
) AS planned WHERE version <= %(long)s GROUP BY category, long_before, part ORDER BY 1
"""
LONG = """
SELECT stream, version FROM log.stream
WHERE split_part(stream, '-', 1) = ANY(%s) AND first_position <= %s AND version > %s ORDER BY stream
"""


WHICH = "SELECT name, to_regclass(format('read.%%I', name))::oid::bigint FROM unnest(%s::text[]) AS name"


@dataclass(frozen=True, slots=True)
class StreamRange:
    """The streams from `first` to `last`, in the order of the C collation, and about how many events they have."""

    first: str
    last: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """The streams to fold: chunks in any order, and the streams that are too long for a chunk."""

    chunks: Sequence[StreamRange]
    long_streams: Sequence[StreamRange]

    @property
    def events(self) -> int:
        return sum(chunk.events for chunk in (*self.chunks, *self.long_streams))


def plan(connection: Connection, definitions: Definitions, projections: Sequence[ReadModel], until: int) -> FoldPlan:
    """Divide the streams that the projections are made of, as far as the log goes up to a position."""
    categories = sorted({definitions.categories[event] for it in projections for event in it.rules})
    longest = definitions.limits.long_stream_events
    limits = {"chunk": definitions.limits.chunk_events, "long": longest, "categories": categories, "until": until}
    chunks = connection.execute(PLAN, limits).fetchall()
    long = connection.execute(LONG, (categories, until, longest)).fetchall()
    return FoldPlan(
        chunks=[StreamRange(*chunk) for chunk in chunks],
        long_streams=[StreamRange(stream, stream, version) for stream, version in long],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTask:
    """The work of a process that fills tables: of which read models, and up to which position of the log."""

    url: str
    definitions: str
    names: Sequence[str]
    suffix: str
    oids: Mapping[str, int]
    """The numbers of the tables with this suffix and of those of sums, by name."""
    until: int
    long_streams: Sequence[str]


class Filler:
    """Fills the tables of several projections, reading each event once."""

    def __init__(self, connection: Connection, definitions: Definitions, task: FillTask) -> None:
        register_types(connection)
        # A chunk is a small part of the log, found by the index, whatever the statistics say of a log that grows fast.
        connection.execute("SET enable_seqscan = off")
        self._connection = connection
        self._definitions = definitions
        self._task = task
        self._reader = LogReader(definitions.codec)
        read_models = [definitions.projections[name] for name in task.names]
        self._tables = {it.name: ReadTable(it.table, task.suffix) for it in read_models}
        self._skipped = {it.name: skipped_positions(connection, it) for it in read_models}
        self._long = frozenset(task.long_streams)
        self._sums: dict[str, RowStore] = {}

    def fill(self, chunk: StreamRange) -> None:
        """Fold the streams of a chunk, and write their rows in one transaction."""
        folds = {name: Fold(self._sums.get(name) or self._store(name), it) for name, it in self._skipped.items()}
        Folding(self._definitions, list(folds.values())).feed(self._read(chunk))
        with self._writing():
            for name, fold in folds.items():
                if fold.store.rows and not fold.store.additive:
                    self._tables[name].copy_rows(self._connection, fold.store.written())
                park(self._connection, self._tables[name], fold.parked)
        self._sums = {name: fold.store for name, fold in folds.items() if fold.store.additive}
        self._write_sums(more_than=MAX_SUMS)

    def _store(self, name: str) -> RowStore:
        return RowStore(self._definitions.models[name], self._tables[name].check, whole_streams=True)

    def _read(self, chunk: StreamRange) -> Sequence[Row]:
        further = self._definitions.further
        found = self._reader.rows_of_streams(
            self._connection, first=chunk.first, last=chunk.last, until=self._task.until, further=further
        )
        return [row for row in found if row[STREAM] not in self._long] if self._long else found

    def finish(self) -> None:
        """Write the sums."""
        self._write_sums(more_than=0)

    def _write_sums(self, more_than: int) -> None:
        for name in [name for name, store in self._sums.items() if len(store.rows) > more_than]:
            table = self._tables[name]
            with self._writing():
                table.beside(table.suffix + SUMS).copy_rows(self._connection, self._sums.pop(name).written())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction, and raise OtherTablesError if the tables are not those of the task.

        A filler may outlive the process that started it for a moment; by then another build may have made tables of
        the same names.
        """
        with self._connection.transaction():
            names = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in self._task.oids)
            self._connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(names))
            there: dict[str, int] = dict(self._connection.execute(WHICH, (list(self._task.oids),)).fetchall())
            if there != self._task.oids:
                raise OtherTablesError
            yield
