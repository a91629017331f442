"""What other sessions of a database do at this moment."""

from __future__ import annotations

import psycopg

from tests.waiting import until

_BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND strpos(query, %s) > 0
"""
_RUNNING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND strpos(query, %s) > 0
"""


async def until_blocked(url: str, words: str = "") -> None:
    """Wait until a session of the role of `url` waits for a lock, with a statement that has these words in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        await until(lambda: _count(connection, _BLOCKED, words), "nobody waits for a lock")


async def until_running(url: str, words: str) -> None:
    """Wait until another session runs a statement with these words in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        await until(lambda: _count(connection, _RUNNING, words), f"nobody runs {words}")


def _count(connection: psycopg.Connection, query: str, words: str) -> int:
    row = connection.execute(query.encode(), (words,)).fetchone()
    assert row is not None
    return int(row[0])
