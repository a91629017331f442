"""The condition of the log and of its servers, measured for health checks by two small statements.

The writer's session sees the log where it is written; the reader's, where queries read it, which may be a standby.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import class_row

# Everybody may see when a lock began to be waited for, on whatever connection the append was sent.
WRITTEN = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only,
       log.head() AS head,
       coalesce((SELECT max(position) FROM log.event), 0) AS newest,
       extract(epoch FROM clock_timestamp())::float8 AS clock,
       (SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8
        FROM log.commit ORDER BY position DESC LIMIT 1) AS last_commit_s,
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 FROM pg_locks
        WHERE locktype = 'relation' AND relation = 'log.append_lock'::regclass AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS waits_s,
       ARRAY(SELECT slot_name::text FROM pg_replication_slots
             WHERE slot_type = 'physical' AND NOT active ORDER BY 1) AS cut_off
"""
# A standby that replays files receives nothing and is well.
READ = """
SELECT pg_is_in_recovery() AS is_standby,
       log.head() AS head,
       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)
           OR current_setting('restore_command') <> '' AS receives
"""
MISSING_S = """
SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 FROM log.event
WHERE position > %s ORDER BY position LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLog:
    """The log where it is written.

    `clock` is the clock of the database in seconds since 1970; `last_commit_s` is the age of the last commit, negative
    where it is in the future, None without any; `waits_s` is how long an append has waited for the others; `cut_off`
    names the replication slots whose standby is not connected.
    """

    read_only: bool
    head: int
    newest: int
    clock: float
    last_commit_s: float | None
    waits_s: float
    cut_off: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLog:
    """The log where queries read it. `receives` says whether a standby is connected, or replays files."""

    is_standby: bool
    head: int
    receives: bool


async def written_log(connection: AsyncConnection) -> WrittenLog:
    async with connection.cursor(row_factory=class_row(WrittenLog)) as cursor:
        (found,) = await (await cursor.execute(WRITTEN)).fetchall()
    return found


async def read_log(connection: AsyncConnection) -> ReadLog:
    async with connection.cursor(row_factory=class_row(ReadLog)) as cursor:
        (found,) = await (await cursor.execute(READ)).fetchall()
    return found


async def age_behind(connection: AsyncConnection, position: int) -> float:
    """Return the age in seconds of the first event after a position, 0 without any."""
    row = await (await connection.execute(MISSING_S, (position,))).fetchone()
    return 0.0 if row is None else float(row[0])
