"""Folds the log stream by stream into tables that have no index yet: what a rebuild does first, in many processes.

All events of a stream are folded in one go, so its rows are whole when they are written: nothing is ever looked up or
changed in a table. What is only added to is summed up in memory and added together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import add
from typing import Any

from psycopg import Connection, sql

from infrastructure.event_log.log_reader import STREAM, LogReader, Row
from infrastructure.projector.rebuild.build_environment import SUMS
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.parking import park, skipped_positions
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import OtherTablesError, ReadTable
from projections.read_model import SCHEMA, ReadModel

MAX_SUMS = 50_000
"""How many sums are kept in memory before they are written."""


# Streams in the order of their names, cut where so many events have come together, and where a category ends or a long
# stream lies between: whatever is not to be folded is not read either.
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
    """What is to be folded: chunks in any order, and the streams that are too long for that."""

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


class Filler:
    """Fills the tables of several projections, reading each event once."""

    def __init__(
        self,
        connection: Connection,
        definitions: Definitions,
        tables: Mapping[str, ReadTable],
        *,
        oids: Mapping[str, int],
        until: int,
        long_streams: Sequence[str],
    ) -> None:
        # A chunk is a small part of the log, found by the index, whatever the statistics say of a log that grows fast.
        connection.execute("SET enable_seqscan = off")
        self._connection = connection
        self._definitions = definitions
        self._reader = LogReader(definitions.codec)
        self._projections = [definitions.projections[name] for name in tables]
        self._tables = tables
        self._oids = dict(oids)
        self._skipped = {it.name: skipped_positions(connection, it) for it in self._projections}
        self._until = until
        self._long = frozenset(long_streams)
        self._sums: dict[str, dict[Any, list[int]]] = {name: {} for name in tables}

    def fill(self, chunk: StreamRange) -> None:
        """Fold the streams of a chunk, and write their rows in one transaction."""
        folds = {it.name: Fold(self._store(it), self._skipped[it.name]) for it in self._projections}
        Folding(self._definitions, list(folds.values())).feed(self._read(chunk))
        with self._writing():
            for name, fold in folds.items():
                if fold.store.rows and not fold.store.additive:
                    self._tables[name].copy_rows(self._connection, fold.store.written())
                park(self._connection, self._tables[name], fold.parked)
        for name, fold in folds.items():
            if fold.store.additive:
                self._keep_sums(name, fold.store.rows)

    def _store(self, read_model: ReadModel) -> RowStore:
        model = self._definitions.models[read_model.name]
        return RowStore(model, self._tables[read_model.name].check, whole_streams=True)

    def _read(self, chunk: StreamRange) -> Sequence[Row]:
        found = self._reader.rows_of_streams(
            self._connection, first=chunk.first, last=chunk.last, until=self._until, further=self._definitions.further
        )
        return [row for row in found if row[STREAM] not in self._long] if self._long else found

    def finish(self) -> None:
        """Write the sums."""
        for name in self._tables:
            self._write_sums(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction in which the tables are those that this filler was started for.

        A filler may outlive the process that started it for a moment; by then another build may have made tables of
        the same names.
        """
        with self._connection.transaction():
            names = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in self._oids)
            self._connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(names))
            there: dict[str, int] = dict(self._connection.execute(WHICH, (list(self._oids),)).fetchall())
            if there != self._oids:
                raise OtherTablesError
            yield

    def _keep_sums(self, name: str, sums: Mapping[Any, list[int]]) -> None:
        kept = self._sums[name]
        for key, amounts in sums.items():
            known = kept.get(key)
            kept[key] = amounts if known is None else list(map(add, known, amounts))
        if len(kept) > MAX_SUMS:
            self._write_sums(name)

    def _write_sums(self, name: str) -> None:
        table = self._tables[name]
        if kept := self._sums[name]:
            parts = table.beside(table.suffix + SUMS)
            rows = self._store(self._definitions.projections[name]).with_keys(kept)
            with self._writing():
                parts.copy_rows(self._connection, rows)
        self._sums[name] = {}
