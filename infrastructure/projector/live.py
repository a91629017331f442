"""Keeps read models behind the log: batches of events, one transaction for rows and checkpoint, woken by the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
import structlog

from domain.kernel import Recorded
from infrastructure.arrays import teach
from infrastructure.codec import Codec
from infrastructure.event_log.reading import LogReader
from infrastructure.event_log.statements import CHANNEL
from infrastructure.projector.coalesce import coalesce
from infrastructure.projector.tables import ReadTable
from projections.effects import Effect, Projection

LOG = structlog.get_logger()

BATCH_EVENTS = 5_000
LEADER_LOCK = 0x70726F6A
WAIT_S = 1.0
"""How often to look up whether to stop, and whether the leader is gone. The log is not asked: it tells."""

Connection = psycopg.Connection[Any]


class LostLeadershipError(RuntimeError):
    """Another projector moved a checkpoint: this one stops before it doubles an effect."""


class OtherLogError(RuntimeError):
    """The checkpoints were reached in another log: their positions mean nothing in this one."""


@dataclass(frozen=True, slots=True)
class Target:
    """A projection and the table that its effects go to."""

    projection: Projection
    table: ReadTable

    def apply(self, connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        self.table.apply(connection, coalesce(self._effects(events)))

    def _effects(self, events: Sequence[Recorded[Any]]) -> Iterator[Effect]:
        rules = self.projection.rules
        for recorded in events:
            rule = rules.get(type(recorded.event))
            if rule is not None:
                yield from rule(recorded)


class EventsFor:
    """Reads the events of the log that projections have rules for."""

    def __init__(self, codec: Codec) -> None:
        self._reader = LogReader(codec)
        self._names = codec.names

    def head(self, connection: Connection) -> int:
        return self._reader.head(connection)

    def read(
        self, connection: Connection, targets: Sequence[Target], after: int, until: int
    ) -> Sequence[Recorded[Any]]:
        wanted = sorted({self._names[event] for target in targets for event in target.projection.rules})
        # One projection wants few types, found by the index on names; all of them together want nearly every event.
        names = wanted if len(targets) == 1 else None
        return list(self._reader.read(connection, after=after, until=until, names=names))


class Projector:
    """Runs projections on one connection. All of them move together once the slower ones have caught up."""

    def __init__(self, connection: Connection, codec: Codec, projections: Sequence[Projection]) -> None:
        teach(connection)
        self._connection = connection
        self._events = EventsFor(codec)
        self._targets = {p.name: Target(p, ReadTable(p.table)) for p in projections}

    def prepare(self) -> None:
        """Make the tables and checkpoints that are not there yet."""
        with self._connection.transaction():
            for name, target in self._targets.items():
                target.table.create(self._connection)
                self._connection.execute(
                    "INSERT INTO read.checkpoint (projection, version, position) VALUES (%s, %s, 0) "
                    "ON CONFLICT DO NOTHING",
                    (name, target.projection.version),
                )
            other = self._connection.execute(
                "SELECT projection FROM read.checkpoint WHERE log_id <> log.id() ORDER BY projection LIMIT 1"
            ).fetchone()
            if other is not None:
                raise OtherLogError(f"the read model {other[0]} was made of another log")

    def checkpoints(self) -> Mapping[str, int]:
        rows = self._connection.execute("SELECT projection, version, position FROM read.checkpoint").fetchall()
        return {
            name: position
            for name, version, position in rows
            if name in self._targets and self._targets[name].projection.version == version
        }

    def step(self) -> int:
        """Apply one batch to the projections that are furthest behind; return how many positions it covered."""
        # Projections at the same position share the reading and decoding, and the transaction.
        checkpoints = sorted(self.checkpoints().items(), key=lambda item: (item[1], item[0]))
        groups: list[tuple[int, list[str]]] = [
            (position, [name for name, _ in group]) for position, group in groupby(checkpoints, lambda i: i[1])
        ]
        if not groups:
            return 0
        after, names = groups[0]
        until = min(after + BATCH_EVENTS, self._events.head(self._connection))
        if len(groups) > 1:
            until = min(until, groups[1][0])
        if until > after:
            self._apply([self._targets[name] for name in names], after, until)
        return until - after

    def catch_up(self) -> int:
        """Apply batches until every projection is at the head; return the position reached."""
        while self.step():
            pass
        return min(self.checkpoints().values(), default=0)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Follow the log until `stopped` says so, as the only leader; wait for the lock if there is another."""
        self._connection.execute(f"LISTEN {CHANNEL}")
        leading = False
        while not stopped():
            leading = leading or self._try_to_lead()
            if leading and self.step():
                continue
            while not self._told() and leading and not stopped():
                pass

    def _told(self) -> bool:
        """Wait a while for the log to tell of something new; return whether it did."""
        return any(self._connection.notifies(timeout=WAIT_S, stop_after=1))

    def _try_to_lead(self) -> bool:
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone()
        leading = bool(row and row[0])
        if leading:
            self.prepare()
            LOG.info("projector_leads", projections=len(self._targets))
        return leading

    def _apply(self, targets: Sequence[Target], after: int, until: int) -> None:
        events = self._events.read(self._connection, targets, after, until)
        with self._connection.transaction():
            for target in targets:
                _move_checkpoint(self._connection, target.projection, after, until)
                target.apply(self._connection, events)


def _move_checkpoint(connection: Connection, projection: Projection, after: int, until: int) -> None:
    moved = connection.execute(
        "UPDATE read.checkpoint SET position = %s, applied_at = clock_timestamp() "
        "WHERE projection = %s AND version = %s AND position = %s",
        (until, projection.name, projection.version, after),
    )
    if moved.rowcount != 1:
        raise LostLeadershipError(f"the checkpoint of {projection.name} is no longer at {after}")
