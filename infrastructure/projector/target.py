"""A projection and the table that its effects go to: batches of events become rows, or are parked."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from infrastructure.event_log.reading import LogReader, Row
from infrastructure.projector.coalesce import coalesce
from infrastructure.projector.definitions import Definitions
from infrastructure.projector.folding import Fold, Folding
from infrastructure.projector.parking import park, parked_streams, skipped_positions
from infrastructure.projector.tables import ReadTable
from projections.effects import Effect, Projection

Connection = psycopg.Connection[Any]

MISFITS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
    struct.error,
)
"""What comes of an effect that does not fit its table. It is then looked for, effect by effect."""


@dataclass(slots=True)
class Target:
    """A projection and one of its tables, with what is parked of it."""

    projection: Projection
    table: ReadTable
    skipped: Collection[int] = ()
    parked_streams: set[str] = field(default_factory=set)
    generation: int = -1
    """The generation of rows that this was read for; none yet."""

    def refresh(self, connection: Connection) -> None:
        """Read again what is parked and what is skipped."""
        self.skipped = skipped_positions(connection, self.projection)
        self.parked_streams = parked_streams(connection, self.table)


def apply(
    connection: Connection, definitions: Definitions, targets: Sequence[Target], rows: Sequence[Row], *, careful: bool
) -> None:
    """Write the effects of events, in order, in the caller's transaction. With `careful`, misfits are parked too."""
    effects: dict[str, list[Effect]] = {target.table.name: [] for target in targets}
    folds = [
        Fold(
            target.projection,
            take=effects[target.table.name].append,
            check=target.table.check if careful else None,
            skipped=target.skipped,
            parked_streams=set(target.parked_streams),
        )
        for target in targets
    ]
    Folding(definitions, folds).feed(rows)
    for target, fold in zip(targets, folds, strict=True):
        target.table.apply(connection, coalesce(effects[target.table.name]))
        park(connection, target.table, fold.parked)
        target.parked_streams = fold.parked_streams


def catch_up(connection: Connection, definitions: Definitions, target: Target, after: int, until: int) -> None:
    """Bring one table that nobody else writes to from one position to another, in one transaction of the caller's."""
    names = definitions.names(target.projection)
    rows = list(LogReader(definitions.codec).rows(connection, after=after, until=until, names=names))
    try:
        with connection.transaction():
            apply(connection, definitions, [target], rows, careful=False)
    except MISFITS:
        target.parked_streams = parked_streams(connection, target.table)
        with connection.transaction():
            apply(connection, definitions, [target], rows, careful=True)
