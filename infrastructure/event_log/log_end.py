"""The end of the log: its newest event, and its head in `log.commit`. Where they differ, nothing starts.

They differ where a part of the log was lost or put back: an incomplete restore, a failing disk. Appends would then be
refused for ever, or leave a hole.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from infrastructure.postgres.failures import DatabaseUnusableError

END = """
SELECT log.head(), coalesce((SELECT max(position) FROM log.event), 0)
"""

# --- The repair: of the streams that it touches, the last event that there is says how far they are. -----------------

_PARTITIONS = """
SELECT number FROM log.partition WHERE to_regclass('log.event_' || number) IS NOT NULL ORDER BY number
"""
_TOUCHED = """
CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
SELECT stream FROM log.stream WHERE last_position > %(newest)s
UNION SELECT stream FROM log.event WHERE position > %(head)s
"""
_ENDS = """
CREATE TEMPORARY TABLE ends ON COMMIT DROP AS
SELECT stream, max(version) AS version, min(position) AS first_position, max(position) AS last_position
FROM ({events}) AS event GROUP BY stream
"""
_EVENTS_OF = "SELECT stream, version, position FROM {table} JOIN touched USING (stream)"
_PUT_AWAY = """
SELECT count(*) FROM touched JOIN log.stream USING (stream)
LEFT JOIN ends USING (stream) WHERE ends.stream IS NULL AND stream.first_position <= %(newest)s
"""
_REPAIR = (
    """
DELETE FROM log.stream USING touched
WHERE stream.stream = touched.stream AND NOT EXISTS (SELECT FROM ends WHERE ends.stream = touched.stream)
""",
    # The first event of a stream may lie in a partition that was put away.
    """
INSERT INTO log.stream AS held (stream, version, first_position, last_position)
SELECT stream, version, first_position, last_position FROM ends
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, last_position = excluded.last_position
""",
    """
DELETE FROM log.claim
WHERE stream IN (SELECT stream FROM touched) AND NOT EXISTS (SELECT FROM log.stream WHERE stream.stream = claim.stream)
""",
    "DELETE FROM log.receipt WHERE position > %(newest)s",
    "DELETE FROM log.commit WHERE position > %(newest)s",
    """
INSERT INTO log.commit (position, recorded_at, writer_id, batch)
SELECT position, recorded_at, gen_random_uuid(), 0 FROM log.event WHERE position = %(newest)s
ON CONFLICT (position) DO NOTHING
""",
)
# The lost positions will be given to other events. What was reached by then was reached in another log.
_ANOTHER_LOG = (
    "UPDATE log.identity SET log_id = gen_random_uuid()",
    "UPDATE read.checkpoint SET log_id = log.id() WHERE position <= %(newest)s",
    """
UPDATE reactor.progress
SET log_id = log.id(), position = least(position, %(newest)s), act_position = least(act_position, %(newest)s)
""",
    "DELETE FROM reactor.waiting_event WHERE position > %(newest)s",
    """
DELETE FROM reactor.waiting_key AS waiting
WHERE NOT EXISTS (
    SELECT FROM reactor.waiting_event AS event WHERE event.reactor = waiting.reactor AND event.key = waiting.key
)
""",
)


class LogRepairRefusedError(Exception):
    """The log is not repaired; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnd:
    """The position of the head, and of the newest event that is there."""

    head: int
    newest: int

    @property
    def lost(self) -> int:
        """How many events were confirmed and are not there."""
        return max(self.head - self.newest, 0)

    @property
    def whole(self) -> bool:
        return self.head == self.newest


def read_log_end(connection: psycopg.Connection) -> LogEnd:
    ((head, newest),) = connection.execute(END).fetchall()
    return LogEnd(head=head, newest=newest)


def check_log_end(url: str) -> None:
    """Raise DatabaseUnusableError, with the command that repairs it, where the log has lost its end."""
    with psycopg.connect(url, autocommit=True) as connection:
        end = read_log_end(connection)
    if not end.whole:
        raise DatabaseUnusableError(
            f"The newest event of the log is {end.newest:,}, and its head is {end.head:,}: a part of the log was lost "
            "or put back. Nothing is written meanwhile. Bring back a backup that is whole, or run `kroniek log check` "
            "and `kroniek log repair`."
        )


def repair_log_end(connection: psycopg.Connection, accepted_loss: int) -> LogEnd:
    """Put the head of the log at its newest event, as the owner; return how it was before. Safe to repeat.

    Raises LogRepairRefusedError unless exactly as many events are lost as are accepted, or where streams continue in a
    partition that was put away. Positions of lost events are given again, so the log gets another id then.
    """
    with connection.transaction():
        connection.execute("SELECT log.lock_appends()")
        end = read_log_end(connection)
        if end.lost != accepted_loss:
            raise LogRepairRefusedError(
                f"{end.lost:,} events that were confirmed are not there. To go on without them: "
                f"`kroniek log repair --accept-loss {end.lost}`."
                if end.lost
                else "No event is lost: `kroniek log repair` needs no `--accept-loss`."
            )
        if not end.whole:
            _repair(connection, end)
    return end


def _repair(connection: psycopg.Connection, end: LogEnd) -> None:
    places = {"head": end.head, "newest": end.newest}
    connection.execute(_TOUCHED, places)
    tables = [sql.Identifier("log", f"event_{number}") for (number,) in connection.execute(_PARTITIONS).fetchall()]
    events = sql.SQL(" UNION ALL ").join(sql.SQL(_EVENTS_OF).format(table=table) for table in tables)
    connection.execute(sql.SQL(_ENDS).format(events=events))
    if connection.execute(_PUT_AWAY, places).fetchone() != (0,):
        raise LogRepairRefusedError(
            "Streams that lost their last event go on in a partition that was put away: put it back first."
        )
    for statement in (*_REPAIR, *(_ANOTHER_LOG if end.lost else ())):
        connection.execute(statement.encode(), places)
