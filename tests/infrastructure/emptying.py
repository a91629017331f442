"""What nobody who runs the platform can do, and a test that tells many histories in one database has to."""

from __future__ import annotations

from typing import Any

import psycopg


def empty_log(connection: psycopg.Connection[Any]) -> None:
    """Empty the log, as the owner of its tables with the guards taken off."""
    for table in ("event", "event_1"):
        connection.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER ALL")
    connection.execute("TRUNCATE log.event, log.stream, log.commit, log.claim, log.receipt")


def lose_events(connection: psycopg.Connection[Any], after: int) -> None:
    """Lose the events after a position and nothing else, as a restore that is not complete does."""
    connection.execute("ALTER TABLE log.event_1 DISABLE TRIGGER ALL")
    connection.execute("DELETE FROM log.event_1 WHERE position > %s", (after,))
    connection.execute("ALTER TABLE log.event_1 ENABLE ALWAYS TRIGGER event_is_append_only")


def put_back(connection: psycopg.Connection[Any], after: int) -> None:
    """Put the log of counters back to a position, whole, as a restore of the log alone does."""
    lose_events(connection, after)
    connection.execute("DELETE FROM log.commit WHERE position > %s", (after,))
    connection.execute(
        "INSERT INTO log.commit SELECT position, recorded_at, gen_random_uuid(), 0 FROM log.event WHERE position = %s"
        " ON CONFLICT DO NOTHING",
        (after,),
    )
    connection.execute("DELETE FROM log.stream WHERE first_position > %s", (after,))
    connection.execute(
        "UPDATE log.stream SET version = last.version, last_position = last.position"
        " FROM (SELECT stream, max(version) AS version, max(position) AS position FROM log.event GROUP BY 1) AS last"
        " WHERE last.stream = log.stream.stream"
    )
