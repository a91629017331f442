"""Makes rows beside the rows in use: in parallel and without indexes first, then caught up, compared, and put in use.

Readers see nothing of it before the takeover. A build that is cancelled or dies at any moment leaves tables that the
next build drops; the rows in use stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg import Connection, IsolationLevel

from infrastructure.event_log.log_reader import NAME, VERSION, LogReader
from infrastructure.postgres.failures import ValueFreeError, summary
from infrastructure.projector.proof.comparing import Proof, prove
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build_environment import BuildEnvironment, CancelledError
from infrastructure.projector.rebuild.builds import BuildRequest
from infrastructure.projector.rebuild.load import Filled, fill_tables, index
from infrastructure.projector.rebuild.stream_fold import FoldPlan
from infrastructure.projector.rebuild.switch_over import BEFORE, take_over
from infrastructure.projector.rows.row_security import close_to_readers
from infrastructure.projector.rows.tables import OtherTablesError, ReadTable
from infrastructure.projector.rows.target import MISFITS, Target, catch_up, fold
from projections.progress import BuildPurpose, BuildState

COMPARABLE_EVENTS = 200_000
"""A build does not wait for rows in use that are further behind the log than this, and does not compare them."""

CATCH_UP_BATCHES = 10
"""How many batches a build takes at once to catch up with the log."""

CANCELLED = "cancelled; the rows in use stayed"

# Rows of another log, or ahead of this one, can be neither compared nor caught up with.
IN_USE = """
SELECT position FROM read.checkpoint
WHERE projection = %s AND version = %s AND log_id = log.id() AND position <= log.head()
"""
PREVIOUS = "SELECT position FROM read.previous WHERE projection = %s AND version = %s"
BROUGHT_TO = "UPDATE read.previous SET position = %s WHERE projection = %s AND version = %s AND position = %s"


NOTHING_BEFORE = "there are no rows of before to go back to"
"""The outcome of an undo where no takeover left rows behind."""


class BuildRunningError(RuntimeError):
    """Another build of this read model is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a build: `outcome` is a sentence."""

    projection: str
    state: BuildState
    outcome: str
    position: int = 0
    rows: int = 0
    sha256: str = ""
    equal: bool | None = None


class Builder:
    """Makes rows of several projections at once, reading the log once for all of them."""

    def __init__(self, environment: BuildEnvironment) -> None:
        self._environment = environment
        self._definitions = environment.definitions
        self._reader = LogReader(environment.definitions.codec)

    def run(self, requests: Sequence[BuildRequest]) -> Sequence[Result]:
        """Carry out builds whose lock the caller holds; all for the present, or all for one past position."""
        with closing(self._environment.connect()) as connection:
            began = time.monotonic()
            wanted = [it for it in requests if builds.is_wanted(connection, it)]
            unwanted = [it for it in requests if it not in wanted]
            results = self._ended(unwanted, BuildState.CANCELLED, CANCELLED) if unwanted else []
            undo = [it for it in wanted if it.purpose == BuildPurpose.UNDO]
            for request in undo:
                results += self._guarded([request], partial(self._undo, connection, request))
            if made := [it for it in wanted if it not in undo]:
                results += self._guarded(made, partial(self._make, connection, made, began))
            return results

    def _guarded(self, requests: Sequence[BuildRequest], make: Callable[[], list[Result]]) -> list[Result]:
        """Make rows; of builds that fail or are cancelled, record the end and leave no tables."""
        try:
            return make()
        except CancelledError:
            return self._ended(requests, BuildState.CANCELLED, CANCELLED)
        except KeyboardInterrupt:
            self._ended(requests, BuildState.CANCELLED, CANCELLED)
            raise
        except (psycopg.Error, ValueFreeError, *MISFITS) as error:
            return self._ended(requests, BuildState.FAILED, f"failed: {_reason(error)}; the rows in use stayed")

    def _ended(self, requests: Sequence[BuildRequest], state: BuildState, outcome: str) -> list[Result]:
        with closing(self._environment.connect()) as connection:
            for request in requests:
                self._environment.drop_leftovers(connection, request)
                builds.end(connection, request, state, outcome)
        return [Result(projection=it.projection, state=state, outcome=outcome) for it in requests]

    def _make(self, connection: Connection, requests: Sequence[BuildRequest], began: float) -> list[Result]:
        for request in requests:
            self._environment.drop_leftovers(connection, request)
        until = self._until(connection, requests)
        builds.enter(connection, requests, BuildState.FILLING, until)
        filled = fill_tables(self._environment, connection, requests, until)
        builds.enter(connection, requests, BuildState.INDEXING, until)

        def finish(request: BuildRequest) -> list[Result]:
            return self._guarded([request], partial(self._finish, request, filled, until, began))

        with ThreadPoolExecutor(self._environment.at_once) as pool:
            list(pool.map(partial(index, self._environment), requests))
            return [result for (result,) in pool.map(finish, requests)]

    def _until(self, connection: Connection, requests: Sequence[BuildRequest]) -> int:
        """Return the position up to which the log is folded at first: that of the rows in use, to compare them."""
        head = self._reader.head(connection)
        if requests[0].purpose == BuildPurpose.AS_OF:
            return min(requests[0].position, head)
        in_use = [position for it in requests if (position := self._in_use(connection, it)) is not None]
        return min([head, *(position for position in in_use if head - position <= COMPARABLE_EVENTS)])

    def _in_use(self, connection: Connection, request: BuildRequest) -> int | None:
        """Return the position of the rows in use, None where there are none of this log."""
        row = connection.execute(IN_USE, (request.projection, request.version)).fetchone()
        exists = ReadTable(self._environment.projection(request).table).exists(connection)
        return int(row[0]) if row is not None and exists else None

    def _finish(self, request: BuildRequest, filled: Filled, until: int, began: float) -> list[Result]:
        """Complete, compare and put in use the rows of a build whose table is filled and indexed."""
        with closing(self._environment.connect()) as connection:
            table = self._environment.table(request)
            target = Target(self._environment.projection(request), table, oid=filled.oids[table.name])
            target.refresh(connection)
            self._fold_long(connection, target, filled.plan, until)
            if request.purpose == BuildPurpose.AS_OF:
                close_to_readers(connection, table.name)
                proof = prove(connection, self._definitions, target, until, None)
                outcome = f"as of position {until:,} in read.{table.name}: {proof.rows:,} rows, {_took(began)}"
                result = _proven(connection, request, proof, until, outcome)
            else:
                result = self._compare(connection, request, target, until, began)
                self._environment.check_wanted(connection, request)
                if request.purpose != BuildPurpose.VERIFICATION:
                    return [self._take_over(connection, request, target, result)]
                self._environment.drop_leftovers(connection, request)
            builds.end(connection, request, BuildState.DONE, result.outcome)
            return [result]

    def _take_over(self, connection: Connection, request: BuildRequest, target: Target, result: Result) -> Result:
        position = self._advance(connection, request, target, result.position, None)

        def outcome(reached: int) -> str:
            return f"{result.outcome}; in use from position {reached:,}"

        def note(reached: int) -> None:
            builds.end(connection, request, BuildState.DONE, outcome(reached))

        tries = self._environment.takeover_tries
        position = take_over(connection, self._definitions, target, position, note, max_tries=tries)
        return replace(result, outcome=outcome(position), position=position)

    def _undo(self, connection: Connection, request: BuildRequest) -> list[Result]:
        """Bring the rows from before the last takeover to the present, and put them in use again."""
        result = Result(projection=request.projection, state=BuildState.DONE, outcome="undone")
        row = connection.execute(PREVIOUS, (request.projection, request.version)).fetchone()
        if row is None:
            result = replace(result, state=BuildState.FAILED, outcome=NOTHING_BEFORE)
            builds.end(connection, request, result.state, result.outcome)
            return [result]
        builds.enter(connection, [request], BuildState.CATCHING_UP, row[0])
        projection = self._environment.projection(request)
        table = ReadTable(projection.table, BEFORE)
        target = Target(projection, table, oid=table.oid(connection))
        target.refresh(connection)
        return [self._take_over(connection, request, target, replace(result, position=row[0]))]

    def _fold_long(self, connection: Connection, target: Target, planned: FoldPlan, until: int) -> None:
        """Fold the streams that were too long, batch by batch. Those of projections that count were counted."""
        if target.counts:
            return
        names = set(self._definitions.names(target.projection))
        for stream in planned.long_streams:
            after = 0
            while rows := self._reader.rows_of_stream(
                connection,
                stream.first,
                after=after,
                until=until,
                limit=self._definitions.limits.batch_events,
                further=self._definitions.further,
            ):
                after = rows[-1][VERSION]
                self._environment.check_stopped()
                with connection.transaction():
                    target.hold(connection)
                    fold(connection, self._definitions, [target], [row for row in rows if row[NAME] in names])

    def _advance(
        self, connection: Connection, request: BuildRequest, target: Target, position: int, until: int | None
    ) -> int:
        """Bring rows to a position, or to the present head; return their position."""
        head = self._reader.head(connection) if until is None else until
        builds.enter(connection, [request], BuildState.CATCHING_UP, position)
        while position < head:
            self._environment.check_wanted(connection, request)
            step = min(position + CATCH_UP_BATCHES * self._definitions.limits.batch_events, head)
            with connection.transaction():
                catch_up(connection, self._definitions, target, position, step)
                if request.purpose == BuildPurpose.UNDO:  # these rows stay if the undo fails
                    brought = connection.execute(BROUGHT_TO, (step, request.projection, request.version, position))
                    if not brought.rowcount:
                        raise OtherTablesError
            position = step
        return position

    def _compare(
        self, connection: Connection, request: BuildRequest, target: Target, position: int, began: float
    ) -> Result:
        """Digest both sets of rows at one position. A snapshot, not a lock, keeps the rows in use as they are."""
        with closing(self._environment.connect()) as snapshot:
            snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
            snapshot.autocommit = False
            in_use = self._in_use(snapshot, request)
            comparable = in_use is not None and in_use >= position
            if comparable:
                position = self._advance(connection, request, target, position, in_use)
            builds.enter(connection, [request], BuildState.COMPARING, position)
            proof = prove(connection, self._definitions, target, position, snapshot if comparable else None)
            snapshot.rollback()
        finding = proof.finding
        if in_use is not None and not comparable:
            finding = f"not compared, as the rows in use are at position {in_use:,} only"
        outcome = f"{finding}, sha256 {proof.sha256}, {proof.rows:,} rows, {position:,} events, {_took(began)}"
        return _proven(connection, request, proof, position, outcome)


def _proven(connection: Connection, request: BuildRequest, proof: Proof, position: int, outcome: str) -> Result:
    """Record the proof of a build, and return its result."""
    connection.execute(builds.PROVEN, (proof.equal, proof.rows, proof.sha256, position, request.build_id))
    return Result(
        projection=request.projection,
        state=BuildState.DONE,
        outcome=outcome,
        position=position,
        rows=proof.rows,
        sha256=proof.sha256,
        equal=proof.equal,
    )


def _took(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return f"two streams have the same row of {error.diag.table_name}"
    return summary(error)
