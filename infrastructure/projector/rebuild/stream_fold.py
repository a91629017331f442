"""Folds the log stream by stream into tables that have no index yet: what a rebuild does first, in many processes.

All events of a stream are folded in one go, so its rows are whole when they are written: nothing is ever looked up or
changed in a table. What is only added to is summed up in memory and added together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.event_log.log_reader import STREAM, LogReader, Row
from infrastructure.projector.rebuild.buffered_rows import BulkRows, add, in_columns
from infrastructure.projector.rebuild.build_environment import SUMS
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.parking import park, skipped_positions
from infrastructure.projector.rows.row_views import MissingColumn
from infrastructure.projector.rows.tables import OtherTablesError, ReadTable
from infrastructure.projector.rows.target import MISFITS
from projections.effects import RowKey
from projections.read_model import SCHEMA, ReadModel

CHUNK_EVENTS = 20_000
"""About how many events are folded in one go."""

LONG_STREAM_EVENTS = 100_000
"""A stream longer than this does not fit in memory at once: it is folded batch by batch once the indexes are there."""

MOST_SUMS = 50_000
"""How many sums are kept in memory before they are written."""

Connection = psycopg.Connection[Any]

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
class Chunk:
    """The streams from `first` to `last`, in the order of the C collation, and about how many events they have."""

    first: str
    last: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be folded: chunks in any order, and the streams that are too long for that."""

    chunks: Sequence[Chunk]
    long_streams: Sequence[Chunk]

    @property
    def events(self) -> int:
        return sum(chunk.events for chunk in (*self.chunks, *self.long_streams))


def plan(connection: Connection, definitions: Definitions, projections: Sequence[ReadModel], until: int) -> Plan:
    """Divide the streams that the projections are made of, as far as the log goes up to a position."""
    categories = sorted({definitions.categories[event] for it in projections for event in it.rules})
    limits = {"chunk": CHUNK_EVENTS, "long": LONG_STREAM_EVENTS, "categories": categories, "until": until}
    chunks = connection.execute(PLAN, limits).fetchall()
    long = connection.execute(LONG, (categories, until, LONG_STREAM_EVENTS)).fetchall()
    return Plan(
        chunks=[Chunk(*chunk) for chunk in chunks],
        long_streams=[Chunk(stream, stream, version) for stream, version in long],
    )


def _with_zeros(sums: Mapping[RowKey, Mapping[str, int]], columns: Sequence[str]) -> Mapping[RowKey, Mapping[str, int]]:
    """Put 0 where nothing was added to a column."""
    zeros = dict.fromkeys(columns, 0)
    return {key: {**zeros, **amounts} for key, amounts in sums.items()}


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
        self._further: list[str] = []
        """The columns that rules have looked at so far: reading the others would take longer than most rules."""
        self._until = until
        self._long = frozenset(long_streams)
        self._sums: dict[str, dict[RowKey, dict[str, int]]] = {name: {} for name in tables}

    def fill(self, chunk: Chunk) -> None:
        """Fold the streams of a chunk, and write the rows that come of them in one transaction."""
        while True:
            try:
                self._fill(self._read(chunk))
            except MissingColumn as missing:
                self._further.append(str(missing))
            else:
                return

    def _read(self, chunk: Chunk) -> Sequence[Row]:
        found = self._reader.rows_of_streams(
            self._connection, first=chunk.first, last=chunk.last, until=self._until, further=self._further
        )
        return [row for row in found if row[STREAM] not in self._long] if self._long else found

    def finish(self) -> None:
        """Write the sums."""
        for name in self._tables:
            self._write_sums(name)

    def _fill(self, events: Sequence[Row]) -> None:
        try:
            self._fold(events, careful=False)
        except MISFITS:
            self._fold(events, careful=True)

    def _fold(self, events: Sequence[Row], *, careful: bool) -> None:
        """Fold events and write what comes of them: each effect is looked at, or all values when they are written."""
        folded = {it.name: BulkRows() for it in self._projections}
        folds = [
            Fold(
                it,
                take=folded[it.name].take,
                check=self._tables[it.name].check if careful else None,
                skipped=self._skipped[it.name],
            )
            for it in self._projections
        ]
        Folding(self._definitions, folds, self._further).feed(events)
        written = {name: it.fitting(self._tables[name]) for name, it in folded.items()}
        with self._writing():
            for fold in folds:
                table = self._tables[fold.projection.name]
                if rows := written[fold.projection.name]:
                    table.copy_rows(self._connection, rows)
                park(self._connection, table, fold.parked)
        for name, it in folded.items():
            self._keep_sums(name, it.sums)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Open a transaction in which the tables are those that this filler was started for.

        A filler may outlive the process that started it for a moment; by then another build may have made tables of
        the same names.
        """
        with self._connection.transaction():
            names = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in self._oids)
            self._connection.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(names))
            there = dict(self._connection.execute(WHICH, (list(self._oids),)).fetchall())
            if there != self._oids:
                raise OtherTablesError
            yield

    def _keep_sums(self, name: str, sums: Mapping[RowKey, Mapping[str, int]]) -> None:
        kept = self._sums[name]
        for key, amounts in sums.items():
            add(kept, key, amounts)
        if len(kept) > MOST_SUMS:
            self._write_sums(name)

    def _write_sums(self, name: str) -> None:
        table = self._tables[name]
        if kept := self._sums[name]:
            parts = table.beside(table.suffix + SUMS)
            with self._writing():
                parts.copy_rows(self._connection, in_columns(_with_zeros(kept, table.others), table.others))
        self._sums[name] = {}
