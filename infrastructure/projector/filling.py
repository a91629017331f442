"""Folds the log stream by stream into tables that have no index yet: what a rebuild does first, in many processes.

All events of a stream are folded in one go, so its rows are whole when they are written: nothing is ever looked up or
changed in a table. What is only added to is summed up in memory and added together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import psycopg

from infrastructure.event_log.reading import STREAM, LogReader, Row
from infrastructure.projector.definitions import Definitions
from infrastructure.projector.folding import Fold, Folding
from infrastructure.projector.parking import park, skipped_positions
from infrastructure.projector.tables import ReadTable
from projections.effects import Add, Drop, Effect, Key, Projection, Put, Set

CHUNK_EVENTS = 20_000
"""About how many events are folded in one go."""

LONG_STREAM_EVENTS = 100_000
"""A stream longer than this does not fit in memory at once: it is folded batch by batch once the indexes are there."""

MOST_SUMS = 200_000
"""How many sums are kept in memory before they are written."""

SUMS = "_sums"
"""Behind the name of a table: the sums of single processes, to be added up."""

Connection = psycopg.Connection[Any]

# Streams in the order of their names, cut where so many events have come together.
PLAN = """
SELECT min(stream), max(stream), sum(version)::bigint FROM (
    SELECT stream, version, sum(version) OVER (ORDER BY stream) / %s AS part FROM log.stream
    WHERE split_part(stream, '-', 1) = ANY(%s) AND first_position <= %s AND version <= %s
) AS planned GROUP BY part ORDER BY part
"""
LONG = """
SELECT stream, version FROM log.stream
WHERE split_part(stream, '-', 1) = ANY(%s) AND first_position <= %s AND version > %s ORDER BY stream
"""


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


def plan(connection: Connection, definitions: Definitions, projections: Sequence[Projection], until: int) -> Plan:
    """Divide the streams that the projections are made of, as far as the log goes up to a position."""
    categories = sorted({definitions.categories[event] for it in projections for event in it.rules})
    chunks = connection.execute(PLAN, (CHUNK_EVENTS, categories, until, LONG_STREAM_EVENTS)).fetchall()
    long = connection.execute(LONG, (categories, until, LONG_STREAM_EVENTS)).fetchall()
    return Plan(
        chunks=[Chunk(*chunk) for chunk in chunks],
        long_streams=[Chunk(stream, stream, version) for stream, version in long],
    )


@dataclass(slots=True)
class Rows:
    """The rows of one projection in memory: whole ones by key, and sums by key."""

    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    sums: dict[Key, dict[str, int]] = field(default_factory=dict)

    def take(self, effect: Effect) -> None:
        kind = type(effect)
        if kind is Put:
            self.rows[effect.key] = dict(effect.row)  # type: ignore[union-attr]
        elif kind is Set:
            if (row := self.rows.get(effect.key)) is not None:
                row.update(effect.values)  # type: ignore[union-attr]
        elif kind is Add:
            add(self.sums, effect.key, effect.amounts)  # type: ignore[union-attr]
        else:
            assert kind is Drop
            self.rows.pop(effect.key, None)


def add(sums: dict[Key, dict[str, int]], key: Key, amounts: Mapping[str, int]) -> None:
    held = sums.get(key)
    if held is None:
        sums[key] = dict(amounts)
    else:
        for column, amount in amounts.items():
            held[column] = held.get(column, 0) + amount


def _with_zeros(sums: Mapping[Key, Mapping[str, int]], columns: Sequence[str]) -> Mapping[Key, Mapping[str, int]]:
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
        self._skipped = {it.name: skipped_positions(connection, it) for it in self._projections}
        self._until = until
        self._long = frozenset(long_streams)
        self._sums: dict[str, dict[Key, dict[str, int]]] = {name: {} for name in tables}

    def fill(self, chunk: Chunk) -> None:
        """Fold the streams of a chunk, and write the rows that come of them in one transaction."""
        found = self._reader.rows_of_streams(self._connection, first=chunk.first, last=chunk.last, until=self._until)
        events = [row for row in found if row[STREAM] not in self._long] if self._long else found
        self._fill(events)

    def finish(self) -> None:
        """Write the sums."""
        with self._connection.transaction():
            for name in self._tables:
                self._write_sums(name)

    def _fill(self, events: Sequence[Row]) -> None:
        folded = {it.name: Rows() for it in self._projections}
        folds = [
            Fold(
                it,
                take=folded[it.name].take,
                check=self._tables[it.name].check,
                skipped=self._skipped[it.name],
            )
            for it in self._projections
        ]
        Folding(self._definitions, folds).feed(events)
        with self._connection.transaction():
            for fold in folds:
                table = self._tables[fold.projection.name]
                if rows := folded[fold.projection.name].rows:
                    table.copy_rows(self._connection, _in_columns(rows, table.others))
                park(self._connection, table, fold.parked)
        for name, it in folded.items():
            self._keep_sums(name, it.sums)

    def _keep_sums(self, name: str, sums: Mapping[Key, Mapping[str, int]]) -> None:
        kept = self._sums[name]
        for key, amounts in sums.items():
            add(kept, key, amounts)
        if len(kept) > MOST_SUMS:
            self._write_sums(name)

    def _write_sums(self, name: str) -> None:
        table = self._tables[name]
        if kept := self._sums[name]:
            parts = table.beside(table.suffix + SUMS)
            parts.copy_rows(self._connection, _in_columns(_with_zeros(kept, table.others), table.others))
        self._sums[name] = {}


def _in_columns(rows: Mapping[Key, Mapping[str, Any]], columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield the columns of the key and then the others, which each row has."""
    if len(columns) == 1:
        (column,) = columns
        return ((*key, row[column]) for key, row in rows.items())
    values = itemgetter(*columns) if columns else lambda _row: ()
    return (key + values(row) for key, row in rows.items())
