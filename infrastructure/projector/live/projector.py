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

from infrastructure.event_log.log_lookup import MissingEventsError, OtherLogError
from infrastructure.event_log.log_reader import STREAM, LogReader
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.postgres.arrays import integers, register_types, texts
from infrastructure.postgres.failures import summary
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.folding import Parked
from infrastructure.projector.rows.parking import park
from infrastructure.projector.rows.tables import ReadTable
from infrastructure.projector.rows.target import MISFITS, Batch, Target, apply, halves, read
from projections.read_model import ReadModel

LOG = structlog.get_logger()

RATE_S = 10.0
"""Over how long the rate is measured."""

LEADS = 1
"""The kind of lock that a worker holds for each projection that it looks after."""


CHECKPOINTS = "SELECT projection, version, position, generation FROM read.checkpoint"
MOVE = """
UPDATE read.checkpoint AS held
SET position = %s, applied_at = clock_timestamp(), events_per_s = %s, error = '', failed_at = NULL
FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS moved (projection, version, generation)
WHERE held.projection = moved.projection AND held.version = moved.version
  AND held.generation = moved.generation AND held.position = %s
"""
FAILED = """
UPDATE read.checkpoint SET error = %s, failed_at = clock_timestamp(), events_per_s = 0
WHERE projection = %s AND version = %s
"""
# What was ordered before there were any rows was not meant for them.
BEGIN = """
INSERT INTO read.checkpoint (projection, version, position, act_position) VALUES (%s, %s, 0, log.head())
ON CONFLICT DO NOTHING
"""


class MovedError(RuntimeError):
    """A takeover came first: rows and checkpoint are not those that the batch was read for. Nothing was written."""


@dataclass(slots=True)
class Rate:
    """How many events a second went by lately."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, events: int) -> float:
        now = time.monotonic()
        self._seen.append((now, events))
        while now - self._seen[0][0] > RATE_S:
            self._seen.popleft()
        since = now - self._seen[0][0]
        return sum(count for _, count in self._seen) / max(since, 1.0)


class Projector:
    """Runs projections on one connection, those at the same position together."""

    def __init__(
        self, connection: Connection, definitions: Definitions, projections: Sequence[ReadModel] | None = None
    ) -> None:
        register_types(connection)
        self._connection = connection
        self._definitions = definitions
        self._reader = LogReader(definitions.codec)
        chosen = tuple(definitions.projections.values()) if projections is None else projections
        self._targets = {p.name: Target(p, ReadTable(p.table)) for p in chosen}
        self._led: set[str] = set()
        self._resting: dict[str, float] = {}
        self._rate = Rate()
        self.paused: Collection[str] = ()

    @property
    def led(self) -> Mapping[str, Target]:
        """The projections that this projector looks after."""
        return {name: target for name, target in self._targets.items() if name in self._led}

    # --- Taking charge ----------------------------------------------------------------------------------------------

    def lead(self) -> Collection[str]:
        """Take charge of the projections that nobody looks after; return those that are new."""
        taken = [
            name for name, target in self._targets.items() if name not in self._led and self._take(target.projection)
        ]
        if taken:
            self._led.update(taken)
            self._refuse_other_log()
            LOG.info("projector_leads", projections=len(self._led))
        return taken

    def prepare(self, names: Collection[str] | None = None) -> None:
        """Make the tables and checkpoints that are not there yet, to be filled from the first event on."""
        self._refuse_other_log()
        for name in self._targets if names is None else names:
            target = self._targets[name]
            with self._connection.transaction():
                target.table.create(self._connection)
                self._connection.execute(BEGIN, (name, target.projection.version))
            target.refresh(self._connection)
        self._led.update(self._targets if names is None else names)

    def without_rows(self) -> Collection[str]:
        """Return the projections in its charge of which there are no rows yet."""
        known = self._known()
        return [name for name in self._led if name not in known]

    def head(self) -> int:
        return self._reader.head(self._connection)

    def _take(self, projection: ReadModel) -> bool:
        query = "SELECT read.take(%s, %s, %s)"
        return self._connection.execute(query, (LEADS, projection.name, projection.version)).fetchone() == (True,)

    def _refuse_other_log(self) -> None:
        other = self._connection.execute(
            "SELECT projection FROM read.checkpoint WHERE log_id <> log.id() ORDER BY projection LIMIT 1"
        ).fetchone()
        if other is not None:
            raise OtherLogError(f"the read model {other[0]} was made of another log")

    # --- Going on ---------------------------------------------------------------------------------------------------

    def checkpoints(self) -> Mapping[str, int]:
        """Return how far the projections in its charge are that are neither paused nor left alone."""
        now = time.monotonic()
        return {
            name: position
            for name, position in self._known().items()
            if name in self._led and name not in self.paused and self._resting.get(name, 0.0) <= now
        }

    def step(self) -> int:
        """Apply a batch to each group of projections at one position; return how many positions were covered.

        Those in front come first, so that one that is behind does not hold up the others.
        """
        ordered = sorted(self.checkpoints().items(), key=lambda item: (-item[1], item[0]))
        groups = [(position, [name for name, _ in group]) for position, group in groupby(ordered, lambda it: it[1])]
        head = self.head() if groups else 0
        covered, before, limits = 0, head, self._definitions.limits
        for after, names in groups:
            until = min(after + (limits.batch_events if before == head else limits.behind_events), before)
            if until > after:
                self._advance([self._targets[name] for name in names], after, until)
                covered += until - after
            before = min(after, head)
        return covered

    def catch_up(self) -> int:
        """Apply batches until every projection is at the head; return the position reached."""
        while self.step():
            pass
        return min(self.checkpoints().values(), default=0)

    def run(self, stopped: Callable[[], bool], between: Callable[[], None] = lambda: None) -> None:
        """Follow the log until `stopped` says so; what others look after is taken over when they are gone.

        `between` is called between batches, and at least every second.
        """
        looked = 0.0
        with LogSubscription(self._connection) as subscription:
            while not stopped():
                if len(self._led) < len(self._targets) and time.monotonic() - looked > self._definitions.limits.wait_s:
                    looked = time.monotonic()
                    self.lead()
                between()
                if not self.step() and not stopped():
                    subscription.wait(self._definitions.limits.wait_s)

    def _known(self) -> Mapping[str, int]:
        known: dict[str, int] = {}
        for name, version, position, generation in self._connection.execute(CHECKPOINTS).fetchall():
            target = self._targets.get(name)
            if target is not None and target.projection.version == version:
                known[name] = position
                if target.generation != generation:  # its rows were replaced, and what is parked with them
                    target.refresh(self._connection)
                    target.generation = generation
        return known

    def _advance(self, targets: Sequence[Target], after: int, until: int) -> None:
        rate = self._rate.add(until - after)
        try:
            batch = read(self._connection, self._definitions, targets, after, until)
        except (MissingEventsError, psycopg.Error) as error:
            for target in targets:
                self._rest(target, after, error)
            return
        try:
            self._write(targets, batch, rate)
        except MovedError:
            pass
        except (*MISFITS, psycopg.Error):
            for target in targets:
                self._advance_alone(target, batch, rate)

    def _advance_alone(self, target: Target, batch: Batch, rate: float) -> None:
        """Go on with one of several, past events that it cannot take: only the one that cannot go on is left alone."""
        pending, at = [batch], batch.after
        try:
            while pending:
                part = pending.pop()
                at = part.after
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
            self._rest(target, at, error)

    def _park(self, target: Target, batch: Batch, rate: float, error: Exception) -> None:
        """Park the only event of a batch: it cannot be written, whatever became of its effects one by one."""
        (row,) = batch.rows
        with self._connection.transaction():
            self._move([target], batch, rate)
            park(self._connection, target.table, [Parked(row, summary(error))])
        target.parked_streams.add(row[STREAM])

    def _rest(self, target: Target, after: int, error: Exception) -> None:
        """Say in the database why a projection cannot go on, and leave it alone for a while."""
        if self._connection.closed:
            raise error
        name, version = target.projection.name, target.projection.version
        why = summary(error)
        LOG.error("projection_failed", projection=name, after=after, error=why)
        self._connection.execute(FAILED, (f"after position {after}: {why}", name, version))
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
