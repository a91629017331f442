"""Makes rows beside the ones in use: in parallel and without indexes first, then caught up, compared, and put in use.

Nothing of it is seen by readers before the takeover. A build that is cancelled or dies at any moment leaves tables that
the next one drops; the rows in use stay as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg import IsolationLevel

from infrastructure.arrays import teach
from infrastructure.event_log.finding import MissingEventsError
from infrastructure.event_log.reading import NAME, VERSION, LogReader
from infrastructure.projector import builds
from infrastructure.projector.builds import Asked
from infrastructure.projector.comparing import prove
from infrastructure.projector.counting import count
from infrastructure.projector.definitions import Definitions
from infrastructure.projector.difference import RowsMovedError
from infrastructure.projector.digest import digest
from infrastructure.projector.fillers import FillingFailedError, Task, fill
from infrastructure.projector.filling import SUMS, Plan, plan
from infrastructure.projector.folding import described
from infrastructure.projector.live import BATCH_EVENTS
from infrastructure.projector.tables import OtherTablesError, ReadTable
from infrastructure.projector.takeover import BEFORE, PARKED_DROP, ReadersHoldError, take_over
from infrastructure.projector.target import MISFITS, Target, catch_up, fold
from projections.effects import Projection
from projections.progress import BuildPurpose, BuildState

BUILD = "_build"
"""Behind the name of rows that are being made."""

COMPARABLE_EVENTS = 200_000
"""Rows in use that are further behind the log than this are not waited for to be compared."""

REPORT_S = 0.5

BROUGHT_TO = "UPDATE read.previous SET position = %s WHERE projection = %s AND version = %s AND position = %s"

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]
"""Called with how many events were folded, and of how many."""


SENTENCES = (FillingFailedError, MissingEventsError, OtherTablesError, ReadersHoldError, RowsMovedError)
"""What ends a build and says in a sentence why, without values."""


class CancelledError(RuntimeError):
    """Somebody wants the rows no more."""


class StoppedError(RuntimeError):
    """The process is to end. The build stays open, and is begun again by the next worker."""


class BusyError(RuntimeError):
    """Rows of this read model are being made already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a build: `outcome` is a sentence."""

    projection: str
    state: BuildState
    outcome: str
    position: int = 0
    rows: int = 0
    sha256: str = ""
    equal: bool | None = None


@dataclass(slots=True)
class Builder:
    """Makes rows of several projections at once, reading the log once for all of them.

    `url` is that of a login with the rights of the projector. With `workers` processes beside this one.
    """

    url: str
    definitions: Definitions
    workers: int = field(default_factory=lambda: max(os.cpu_count() or 1, 1))
    progress: Progress = lambda _done, _total: None
    stopped: Callable[[], bool] = lambda: False
    _made: dict[str, int] = field(init=False, default_factory=dict)
    """Which tables were made, by name: another build that comes in between makes others."""

    def run(self, asked: Sequence[Asked]) -> Sequence[Result]:
        """Carry out builds whose lock the caller holds; all for the present, or all for one past position."""
        with closing(self._connect()) as connection:
            began = time.monotonic()
            wanted = [build for build in asked if builds.is_wanted(connection, build)]
            undo = [build for build in wanted if build.purpose == BuildPurpose.UNDO]
            made = [build for build in wanted if build.purpose != BuildPurpose.UNDO]
            results = [self._guarded([build], _cancelled) for build in asked if build not in wanted]
            results += [self._guarded([build], partial(self._undo, connection, build)) for build in undo]
            if made:
                results.append(self._guarded(made, partial(self._make, connection, made, began)))
            return [result for some in results for result in some]

    # --- The whole of it --------------------------------------------------------------------------------------------

    def _guarded(self, asked: Sequence[Asked], make: Callable[[], Sequence[Result]]) -> Sequence[Result]:
        """Note what became of builds that did not come to their end, and leave nothing of them."""
        try:
            return make()
        except (CancelledError, KeyboardInterrupt) as error:
            state, outcome = BuildState.CANCELLED, "cancelled; the rows in use stayed"
            interrupt = error if isinstance(error, KeyboardInterrupt) else None
        except (psycopg.Error, *SENTENCES, *MISFITS) as error:
            state, outcome, interrupt = BuildState.FAILED, f"failed: {_reason(error)}; the rows in use stayed", None
        with closing(self._connect()) as connection:
            for build in asked:
                self._drop_leftovers(connection, build)
                builds.end(connection, build, state, outcome)
        if interrupt is not None:
            raise interrupt
        return [Result(projection=build.projection, state=state, outcome=outcome) for build in asked]

    def _make(self, connection: Connection, asked: Sequence[Asked], began: float) -> Sequence[Result]:
        for build in asked:
            self._drop_leftovers(connection, build)
        until = self._until(connection, asked)
        builds.enter(connection, asked, BuildState.FILLING, until)
        planned = self._fill(connection, asked, until)
        builds.enter(connection, asked, BuildState.INDEXING, until)
        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(self._index, asked))
            finish = self._finish_past if asked[0].purpose == BuildPurpose.AS_OF else self._finish
            return list(pool.map(partial(finish, planned=planned, until=until, began=began), asked))

    def _until(self, connection: Connection, asked: Sequence[Asked]) -> int:
        """Return up to where the log is folded at first: where the rows in use are, to be compared with them there."""
        head = LogReader(self.definitions.codec).head(connection)
        if asked[0].purpose == BuildPurpose.AS_OF:
            return min(asked[0].position, head)
        in_use = [it for build in asked if (it := self._in_use(connection, build)) is not None]
        return min([head, *(it for it in in_use if head - it <= COMPARABLE_EVENTS)])

    def _in_use(self, connection: Connection, build: Asked) -> int | None:
        row = connection.execute(
            "SELECT position FROM read.checkpoint WHERE projection = %s AND version = %s",
            (build.projection, build.version),
        ).fetchone()
        if row is None or not ReadTable(self._projection(build).table).exists(connection):
            return None
        return int(row[0])

    # --- Filling ----------------------------------------------------------------------------------------------------

    def _fill(self, connection: Connection, asked: Sequence[Asked], until: int) -> Plan:
        projections = [self._projection(build) for build in asked]
        counted = [it for it in projections if it.tallied]
        folded = [it for it in projections if not it.tallied]
        suffix = self._suffix(asked[0])
        for projection in projections:
            table = ReadTable(projection.table, suffix)
            table.create_bare(connection)
            if table.summable and projection in folded:
                table.beside(suffix + SUMS).create_bare(connection)
        self._made.update(self._oids(connection, projections, suffix))
        planned = plan(connection, self.definitions, folded, until) if folded else Plan(chunks=(), long_streams=())
        total = planned.events or until
        report = self._reporting(connection, asked, total)
        report(0)
        for projection in counted:
            parts = ReadTable(projection.table, suffix + SUMS)
            count(connection, self.definitions, projection, parts, until=until, workers=self.workers)
        if folded:
            task = Task(
                url=self.url,
                definitions=self.definitions.reference,
                names=[it.name for it in folded],
                oids=self._oids(connection, folded, suffix, suffix + SUMS),
                suffix=suffix,
                until=until,
                long_streams=[chunk.first for chunk in planned.long_streams],
            )
            fill(task, self.definitions, planned.chunks, self.workers, report)
        for projection in projections:
            table = ReadTable(projection.table, suffix)
            if table.summable:
                self._add_up(connection, table)
        return planned

    def _oids(self, connection: Connection, projections: Sequence[Projection], *suffixes: str) -> Mapping[str, int]:
        """Return by name which tables there are to be filled."""
        tables = [ReadTable(it.table, suffix) for it in projections for suffix in suffixes]
        return {table.name: oid for table in tables if (oid := table.oid(connection)) is not None}

    def _add_up(self, connection: Connection, table: ReadTable) -> None:
        parts = table.beside(table.suffix + SUMS)
        with connection.transaction():
            table.add_up(connection, parts)
            parts.drop(connection)

    def _reporting(self, connection: Connection, asked: Sequence[Asked], total: int) -> Callable[[int], None]:
        done, reported = 0, 0.0

        def report(events: int) -> None:
            nonlocal done, reported
            done += events
            self.progress(done, total)
            self._check_stopped()
            if time.monotonic() - reported > REPORT_S:
                reported = time.monotonic()
                if builds.report(connection, asked, done, total):
                    raise CancelledError

        return report

    def _index(self, build: Asked) -> None:
        with closing(self._connect()) as connection:
            connection.execute("SET maintenance_work_mem = '256MB'")
            ReadTable(self._projection(build).table, self._suffix(build)).add_indexes(connection)

    # --- To the present ---------------------------------------------------------------------------------------------

    def _finish_past(self, build: Asked, planned: Plan, until: int, began: float) -> Result:
        with closing(self._connect()) as connection:
            target = self._target(connection, build)
            self._fold_long(connection, target, planned, until)
            found = digest(connection, target.table)
            outcome = f"as of position {until:,} in read.{target.table.name}: {found.rows:,} rows, {_took(began)}"
            connection.execute(builds.PROVEN, (None, found.rows, found.sha256, until, build.build_id))
            builds.end(connection, build, BuildState.DONE, outcome)
        return Result(
            projection=build.projection,
            state=BuildState.DONE,
            outcome=outcome,
            position=until,
            rows=found.rows,
            sha256=found.sha256,
        )

    def _finish(self, build: Asked, planned: Plan, until: int, began: float) -> Result:
        return self._guarded([build], partial(self._to_the_present, build, planned, until, began))[0]

    def _to_the_present(self, build: Asked, planned: Plan, until: int, began: float) -> Sequence[Result]:
        with closing(self._connect()) as connection:
            target = self._target(connection, build)
            self._fold_long(connection, target, planned, until)
            compared = self._compare(connection, build, target, until, began)
            self._check_wanted(connection, build)
            if build.purpose == BuildPurpose.VERIFICATION:
                self._drop_leftovers(connection, build)
                builds.end(connection, build, BuildState.DONE, compared.outcome)
                return [compared]
            return [self._take_over(connection, build, target, compared)]

    def _take_over(self, connection: Connection, build: Asked, target: Target, compared: Result) -> Result:
        position = self._advance(connection, build, target, compared.position, None)
        outcome = compared.outcome

        def note(reached: int) -> None:
            nonlocal position
            position = reached
            builds.end(connection, build, BuildState.DONE, f"{outcome}; in use from position {reached:,}")

        take_over(connection, self.definitions, target, position, note)
        return Result(
            projection=build.projection,
            state=BuildState.DONE,
            outcome=f"{outcome}; in use from position {position:,}",
            position=position,
            rows=compared.rows,
            sha256=compared.sha256,
            equal=compared.equal,
        )

    def _undo(self, connection: Connection, build: Asked) -> Sequence[Result]:
        """Bring the rows of before the last takeover to the present, and put them in use again."""
        projection = self._projection(build)
        row = connection.execute(
            "SELECT position FROM read.previous WHERE projection = %s AND version = %s",
            (projection.name, projection.version),
        ).fetchone()
        if row is None:
            outcome = "there are no rows of before to go back to"
            builds.end(connection, build, BuildState.FAILED, outcome)
            return [Result(projection=build.projection, state=BuildState.FAILED, outcome=outcome)]
        builds.enter(connection, [build], BuildState.CATCHING_UP, row[0])
        table = ReadTable(projection.table, BEFORE)
        target = Target(projection, table, oid=table.oid(connection))
        target.refresh(connection)
        began = Result(projection=build.projection, state=BuildState.DONE, outcome="undone", position=row[0])
        return [self._take_over(connection, build, target, began)]

    def _fold_long(self, connection: Connection, target: Target, planned: Plan, until: int) -> None:
        """Fold the streams that were too long, batch by batch. What was counted was counted with them."""
        if target.counts:
            return
        reader, names = LogReader(self.definitions.codec), set(self.definitions.names(target.projection))
        for stream in planned.long_streams:
            after = 0
            while rows := reader.rows_of_stream(connection, stream.first, after=after, until=until, limit=BATCH_EVENTS):
                after = rows[-1][VERSION]
                wanted = [row for row in rows if row[NAME] in names]
                self._check_stopped()
                with connection.transaction():
                    target.hold(connection)
                    fold(connection, self.definitions, [target], wanted)

    def _advance(self, connection: Connection, build: Asked, target: Target, position: int, until: int | None) -> int:
        """Bring rows to a position, or to the head as far as it is now; return where they are."""
        head = LogReader(self.definitions.codec).head(connection) if until is None else until
        builds.enter(connection, [build], BuildState.CATCHING_UP, position)
        while position < head:
            self._check_wanted(connection, build)
            step = min(position + 10 * BATCH_EVENTS, head)
            with connection.transaction():
                catch_up(connection, self.definitions, target, position, step)
                if build.purpose == BuildPurpose.UNDO:  # these rows stay, whatever becomes of the undo
                    brought = connection.execute(BROUGHT_TO, (step, build.projection, build.version, position))
                    if not brought.rowcount:
                        raise OtherTablesError
            position = step
        return position

    # --- Comparing --------------------------------------------------------------------------------------------------

    def _compare(self, connection: Connection, build: Asked, target: Target, position: int, began: float) -> Result:
        """Digest both sets of rows at one position. Those in use are held still by a snapshot, not by a lock."""
        with closing(self._connect()) as snapshot:
            snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
            snapshot.autocommit = False
            in_use = self._in_use(snapshot, build)
            comparable = in_use is not None and in_use >= position
            if comparable:
                position = self._advance(connection, build, target, position, in_use)
            builds.enter(connection, [build], BuildState.COMPARING, position)
            proof = prove(connection, self.definitions, target, position, snapshot if comparable else None)
            snapshot.rollback()
        finding = proof.finding
        if in_use is not None and not comparable:
            finding = f"not compared, as the rows in use are at position {in_use:,} only"
        connection.execute(builds.PROVEN, (proof.equal, proof.rows, proof.sha256, position, build.build_id))
        return Result(
            projection=build.projection,
            state=BuildState.DONE,
            outcome=f"{finding}, sha256 {proof.sha256}, {proof.rows:,} rows, {position:,} events, {_took(began)}",
            position=position,
            rows=proof.rows,
            sha256=proof.sha256,
            equal=proof.equal,
        )

    # --- Helpers ----------------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        connection = psycopg.connect(self.url, autocommit=True)
        teach(connection)
        return connection

    def _projection(self, build: Asked) -> Projection:
        return self.definitions.projections[build.projection]

    def _suffix(self, build: Asked) -> str:
        return f"_at_{build.position}" if build.purpose == BuildPurpose.AS_OF else BUILD

    def _target(self, connection: Connection, build: Asked) -> Target:
        projection = self._projection(build)
        table = ReadTable(projection.table, self._suffix(build))
        target = Target(projection, table, oid=self._made[table.name])
        target.refresh(connection)
        return target

    def _drop_leftovers(self, connection: Connection, build: Asked) -> None:
        if build.purpose == BuildPurpose.UNDO:
            return
        table = ReadTable(self._projection(build).table, self._suffix(build))
        with connection.transaction():
            table.drop(connection)
            table.beside(table.suffix + SUMS).drop(connection)
            connection.execute(PARKED_DROP, (table.name,))

    def _check_stopped(self) -> None:
        if self.stopped():
            raise StoppedError

    def _check_wanted(self, connection: Connection, build: Asked) -> None:
        self._check_stopped()
        if not builds.is_wanted(connection, build):
            raise CancelledError


def _cancelled() -> Sequence[Result]:
    raise CancelledError


def _took(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _reason(error: Exception) -> str:
    if isinstance(error, SENTENCES):
        return str(error)
    if isinstance(error, psycopg.errors.UniqueViolation):
        return f"two streams have the same row of {error.diag.table_name}"
    return f"{type(error).__name__} ({error.diag.sqlstate})" if isinstance(error, psycopg.Error) else described(error)
