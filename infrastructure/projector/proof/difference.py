"""The first row in which two sets of rows differ, and the events that made it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, zip_longest
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from infrastructure.event_log.log_reader import NAME, PAYLOAD, AnyRecorded, LogReader, Row
from infrastructure.event_log.log_statements import FURTHER_COLUMNS
from infrastructure.postgres.composing import commas, names
from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.proof.digest import Digest, by_key, hashed_rows, table_columns
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.row_views import views
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rules.compiled import compiled
from projections.effects import Add, AnyEffect, RowKey
from projections.read_model import ReadModel

IN_USE, ANEW = "the rows in use", "the rows made anew"

FETCH_ROWS = 2_000
"""How many rows are fetched at once while two sets are compared."""

SCAN_POSITIONS = 20_000
"""How many positions of the log are read at once for events of a row that no stream owns."""

SCAN_EVENTS = 500_000
"""The search stops after so many events, and says that there may be more."""


class RowsMovedError(ValueFreeError):
    """The rows are no longer those that were digested: one side changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two sets of rows: its table, its digest, and a connection that still sees the rows that were digested."""

    connection: Connection
    table: ReadTable
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A key whose rows differ. `left` and `right` hold the columns outside the key, or None where there is no row."""

    key: RowKey
    key_columns: Sequence[str]
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None

    @property
    def columns(self) -> Sequence[str]:
        """The columns that differ, in the order of the table; none where one side has no row."""
        if self.left is None or self.right is None:
            return []
        return [column for column, value in self.left.items() if value != self.right[column]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """The first of the events that touched a row, in order. `more` says that there may be others."""

    events: Sequence[AnyRecorded]
    more: bool


# --- The first row that differs -------------------------------------------------------------------------------------


def first_difference(left: Side, right: Side, *, fetch_rows: int = FETCH_ROWS) -> Difference | None:
    """Return the first key, in the order of the key columns, whose rows differ; None if the digests are equal.

    A row that differs is in a bucket that differs, on each side that has it: only those buckets are read, in the order
    of the key, up to the first difference. Where few rows differ those are a few of 4,096 buckets; where many do, the
    first comes early. Each side is hashed once more. Both tables must have the same columns. Raises RowsMovedError if
    a side no longer sees the rows that were digested.
    """
    if left.digest.sha256 == right.digest.sha256:
        return None
    ours, theirs = left.digest.buckets, right.digest.buckets
    buckets = sorted(bucket for bucket in {*ours, *theirs} if ours.get(bucket) != theirs.get(bucket))
    with ExitStack() as held:
        hashed = [
            _hashed(held, side, buckets, name, fetch_rows)
            for side, name in ((left, "left_rows"), (right, "right_rows"))
        ]
        pair = next(((one, other) for one, other in zip_longest(*hashed) if one != other), None)
    if pair is None:
        raise RowsMovedError("the digests differ, but no row does")
    key = min(row[:-1] for row in pair if row is not None)
    rows = _row(left, key), _row(right, key)
    if rows == (None, None):
        raise RowsMovedError("the row that differed is no longer there")
    return Difference(key=key, key_columns=left.table.keys, left=rows[0], right=rows[1])


def sentence(difference: Difference) -> str:
    """Return which row differs and in which columns, without values: rows hold pseudonyms.

    The key is named, so that a reader who may see the row can find it.
    """
    cells = zip(difference.key_columns, difference.key, strict=True)
    row = f"the row with {', '.join(f'{name} {value}' for name, value in cells)}"
    if difference.left is None:
        return f"{row} is missing from {IN_USE}"
    if difference.right is None:
        return f"{row} is missing from {ANEW}"
    if not difference.columns:
        return f"{row} is not as often in {IN_USE} as in {ANEW}"
    return f"{row} differs between {IN_USE} and {ANEW} in {', '.join(difference.columns)}"


def _hashed(
    held: ExitStack, side: Side, buckets: Sequence[int], name: str, fetch_rows: int
) -> Iterator[tuple[Any, ...]]:
    """Open the rows of some buckets, in the order of the key: the values of the key, then the digest of the row."""
    columns = table_columns(side.connection, side.table)
    query = sql.SQL("SELECT {keys}, row_digest FROM {rows} WHERE bucket = ANY(%s::integer[]) ORDER BY {order}").format(
        keys=names(side.table.keys),
        rows=hashed_rows(side.table, columns, side.table.keys),
        order=commas([by_key(columns, side.table.keys), sql.Identifier("row_digest")]),
    )
    held.enter_context(side.connection.transaction())
    cursor = held.enter_context(side.connection.cursor(name, row_factory=tuple_row))
    cursor.itersize = fetch_rows
    return map(_in_utc, cursor.execute(query, (list(buckets),), binary=True))


def _row(side: Side, key: RowKey) -> Mapping[str, Any] | None:
    """Return the columns outside the key of the row with this key."""
    table = side.table
    query = sql.SQL("SELECT {columns} FROM {table} WHERE {same}").format(
        columns=names(table.columns),
        table=table.target,
        same=sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in table.keys),
    )
    with side.connection.cursor(binary=True, row_factory=tuple_row) as cursor:
        row = cursor.execute(query, key).fetchone()
    return None if row is None else dict(zip(table.others, _in_utc(row[len(table.keys) :]), strict=True))


def _in_utc(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values with instants in UTC: two instants of one zone are compared by their clocks, summer or not."""
    return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in values)


# --- The events that made a row -------------------------------------------------------------------------------------


def events_of(
    connection: Connection,
    definitions: Definitions,
    projection: ReadModel,
    key: RowKey,
    until: int,
    *,
    most: int = 20,
    skipped: Collection[int] = (),
    scan_positions: int = SCAN_POSITIONS,
    scan_events: int = SCAN_EVENTS,
) -> MadeBy:
    """Return the first `most` events up to a position whose effects touch the row with this key.

    A row belongs to one stream or is only ever added to. The values of the key name the stream; where no stream owns
    the row, the log is read in order, `scan_positions` at a time, until there are `most` events. Either ends after
    `scan_events` events. Events that are parked or skipped have no part in the rows and are left out: those on which a
    rule fails, with the following events of their stream.
    """
    reader = LogReader(definitions.codec)
    for stream in _candidates(definitions, projection, key):
        touched = _Touched(definitions, projection, key, skipped, scan_events)
        rows = reader.rows_of_streams(connection, first=stream, last=stream, until=until)
        found = list(touched.among(rows))
        if touched.owned:
            return _made_by(found, most, more=touched.cut)
    touched = _Touched(definitions, projection, key, skipped, scan_events)
    all_rows = _rows(connection, reader, definitions.names(projection), until, scan_positions)
    return _made_by(list(islice(touched.among(all_rows), most + 1)), most, more=touched.cut)


def _made_by(found: Sequence[AnyRecorded], most: int, *, more: bool) -> MadeBy:
    return MadeBy(events=found[:most], more=more or len(found) > most)


def _candidates(definitions: Definitions, projection: ReadModel, key: RowKey) -> Sequence[str]:
    """Return the streams that a row may belong to: named by a value of its key, or by all of them."""
    categories = sorted({definitions.categories[event] for event in projection.rules})
    ids = dict.fromkeys([*(value for value in key if isinstance(value, str)), "-".join(map(str, key))])
    return [f"{category}-{aggregate_id}" for aggregate_id in ids for category in categories]


def _rows(
    connection: Connection, reader: LogReader, event_names: Sequence[str], until: int, scan_positions: int
) -> Iterator[Row]:
    for after in range(0, until, scan_positions):
        yield from reader.rows(connection, after=after, until=min(after + scan_positions, until), names=event_names)


class _Touched(RowStore):
    """Takes effects as the projector itself would, and picks the events whose effects touch one row."""

    def __init__(
        self,
        definitions: Definitions,
        projection: ReadModel,
        key: RowKey,
        skipped: Collection[int],
        scan_events: int,
    ) -> None:
        super().__init__(compiled(projection, {}, {}), ReadTable(projection.table).check, whole_streams=False)
        self.owned = False
        """Whether the row belongs to a stream: it was not only added to."""
        self.cut = False
        """Whether there were more events than are read."""
        self._key = key
        self._scan_events = scan_events
        self._hit = False
        self._codec = definitions.codec
        self._folding = Folding(replace(definitions, further=FURTHER_COLUMNS, wanted={}), [Fold(self, skipped)])

    def among(self, rows: Iterable[Row]) -> Iterator[AnyRecorded]:
        complete = views()
        for seen, row in enumerate(rows):
            if seen == self._scan_events:
                self.cut = True
                return
            self._hit = False
            self._folding.feed([row])
            if self._hit:
                yield complete(row, self._codec.decode(row[NAME], row[PAYLOAD]))

    def take(self, effect: AnyEffect) -> None:
        if effect.key == self._key:
            self._hit = True
            self.owned = self.owned or not isinstance(effect, Add)
