"""Puts rows that were built beside the rows in use in their place, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from psycopg import Connection

from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.parking import skipped_streams
from infrastructure.projector.rows.tables import ReadTable, drop_table
from infrastructure.projector.rows.target import Target, catch_up, retry

BEFORE = "_before"
"""Behind the name of the rows that were in use before the last takeover."""

SWAP = "_swap"

LOCK_WAITS_MS = (50, 100, 200)
"""How long to wait for readers, try after try: meanwhile other readers and live updates wait behind the takeover."""

MAX_TRIES = 300
PAUSE_S = 0.5


LOCKED = """
SELECT position, log_id = log.id() AND position <= log.head() FROM read.checkpoint
WHERE projection = %s AND version = %s FOR UPDATE
"""
TAKEN_OVER = """
UPDATE read.checkpoint
SET position = %s, generation = generation + 1, applied_at = clock_timestamp(), error = '', failed_at = NULL,
    log_id = log.id()
WHERE projection = %s AND version = %s
"""
BEGUN = """
INSERT INTO read.checkpoint (projection, version, position, act_position, generation) VALUES (%s, %s, %s, log.head(), 1)
"""
KEPT = """
INSERT INTO read.previous (projection, version, position) VALUES (%s, %s, %s)
ON CONFLICT (projection, version) DO UPDATE SET position = excluded.position, kept_at = clock_timestamp()
"""
FORGET_KEPT = "DELETE FROM read.previous WHERE projection = %s AND version = %s"
OLDER = (
    "SELECT version FROM read.checkpoint WHERE projection = %s AND version < %s AND NOT read.is_taken(1, %s, version)"
)
FORGET = "DELETE FROM read.checkpoint WHERE projection = %s AND version = %s"


class ReadersHoldError(ValueFreeError):
    """Readers hold the rows in use for so long that they cannot be replaced."""


def take_over(
    connection: Connection,
    definitions: Definitions,
    target: Target,
    position: int,
    note: Callable[[int], None],
    *,
    max_tries: int = MAX_TRIES,
) -> int:
    """Put the rows of a target, which stand at a position, in the place of the rows in use; return their position.

    They catch up with the rows in use first. Readers see the old rows or the new ones, never a mix, and wait for a
    moment at most. `note` is called with the position in the same transaction. The old rows are kept.
    """
    for attempt in range(max_tries):
        wait_ms = LOCK_WAITS_MS[min(attempt, len(LOCK_WAITS_MS) - 1)]
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {wait_ms}")
                reached = _take_over(connection, definitions, target, position)
                note(reached)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            target.refresh(connection)
            time.sleep(PAUSE_S)
        else:
            return reached
    raise ReadersHoldError("somebody reads the rows in use all the time")


def _take_over(connection: Connection, definitions: Definitions, target: Target, position: int) -> int:
    projection, in_use = target.projection, target.table.beside("")
    target.hold(connection)
    # Before any session waits: no other session knows the table yet.
    target.table.put_in_use(connection)
    row = connection.execute(LOCKED, (projection.name, projection.version)).fetchone()
    if row is None:
        target.table.rename(connection, in_use)
        connection.execute(BEGUN, (projection.name, projection.version, position))
        return position
    position_in_use, is_of_this_log = row
    if is_of_this_log and position_in_use > position:
        catch_up(connection, definitions, target, position, position_in_use)
        position = position_in_use
    # Events may have been skipped since they were parked in these rows.
    retry(connection, definitions, target, skipped_streams(connection, projection, target.table))
    if is_of_this_log and in_use.exists(connection):
        _swap(connection, target.table, in_use)
        connection.execute(KEPT, (projection.name, projection.version, position_in_use))
    else:  # an administrator dropped the rows in use, or they are of another log: none are kept
        in_use.drop(connection)
        target.table.rename(connection, in_use)
        if target.table.suffix == BEFORE:
            connection.execute(FORGET_KEPT, (projection.name, projection.version))
    connection.execute(TAKEN_OVER, (position, projection.name, projection.version))
    return position


def _swap(connection: Connection, table: ReadTable, in_use: ReadTable) -> None:
    """Put a table in the place of the table in use, which is kept in the place of the one kept so far."""
    before, aside = in_use.beside(BEFORE), in_use.beside(SWAP)
    # The table in use is locked last: after that nothing is waited for.
    for each in (table, before, in_use):
        each.lock(connection)
    in_use.rename(connection, aside)
    table.rename(connection, in_use)
    before.drop(connection)
    aside.rename(connection, before)


def drop_previous(connection: Connection, target: Target) -> None:
    """Drop the rows that were in use before the last takeover, and those of older versions that no worker follows.

    The takeover cannot be undone any more, and an older release would have to build its rows again.
    """
    name, version = target.projection.name, target.projection.version
    with connection.transaction():
        target.table.beside(BEFORE).drop(connection)
        connection.execute(FORGET_KEPT, (name, version))
        for (older,) in connection.execute(OLDER, (name, version, name)).fetchall():
            for suffix in ("", BEFORE):
                drop_table(connection, f"{name}_v{older}{suffix}")
            connection.execute(FORGET, (name, older))
            connection.execute(FORGET_KEPT, (name, older))
