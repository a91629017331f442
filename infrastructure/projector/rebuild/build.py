"""Makes rows beside the ones in use: in parallel and without indexes first, then caught up, compared, and put in use.

Nothing of it is seen by readers before the takeover. A build that is cancelled or dies at any moment leaves tables that
the next one drops; the rows in use stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg import Connection, IsolationLevel

from infrastructure.event_log.log_reader import NAME, VERSION, LogReader
from infrastructure.postgres.failures import ValueFreeError, summary
from infrastructure.projector.proof.comparing import prove
from infrastructure.projector.proof.digest import digest
from infrastructure.projector.rebuild import builds
from infrastructure.projector.rebuild.build_environment import CancelledError, Site
from infrastructure.projector.rebuild.builds import Asked
from infrastructure.projector.rebuild.load import Filled, fill_tables, index
from infrastructure.projector.rebuild.stream_fold import FoldPlan
from infrastructure.projector.rebuild.switch_over import BEFORE, take_over
from infrastructure.projector.rows.row_security import close_to_readers
from infrastructure.projector.rows.tables import OtherTablesError, ReadTable
from infrastructure.projector.rows.target import MISFITS, Target, catch_up, fold
from projections.progress import BuildPurpose, BuildState

COMPARABLE_EVENTS = 200_000
"""Rows in use that are further behind the log than this are not waited for to be compared."""

BROUGHT_TO = "UPDATE read.previous SET position = %s WHERE projection = %s AND version = %s AND position = %s"


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


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes rows of several projections at once, reading the log once for all of them."""

    site: Site

    def run(self, asked: Sequence[Asked]) -> Sequence[Result]:
        """Carry out builds whose lock the caller holds; all for the present, or all for one past position."""
        with closing(self.site.connect()) as connection:
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
        except (psycopg.Error, ValueFreeError, *MISFITS) as error:
            state, outcome, interrupt = BuildState.FAILED, f"failed: {_reason(error)}; the rows in use stayed", None
        with closing(self.site.connect()) as connection:
            for build in asked:
                self.site.drop_leftovers(connection, build)
                builds.end(connection, build, state, outcome)
        if interrupt is not None:
            raise interrupt
        return [Result(projection=build.projection, state=state, outcome=outcome) for build in asked]

    def _make(self, connection: Connection, asked: Sequence[Asked], began: float) -> Sequence[Result]:
        for build in asked:
            self.site.drop_leftovers(connection, build)
        until = self._until(connection, asked)
        builds.enter(connection, asked, BuildState.FILLING, until)
        filled = fill_tables(self.site, connection, asked, until)
        builds.enter(connection, asked, BuildState.INDEXING, until)
        with ThreadPoolExecutor(self.site.at_once) as pool:
            list(pool.map(partial(index, self.site), asked))
            finish = self._finish_past if asked[0].purpose == BuildPurpose.AS_OF else self._finish
            return list(pool.map(partial(finish, filled=filled, until=until, began=began), asked))

    def _until(self, connection: Connection, asked: Sequence[Asked]) -> int:
        """Return up to where the log is folded at first: where the rows in use are, to be compared with them there."""
        head = LogReader(self.site.definitions.codec).head(connection)
        if asked[0].purpose == BuildPurpose.AS_OF:
            return min(asked[0].position, head)
        in_use = [it for build in asked if (it := self._in_use(connection, build)) is not None]
        return min([head, *(it for it in in_use if head - it <= COMPARABLE_EVENTS)])

    def _in_use(self, connection: Connection, build: Asked) -> int | None:
        row = connection.execute(
            "SELECT position FROM read.checkpoint WHERE projection = %s AND version = %s",
            (build.projection, build.version),
        ).fetchone()
        if row is None or not ReadTable(self.site.projection(build).table).exists(connection):
            return None
        return int(row[0])

    # --- To the present ---------------------------------------------------------------------------------------------

    def _finish_past(self, build: Asked, filled: Filled, until: int, began: float) -> Result:
        with closing(self.site.connect()) as connection:
            target = self._target(connection, build, filled)
            self._fold_long(connection, target, filled.plan, until)
            close_to_readers(connection, target.table.name)
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

    def _finish(self, build: Asked, filled: Filled, until: int, began: float) -> Result:
        return self._guarded([build], partial(self._to_the_present, build, filled, until, began))[0]

    def _to_the_present(self, build: Asked, filled: Filled, until: int, began: float) -> Sequence[Result]:
        with closing(self.site.connect()) as connection:
            target = self._target(connection, build, filled)
            self._fold_long(connection, target, filled.plan, until)
            compared = self._compare(connection, build, target, until, began)
            self.site.check_wanted(connection, build)
            if build.purpose == BuildPurpose.VERIFICATION:
                self.site.drop_leftovers(connection, build)
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

        take_over(connection, self.site.definitions, target, position, note)
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
        projection = self.site.projection(build)
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

    def _fold_long(self, connection: Connection, target: Target, planned: FoldPlan, until: int) -> None:
        """Fold the streams that were too long, batch by batch. What was counted was counted with them."""
        if target.counts:
            return
        further = self.site.definitions.further
        reader, names = LogReader(self.site.definitions.codec), set(self.site.definitions.names(target.projection))
        limit = self.site.definitions.limits.batch_events
        for stream in planned.long_streams:
            after = 0
            while rows := reader.rows_of_stream(
                connection,
                stream.first,
                after=after,
                until=until,
                limit=limit,
                further=further,
            ):
                after = rows[-1][VERSION]
                wanted = [row for row in rows if row[NAME] in names]
                self.site.check_stopped()
                with connection.transaction():
                    target.hold(connection)
                    fold(connection, self.site.definitions, [target], wanted)

    def _advance(self, connection: Connection, build: Asked, target: Target, position: int, until: int | None) -> int:
        """Bring rows to a position, or to the head as far as it is now; return where they are."""
        head = LogReader(self.site.definitions.codec).head(connection) if until is None else until
        builds.enter(connection, [build], BuildState.CATCHING_UP, position)
        while position < head:
            self.site.check_wanted(connection, build)
            step = min(position + 10 * self.site.definitions.limits.batch_events, head)
            with connection.transaction():
                catch_up(connection, self.site.definitions, target, position, step)
                if build.purpose == BuildPurpose.UNDO:  # these rows stay, whatever becomes of the undo
                    brought = connection.execute(BROUGHT_TO, (step, build.projection, build.version, position))
                    if not brought.rowcount:
                        raise OtherTablesError
            position = step
        return position

    # --- Comparing --------------------------------------------------------------------------------------------------

    def _compare(self, connection: Connection, build: Asked, target: Target, position: int, began: float) -> Result:
        """Digest both sets of rows at one position. Those in use are held still by a snapshot, not by a lock."""
        with closing(self.site.connect()) as snapshot:
            snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
            snapshot.autocommit = False
            in_use = self._in_use(snapshot, build)
            comparable = in_use is not None and in_use >= position
            if comparable:
                position = self._advance(connection, build, target, position, in_use)
            builds.enter(connection, [build], BuildState.COMPARING, position)
            proof = prove(connection, self.site.definitions, target, position, snapshot if comparable else None)
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

    def _target(self, connection: Connection, build: Asked, filled: Filled) -> Target:
        table = self.site.table(build)
        target = Target(self.site.projection(build), table, oid=filled.oids[table.name])
        target.refresh(connection)
        return target


def _cancelled() -> Sequence[Result]:
    raise CancelledError


def _took(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return f"two streams have the same row of {error.diag.table_name}"
    return summary(error)
