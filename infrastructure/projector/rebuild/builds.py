"""The list of builds of rows beside those in use: requested, running and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection, sql
from psycopg.rows import class_row

from projections.progress import BuildPurpose, BuildState
from projections.read_model import ReadModel

BUILDS = 2
"""The kind of the lock for builds, one for each projection."""

MAX_KEPT = 100
"""How many builds of a projection are listed."""


_OPEN = sql.SQL("state NOT IN ('done', 'cancelled', 'failed')")

ASK = """
INSERT INTO read.build (projection, version, purpose, by_worker, act_position, asked_by, why, position)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING build_id
"""
PRUNE = sql.SQL("""
DELETE FROM read.build WHERE projection = %s AND NOT ({open}) AND build_id <= (
    SELECT build_id FROM read.build WHERE projection = %s ORDER BY build_id DESC OFFSET {kept} LIMIT 1
)
""").format(open=_OPEN, kept=sql.Literal(MAX_KEPT))
NEXT = sql.SQL("""
SELECT build_id, projection, version, purpose, position FROM read.build
WHERE by_worker AND {open} ORDER BY build_id
""").format(open=_OPEN)
IS_OPEN = sql.SQL("SELECT {} FROM read.build WHERE build_id = %s").format(_OPEN)
IS_WANTED = sql.SQL("SELECT {} AND NOT cancel_asked FROM read.build WHERE build_id = %s").format(_OPEN)
STATE = """
UPDATE read.build SET state = %s, position = %s,
    started_at = CASE WHEN %s = 'filling' THEN clock_timestamp() ELSE coalesce(started_at, clock_timestamp()) END
WHERE build_id = ANY(%s)
"""
PROGRESS = """
UPDATE read.build SET events_done = %s, events_total = %s WHERE build_id = ANY(%s) RETURNING cancel_asked
"""
PROVEN = "UPDATE read.build SET equal = %s, rows = %s, sha256 = %s, position = %s WHERE build_id = %s"
END = """
UPDATE read.build SET state = %s, outcome = %s, ended_at = clock_timestamp(),
    started_at = coalesce(started_at, clock_timestamp()),
    events_done = CASE WHEN %s = 'done' THEN events_total ELSE events_done END
WHERE build_id = %s
"""
CANCEL = sql.SQL("""
UPDATE read.build SET cancel_asked = true,
    state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
    outcome = CASE WHEN state = 'waiting' THEN 'cancelled before it began' ELSE outcome END,
    ended_at = CASE WHEN state = 'waiting' THEN clock_timestamp() ELSE ended_at END
WHERE projection = %s AND {open}
""").format(open=_OPEN)
# A build that was running and whose lock is free has lost its process. A worker begins its own builds again.
ABANDONED = sql.SQL("""
UPDATE read.build SET state = CASE WHEN cancel_asked THEN 'cancelled' ELSE 'failed' END,
    outcome = 'interrupted', ended_at = clock_timestamp()
WHERE projection = %s AND version = %s AND {open} AND (cancel_asked OR NOT by_worker)
""").format(open=_OPEN)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A build that was requested. `position` is the past position of an as-of build, 0 for the present."""

    build_id: int
    projection: str
    version: int
    purpose: str
    position: int


def ask(
    connection: Connection,
    projection: ReadModel,
    purpose: BuildPurpose,
    *,
    by_worker: bool,
    position: int = 0,
    act_position: int = 0,
    asked_by: str = "",
    why: str = "",
) -> BuildRequest:
    """Record the request of a build, and remove the oldest builds that ended."""
    connection.execute(PRUNE, (projection.name, projection.name))
    given = (projection.name, projection.version, purpose, by_worker, act_position, asked_by, why, position)
    row = connection.execute(ASK, given).fetchone()
    assert row is not None
    return BuildRequest(row[0], projection.name, projection.version, purpose, position)


def waiting(connection: Connection) -> Sequence[BuildRequest]:
    """Return the open builds of workers: requested, cancelled, or left by a worker that is gone."""
    with connection.cursor(row_factory=class_row(BuildRequest)) as cursor:
        return cursor.execute(NEXT).fetchall()


def is_open(connection: Connection, asked: BuildRequest) -> bool:
    """Return whether a build has not ended yet."""
    return connection.execute(IS_OPEN, (asked.build_id,)).fetchone() == (True,)


def is_wanted(connection: Connection, asked: BuildRequest) -> bool:
    """Return whether a build has neither ended nor been cancelled."""
    return connection.execute(IS_WANTED, (asked.build_id,)).fetchone() == (True,)


def cancel(connection: Connection, projection: ReadModel) -> None:
    """Cancel the builds of a projection: a running build stops at its next check."""
    connection.execute(CANCEL, (projection.name,))


def take(connection: Connection, projection: ReadModel) -> bool:
    """Take the lock for builds of a projection, for as long as the connection lives; return whether it was free."""
    query = "SELECT read.take(%s, %s, %s)"
    return connection.execute(query, (BUILDS, projection.name, projection.version)).fetchone() == (True,)


def give_back(connection: Connection, projection: ReadModel) -> None:
    connection.execute("SELECT read.give_back(%s, %s, %s)", (BUILDS, projection.name, projection.version))


def abandon(connection: Connection, projection: ReadModel) -> None:
    """End the builds that lost their process, under the lock."""
    connection.execute(ABANDONED, (projection.name, projection.version))


def enter(connection: Connection, builds: Sequence[BuildRequest], state: BuildState, position: int) -> None:
    connection.execute(STATE, (state, position, state, [build.build_id for build in builds]))


def report(connection: Connection, builds: Sequence[BuildRequest], done: int, total: int) -> bool:
    """Record the progress of the filling; return whether all builds were cancelled."""
    rows = connection.execute(PROGRESS, (done, total, [build.build_id for build in builds])).fetchall()
    return all(asked for (asked,) in rows)


def end(connection: Connection, build: BuildRequest, state: BuildState, outcome: str) -> None:
    connection.execute(END, (state, outcome, state, build.build_id))
