"""Puts rows that were made beside the ones in use in their place, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from psycopg import Connection, sql

from infrastructure.postgres.failures import ValueFreeError
from infrastructure.projector.rows.definitions import Definitions
from infrastructure.projector.rows.parking import skipped_streams
from infrastructure.projector.rows.target import Target, catch_up, retry
from projections.read_model import SCHEMA

BEFORE = "_before"
"""Behind the name of the rows that were in use before the last takeover."""

SWAP = "_swap"

LOCK_WAITS_MS = (50, 100, 200)
"""How long to wait for readers, try after try: while it waits, other readers and live updates wait behind it."""

TRIES = 300
PAUSE_S = 0.5


LOCKED = "SELECT position FROM read.checkpoint WHERE projection = %s AND version = %s FOR UPDATE"
TAKEN_OVER = """
UPDATE read.checkpoint
SET position = %s, generation = generation + 1, applied_at = clock_timestamp(), error = '', failed_at = NULL
WHERE projection = %s AND version = %s
"""
BEGUN = """
INSERT INTO read.checkpoint (projection, version, position, act_position, generation) VALUES (%s, %s, %s, log.head(), 1)
"""
KEPT = """
INSERT INTO read.previous (projection, version, position) VALUES (%s, %s, %s)
ON CONFLICT (projection, version) DO UPDATE SET position = excluded.position, kept_at = clock_timestamp()
"""
PARKED_RENAME = "UPDATE read.parked SET table_name = %s WHERE table_name = %s"
PARKED_DROP = "DELETE FROM read.parked WHERE table_name = %s"


class ReadersHoldError(ValueFreeError):
    """Somebody reads the rows in use for so long that they cannot be replaced."""


def take_over(
    connection: Connection, definitions: Definitions, target: Target, position: int, note: Callable[[int], None]
) -> int:
    """Put the rows of a target, which are those of a position, in the place of those in use; return their position.

    They are brought to where the rows in use are first. Readers see the old rows or the new ones, never a mix, and
    wait for a moment at most. `note` writes what else belongs to the same transaction. The old rows are kept.
    """
    for attempt in range(TRIES):
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
    projection = target.projection
    target.hold(connection)
    # Before anybody waits: nobody else knows the table yet.
    target.table.put_in_use(connection)
    row = connection.execute(LOCKED, (projection.name, projection.version)).fetchone()
    if row is None:
        _put_in_use(connection, target)
        connection.execute(BEGUN, (projection.name, projection.version, position))
        return position
    in_use: int = row[0]
    if in_use > position:
        catch_up(connection, definitions, target, position, in_use)
        position = in_use
    # Events may have been skipped since they were parked in these rows.
    retry(connection, definitions, target, skipped_streams(connection, projection, target.table))
    if target.table.beside("").exists(connection):
        _keep(connection, target)
        connection.execute(KEPT, (projection.name, projection.version, in_use))
    else:  # somebody dropped it: there is nothing to keep
        _replace_lost(connection, target)
    connection.execute(TAKEN_OVER, (position, projection.name, projection.version))
    return position


def _keep(connection: Connection, target: Target) -> None:
    """Set the rows in use aside, and put those of the target in their place."""
    in_use, before = target.table.beside(""), target.table.beside(BEFORE)
    aside = in_use.beside(SWAP)
    # Those in use come last: once they are locked, nothing more is waited for.
    for table in (target.table, before, in_use):
        table.lock(connection)
    in_use.rename(connection, aside)
    connection.execute(PARKED_RENAME, (aside.name, in_use.name))
    _put_in_use(connection, target)
    # Whatever was kept so far goes, unless it has just been put in use again.
    before.drop(connection)
    connection.execute(PARKED_DROP, (before.name,))
    aside.rename(connection, before)
    connection.execute(PARKED_RENAME, (before.name, aside.name))


def _replace_lost(connection: Connection, target: Target) -> None:
    connection.execute(PARKED_DROP, (target.table.beside("").name,))
    _put_in_use(connection, target)
    if target.table.suffix == BEFORE:
        connection.execute(FORGET_KEPT, (target.projection.name, target.projection.version))


def _put_in_use(connection: Connection, target: Target) -> None:
    in_use = target.table.beside("")
    target.table.rename(connection, in_use)
    connection.execute(PARKED_RENAME, (in_use.name, target.table.name))


OLDER = (
    "SELECT version FROM read.checkpoint WHERE projection = %s AND version < %s AND NOT read.is_taken(1, %s, version)"
)
FORGET = "DELETE FROM read.checkpoint WHERE projection = %s AND version = %s"
FORGET_KEPT = "DELETE FROM read.previous WHERE projection = %s AND version = %s"


def drop_previous(connection: Connection, target: Target) -> None:
    """Let go of the rows that were in use before the last takeover, and of those of older versions that nobody follows.

    The takeover cannot be undone any more, and an older release would have to make its rows anew.
    """
    name, version = target.projection.name, target.projection.version
    with connection.transaction():
        _let_go(connection, target.table.beside(BEFORE).name)
        connection.execute(FORGET_KEPT, (name, version))
        for (older,) in connection.execute(OLDER, (name, version, name)).fetchall():
            for suffix in ("", BEFORE):
                _let_go(connection, f"{name}_v{older}{suffix}")
            connection.execute(FORGET, (name, older))
            connection.execute(FORGET_KEPT, (name, older))


def _let_go(connection: Connection, table_name: str) -> None:
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, table_name)))
    connection.execute(PARKED_DROP, (table_name,))
