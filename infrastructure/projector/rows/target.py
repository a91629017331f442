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
from infrastructure.projector.rows.folding import Folding, fold_into
from infrastructure.projector.rows.parking import park, parked_streams, skipped_positions
from infrastructure.projector.rows.row_store import RowStore
from infrastructure.projector.rows.tables import ReadTable
from projections.read_model import ReadModel

"""How many events are applied in one transaction."""

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
    """A projection and one of its tables, with what is parked of it."""

    projection: ReadModel
    table: ReadTable
    skipped: Collection[int] = ()
    parked_streams: set[str] = field(default_factory=set)
    generation: int = -1
    """The generation of rows that this was read for; none yet."""

    oid: int | None = None
    """Which table this is, where another build could put another one in its place."""

    counts: bool = field(init=False)
    """Whether it only counts, in the database: its events need not be read."""

    def __post_init__(self) -> None:
        self.counts = self.projection.tallied

    def hold(self, connection: Connection) -> None:
        """Keep the table as it is until the end of the transaction.

        Whoever builds holds a lock against all others, but may lose it with its connection, and go on with the others.
        """
        if self.oid is not None:
            self.table.hold(connection, self.oid)

    def refresh(self, connection: Connection) -> None:
        """Read again what is parked and what is skipped."""
        self.skipped = skipped_positions(connection, self.projection)
        self.parked_streams = parked_streams(connection, self.table)


def read(connection: Connection, definitions: Definitions, targets: Sequence[Target], after: int, until: int) -> Batch:
    """Read what the targets need of a part of the log."""
    folding = [target for target in targets if not target.counts]
    if not folding:
        return Batch(after, until, ())
    # One projection wants few types, found by the index on names; all of them together want nearly every event.
    names = definitions.names(folding[0].projection) if len(folding) == 1 else None
    reader = LogReader(definitions.codec)
    return Batch(
        after, until, list(reader.rows(connection, after=after, until=until, names=names, further=definitions.further))
    )


def halves(connection: Connection, definitions: Definitions, target: Target, batch: Batch) -> Sequence[Batch]:
    """Cut a batch into two of about as many events of the target; a batch with one event or none is not cut."""
    names = set(definitions.names(target.projection))
    rows = [row for row in batch.rows if row[NAME] in names]
    if target.counts:
        reader = LogReader(definitions.codec)
        rows = list(reader.rows(connection, after=batch.after, until=batch.until, names=sorted(names)))
    if len(rows) <= 1:
        return [Batch(batch.after, batch.until, rows)]
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    middle = first[-1][POSITION]
    return [Batch(batch.after, middle, first), Batch(middle, batch.until, second)]


def apply(connection: Connection, definitions: Definitions, targets: Sequence[Target], batch: Batch) -> None:
    """Write the effects of events in the caller's transaction."""
    for target in targets:
        if target.counts:
            count_on(
                connection,
                definitions,
                target.projection,
                target.table,
                after=batch.after,
                until=batch.until,
            )
    folding = [target for target in targets if not target.counts]
    fold(connection, definitions, folding, batch.rows)


def fold(connection: Connection, definitions: Definitions, targets: Sequence[Target], rows: Sequence[Row]) -> None:
    """Call the rules with events, in order, and write what comes of it."""
    stores = [
        RowStore(definitions.models[target.projection.name], target.table.check, whole_streams=False)
        for target in targets
    ]
    folds = [
        fold_into(store, target.skipped, target.parked_streams) for target, store in zip(targets, stores, strict=True)
    ]
    Folding(definitions, folds).feed(rows)
    for target, store, it in zip(targets, stores, folds, strict=True):
        target.table.write(connection, store)
        park(connection, target.table, it.parked)
        target.parked_streams = it.parked_streams


def catch_up(connection: Connection, definitions: Definitions, target: Target, after: int, until: int) -> None:
    """Bring one table that nobody else writes to from one position to another, in one transaction."""
    batch = read(connection, definitions, [target], after, until)
    with connection.transaction():
        target.hold(connection)
        apply(connection, definitions, [target], batch)
