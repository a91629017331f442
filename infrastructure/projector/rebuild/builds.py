"""The list of builds: what is to be made beside the rows in use, what is being made, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import class_row

from projections.progress import BuildPurpose, BuildState
from projections.read_model import ReadModel

BUILDS = 2
"""The kind of lock that is held for each projection of which rows are made."""

MOST_KEPT = 100
"""How many builds of a projection are remembered."""


_OPEN = "state NOT IN ('done', 'cancelled', 'failed')"

ASK = """
INSERT INTO read.build (projection, version, purpose, by_worker, act_position, asked_by, why, position)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING build_id
"""
PRUNE = f"""
DELETE FROM read.build WHERE projection = %s AND NOT ({_OPEN}) AND build_id <= (
    SELECT build_id FROM read.build WHERE projection = %s ORDER BY build_id DESC OFFSET {MOST_KEPT} LIMIT 1
)
"""  # noqa: S608 - our own text
NEXT = f"""
SELECT build_id, projection, version, purpose, position FROM read.build
WHERE by_worker AND {_OPEN} ORDER BY build_id
"""  # noqa: S608 - our own text
IS_OPEN = f"SELECT {_OPEN} FROM read.build WHERE build_id = %s"  # noqa: S608 - our own text
IS_WANTED = f"SELECT {_OPEN} AND NOT cancel_asked FROM read.build WHERE build_id = %s"  # noqa: S608 - our own text
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
CANCEL = f"""
UPDATE read.build SET cancel_asked = true,
    state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
    outcome = CASE WHEN state = 'waiting' THEN 'cancelled before it began' ELSE outcome END,
    ended_at = CASE WHEN state = 'waiting' THEN clock_timestamp() ELSE ended_at END
WHERE projection = %s AND {_OPEN}
"""  # noqa: S608 - our own text
# Nobody holds the lock of a build that was under way: its process is gone. What the worker does it does again.
ABANDONED = f"""
UPDATE read.build SET state = CASE WHEN cancel_asked THEN 'cancelled' ELSE 'failed' END,
    outcome = 'interrupted', ended_at = clock_timestamp()
WHERE projection = %s AND version = %s AND {_OPEN} AND (cancel_asked OR NOT by_worker) AND build_id <> ALL(%s)
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Asked:
    """A build that somebody asked for. `position` is that of the rows as they were, 0 for the present."""

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
) -> Asked:
    """Note what is to be made; builds that ended long ago are forgotten."""
    connection.execute(PRUNE.encode(), (projection.name, projection.name))
    given = (projection.name, projection.version, purpose, by_worker, act_position, asked_by, why, position)
    row = connection.execute(ASK, given).fetchone()
    assert row is not None
    return Asked(row[0], projection.name, projection.version, purpose, position)


def waiting(connection: Connection) -> Sequence[Asked]:
    """Return what a worker has to make or to end: also what was begun, or cancelled, under one that is gone."""
    with connection.cursor(row_factory=class_row(Asked)) as cursor:
        return cursor.execute(NEXT.encode()).fetchall()


def is_open(connection: Connection, asked: Asked) -> bool:
    """Return whether a build has not ended yet."""
    return connection.execute(IS_OPEN.encode(), (asked.build_id,)).fetchone() == (True,)


def is_wanted(connection: Connection, asked: Asked) -> bool:
    """Return whether a build is still to be made, or gone on with: neither ended nor cancelled."""
    return connection.execute(IS_WANTED.encode(), (asked.build_id,)).fetchone() == (True,)


def cancel(connection: Connection, projection: ReadModel) -> None:
    """Ask whoever makes rows of a projection to stop; what nobody began is not begun."""
    connection.execute(CANCEL.encode(), (projection.name,))


def take(connection: Connection, projection: ReadModel) -> bool:
    """Take the lock under which rows of a projection are made, for as long as the connection lives."""
    query = "SELECT read.take(%s, %s, %s)"
    return connection.execute(query, (BUILDS, projection.name, projection.version)).fetchone() == (True,)


def give_back(connection: Connection, projection: ReadModel) -> None:
    connection.execute("SELECT read.give_back(%s, %s, %s)", (BUILDS, projection.name, projection.version))


def abandon(connection: Connection, projection: ReadModel, but: Sequence[int]) -> None:
    """End the builds whose process is gone, under the lock."""
    connection.execute(ABANDONED.encode(), (projection.name, projection.version, list(but)))


def enter(connection: Connection, builds: Sequence[Asked], state: BuildState, position: int) -> None:
    connection.execute(STATE, (state, position, state, [build.build_id for build in builds]))


def report(connection: Connection, builds: Sequence[Asked], done: int, total: int) -> bool:
    """Note how far the filling is; return whether all builds were asked to stop."""
    rows = connection.execute(PROGRESS, (done, total, [build.build_id for build in builds])).fetchall()
    return all(asked for (asked,) in rows)


def end(connection: Connection, build: Asked, state: BuildState, outcome: str) -> None:
    connection.execute(END, (state, outcome, state, build.build_id))
