"""A projection and the table that its effects go to: batches of events become rows, or are parked."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import Connection

from infrastructure.event_log.log_reader import NAME, POSITION, LogReader, Row
from infrastructure.projector.rows.counting import count_on
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Fold, Folding
from infrastructure.projector.rows.parking import next_parked, park, parked_streams, skipped_positions, take_back
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

MISFITS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
    struct.error,
    psycopg.errors.ProgramLimitExceeded,
)
"""Failures that an event causes: a value that the table, an index or a sum cannot take. Others are the database's."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of the log, `after < position <= until`. `rows` are the events in it that rules are called with."""

    after: int
    until: int
    rows: Sequence[Row]


@dataclass(slots=True)
class Target:
    """A projection and one of its tables, with its parked streams and skipped positions."""

    projection: ReadModel
    table: ReadTable
    skipped: Collection[int] = ()
    parked_streams: set[str] = field(default_factory=set)
    generation: int = -1
    """The generation of the rows whose parked streams these are; none yet."""

    oid: int | None = None
    """The number of the table, where another build could put another table in its place."""

    @property
    def counts(self) -> bool:
        """Whether it only counts, in the database: its events need not be read."""
        return self.projection.tallied

    def hold(self, connection: Connection) -> None:
        """Lock the table until the end of the transaction.

        A build holds a lock against all others, but may lose the lock with one connection and go on with others.
        """
        if self.oid is not None:
            self.table.hold(connection, self.oid)

    def refresh(self, connection: Connection) -> None:
        """Read again which streams are parked and which positions are skipped."""
        self.skipped = skipped_positions(connection, self.projection)
        self.parked_streams = parked_streams(connection, self.table)


def read(connection: Connection, definitions: Definitions, targets: Sequence[Target], after: int, until: int) -> Batch:
    """Read the events of a part of the log that the targets need."""
    folding = [target for target in targets if not target.counts]
    if not folding:
        return Batch(after, until, ())
    # One projection wants few types, found by the index on names; all of them together want nearly every event.
    names = definitions.names(folding[0].projection) if len(folding) == 1 else None
    rows = LogReader(definitions.codec).rows(
        connection, after=after, until=until, names=names, further=definitions.further
    )
    return Batch(after, until, list(rows))


def halves(connection: Connection, definitions: Definitions, target: Target, batch: Batch) -> Sequence[Batch]:
    """Cut a batch into two of about as many events of the target; a batch with one event or none is not cut."""
    rows = _own_rows(connection, definitions, target, batch)
    if len(rows) <= 1:
        return [Batch(batch.after, batch.until, rows)]
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    middle = first[-1][POSITION]
    return [Batch(batch.after, middle, first), Batch(middle, batch.until, second)]


def next_position(connection: Connection, definitions: Definitions, target: Target, batch: Batch) -> int:
    """Return the position of the first event of a batch that the target would apply; 0 if it would apply none."""
    rows = _own_rows(connection, definitions, target, batch)
    return next((row[POSITION] for row in rows if row[POSITION] not in target.skipped), 0)


def _own_rows(connection: Connection, definitions: Definitions, target: Target, batch: Batch) -> Sequence[Row]:
    """Return the events of a batch that the target has rules for, also where it counts them in the database."""
    names = definitions.names(target.projection)
    if target.counts:
        return list(LogReader(definitions.codec).rows(connection, after=batch.after, until=batch.until, names=names))
    wanted = set(names)
    return [row for row in batch.rows if row[NAME] in wanted]


def apply(connection: Connection, definitions: Definitions, targets: Sequence[Target], batch: Batch) -> None:
    """Write the effects of events in the caller's transaction."""
    for it in targets:
        if it.counts:
            count_on(connection, definitions, it.projection, it.table, after=batch.after, until=batch.until)
    fold(connection, definitions, [target for target in targets if not target.counts], batch.rows)


def fold(connection: Connection, definitions: Definitions, targets: Sequence[Target], rows: Sequence[Row]) -> None:
    """Call the rules with events, in order, and write their effects."""
    folds = []
    for target in targets:
        store = RowStore(definitions.models[target.projection.name], target.table.check, whole_streams=False)
        folds.append(Fold(store, target.skipped, set(target.parked_streams)))
    Folding(definitions, folds).feed(rows)
    for target, done in zip(targets, folds, strict=True):
        target.table.write(connection, done.store)
        park(connection, target.table, done.parked)
        target.parked_streams = done.parked_streams


def retry(connection: Connection, definitions: Definitions, target: Target, streams: Sequence[str]) -> None:
    """Try the parked events of streams again, each stream in its order, until one fails again.

    In the caller's transaction, which keeps others from moving the checkpoint.
    """
    reader = LogReader(definitions.codec)
    for stream in streams:
        tried = Target(target.projection, target.table, skipped_positions(connection, target.projection))
        after = 0
        while positions := next_parked(connection, target.table, stream, after):
            after = positions[-1]
            take_back(connection, target.table, positions)
            fold(connection, definitions, [tried], reader.rows_at(connection, positions, further=definitions.further))
    target.refresh(connection)


def catch_up(connection: Connection, definitions: Definitions, target: Target, after: int, until: int) -> None:
    """Bring a table that no other session writes to from one position to another, in one transaction."""
    batch = read(connection, definitions, [target], after, until)
    with connection.transaction():
        target.hold(connection)
        apply(connection, definitions, [target], batch)
