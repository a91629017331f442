"""Keeps read models behind the log: batches of events, one transaction for rows and checkpoint, woken by the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import psycopg
import structlog
from psycopg import Connection

from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.event_log.log_reader import STREAM, LogReader
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.postgres.arrays import integers, register_types, texts
from infrastructure.postgres.failures import summary
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Parked
from infrastructure.projector.rows.parking import park
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rows.target import MISFITS, Batch, Target, apply, halves, next_position, read
from projections.read_model import ReadModel

LOG = structlog.get_logger()

RATE_S = 10.0
"""Over how long the rate is measured."""

OWNERSHIP = 1
"""The kind of the lock that a worker holds for each projection that it owns."""

CHECKPOINTS = "SELECT projection, version, position, generation, log_id = log.id() FROM read.checkpoint"
MOVE = """
UPDATE read.checkpoint AS held
SET position = %s, applied_at = clock_timestamp(), events_per_s = %s, error = '', failed_at = NULL
FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS moved (projection, version, generation)
WHERE held.projection = moved.projection AND held.version = moved.version
  AND held.generation = moved.generation AND held.position = %s
"""
FAILED = """
UPDATE read.checkpoint
SET error = %s, stands_at = coalesce(%s, stands_at), failed_at = clock_timestamp(), events_per_s = 0
WHERE projection = %s AND version = %s
"""
# An act that was ordered before there were any rows is not carried out on them.
BEGIN = """
INSERT INTO read.checkpoint (projection, version, position, act_position) VALUES (%s, %s, 0, log.head())
ON CONFLICT DO NOTHING
"""
# Of no log that there is, for good: the log may grow beyond the checkpoint, and would be another one by then.
LEFT = """
UPDATE read.checkpoint
SET log_id = '00000000-0000-0000-0000-000000000000', failed_at = clock_timestamp(), events_per_s = 0
WHERE projection = %s AND version = %s AND position > log.head()
"""


class MovedError(RuntimeError):
    """A takeover came first: rows and checkpoint are not those that the batch was read for. Nothing was written."""


@dataclass(slots=True)
class Rate:
    """How many events a second were applied in the last `RATE_S` seconds."""

    _counts: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, events: int) -> float:
        now = time.monotonic()
        self._counts.append((now, events))
        while now - self._counts[0][0] > RATE_S:
            self._counts.popleft()
        return sum(count for _, count in self._counts) / max(now - self._counts[0][0], 1.0)


class Projector:
    """Runs projections on one connection, those at the same position together."""

    def __init__(
        self, connection: Connection, definitions: Definitions, projections: Sequence[ReadModel] | None = None
    ) -> None:
        register_types(connection)
        self._connection = connection
        self._definitions = definitions
        self._reader = LogReader(definitions.codec)
        chosen = definitions.projections.values() if projections is None else projections
        self._targets = {it.name: Target(it, ReadTable(it.table)) for it in chosen}
        self._resting: dict[str, float] = {}
        self._rate = Rate()
        self._of_other_log: set[str] = set()
        self.owned: dict[str, Target] = {}
        """The projections that this projector keeps behind the log."""
        self.paused: Collection[str] = ()

    # --- Ownership --------------------------------------------------------------------------------------------------

    def acquire(self) -> None:
        """Own the projections that no other worker owns."""
        query = "SELECT read.take(%s, %s, %s)"
        before = len(self.owned)
        for name, target in self._targets.items():
            lock = (OWNERSHIP, name, target.projection.version)
            if name not in self.owned and self._connection.execute(query, lock).fetchone() == (True,):
                self.owned[name] = target
        if len(self.owned) > before:
            LOG.info("projector_leads", projections=len(self.owned))

    def prepare(self, names: Collection[str] | None = None) -> None:
        """Own projections, and make their tables and checkpoints where there are none, for all events of the log."""
        for name in self._targets if names is None else names:
            target = self.owned[name] = self._targets[name]
            with self._connection.transaction():
                target.table.create(self._connection)
                self._connection.execute(BEGIN, (name, target.projection.version))
            target.refresh(self._connection)

    def without_rows(self) -> set[str]:
        """Return the owned projections that have no rows yet."""
        return self.owned.keys() - self._known()

    def head(self) -> int:
        return self._reader.head(self._connection)

    # --- Batches ----------------------------------------------------------------------------------------------------

    def checkpoints(self) -> Mapping[str, int]:
        """Return the positions of the owned projections that can go on.

        Others are paused, rest after a failure, or were made of another log than this one.
        """
        now = time.monotonic()
        return {
            name: position
            for name, position in self._known().items()
            if name in self.owned
            and name not in self.paused
            and name not in self._of_other_log
            and self._resting.get(name, 0.0) <= now
        }

    def step(self) -> int:
        """Apply a batch to each group of projections at one position; return how many positions were covered.

        The foremost group comes first, so that a projection that is behind does not hold up the others.
        """
        ordered = sorted(self.checkpoints().items(), key=lambda item: (-item[1], item[0]))
        groups = [(position, [name for name, _ in group]) for position, group in groupby(ordered, lambda it: it[1])]
        head = self.head() if groups else 0
        covered, before, limits = 0, head, self._definitions.limits
        for after, names in groups:
            if after > head:
                self._leave(names, after, head)
                continue
            until = min(after + (limits.batch_events if before == head else limits.behind_events), before)
            if until > after:
                self._advance([self._targets[name] for name in names], after, until)
                covered += until - after
            before = min(after, head)
        return covered

    def _leave(self, names: Sequence[str], position: int, head: int) -> None:
        """Leave projections alone whose checkpoint is ahead of the log: they are of a log that was put back."""
        for name in names:
            LOG.error("read_model_ahead_of_log", projection=name, position=position, head=head)
            self._connection.execute(LEFT, (name, self._targets[name].projection.version))

    def catch_up(self) -> int:
        """Apply batches until every projection is at the head; return the position reached."""
        while self.step():
            pass
        return min(self.checkpoints().values(), default=0)

    def run(self, stopped: Callable[[], bool], between: Callable[[], None] = lambda: None) -> None:
        """Follow the log until `stopped` says so; take over the projections of other workers that are gone.

        `between` is called between batches, and at least every second.
        """
        tried_at, wait_s = 0.0, self._definitions.limits.wait_s
        with LogSubscription(self._connection) as subscription:
            while not stopped():
                if len(self.owned) < len(self._targets) and time.monotonic() - tried_at > wait_s:
                    tried_at = time.monotonic()
                    self.acquire()
                between()
                if not self.step() and not stopped():
                    subscription.wait(wait_s)

    def _known(self) -> Mapping[str, int]:
        known: dict[str, int] = {}
        self._of_other_log.clear()
        for name, version, position, generation, is_of_this_log in self._connection.execute(CHECKPOINTS).fetchall():
            target = self._targets.get(name)
            if target is not None and target.projection.version == version:
                known[name] = position
                if not is_of_this_log:
                    self._of_other_log.add(name)
                if target.generation != generation:  # a takeover replaced its rows and parked events
                    target.refresh(self._connection)
                    target.generation = generation
        return known

    def _advance(self, targets: Sequence[Target], after: int, until: int) -> None:
        rate = self._rate.add(until - after)
        try:
            batch = read(self._connection, self._definitions, targets, after, until)
        except (MissingEventsError, psycopg.Error) as error:
            for target in targets:
                self._rest(target, f"after position {after}", error)
            return
        try:
            self._write(targets, batch, rate)
        except MovedError:
            pass
        except (*MISFITS, psycopg.Error):
            for target in targets:
                self._advance_alone(target, batch, rate)

    def _advance_alone(self, target: Target, batch: Batch, rate: float) -> None:
        """Apply a batch to one projection: events that it cannot take are parked, one by one."""
        pending, part = [batch], batch
        try:
            while pending:
                part = pending.pop()
                target.refresh(self._connection)
                try:
                    self._write([target], part, rate)
                except MISFITS as error:
                    parts = halves(self._connection, self._definitions, target, part)
                    if len(parts) > 1:
                        pending.extend(reversed(parts))
                    elif parts[0].rows:
                        self._park(target, parts[0], rate, error)
                    else:
                        raise
        except MovedError:
            pass
        except (*MISFITS, psycopg.Error) as error:
            self._stop(target, part, error)

    def _park(self, target: Target, batch: Batch, rate: float, error: Exception) -> None:
        """Park the only event of a batch: its effects passed the checks, but cannot be written."""
        (row,) = batch.rows
        with self._connection.transaction():
            self._move([target], batch, rate)
            park(self._connection, target.table, [Parked(row, summary(error))])
        target.parked_streams.add(row[STREAM])

    def _stop(self, target: Target, batch: Batch, error: Exception) -> None:
        """Record that a projection cannot go on at the first of its events in a batch."""
        if self._connection.closed:
            raise error
        at = next_position(self._connection, self._definitions, target, batch)
        self._rest(target, f"at position {at}" if at else f"after position {batch.after}", error, at)

    def _rest(self, target: Target, where: str, error: Exception, stands_at: int = 0) -> None:
        """Record where and why a projection cannot go on, and leave it alone for a while."""
        if self._connection.closed:
            raise error
        name, version = target.projection.name, target.projection.version
        why = summary(error)
        LOG.error("projection_failed", projection=name, where=where, error=why)
        self._connection.execute(FAILED, (f"{where}: {why}", stands_at, name, version))
        self._resting[name] = time.monotonic() + self._definitions.limits.rest_s

    def _write(self, targets: Sequence[Target], batch: Batch, rate: float) -> None:
        with self._connection.transaction():
            self._move(targets, batch, rate)
            apply(self._connection, self._definitions, targets, batch)

    def _move(self, targets: Sequence[Target], batch: Batch, rate: float) -> None:
        names = texts([target.projection.name for target in targets])
        versions = integers([target.projection.version for target in targets])
        generations = integers([target.generation for target in targets])
        moved = self._connection.execute(MOVE, (batch.until, rate, names, versions, generations, batch.after))
        if moved.rowcount != len(targets):
            raise MovedError
