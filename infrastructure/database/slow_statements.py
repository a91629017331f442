"""The slowest statements of a server, as PostgreSQL's extension pg_stat_statements counts them.

A statement is shown by its form: `$1` stands for each value, so nothing of anybody's data is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

EXTENSION = "pg_stat_statements"
ELSEWHERE = "postgres"
"""The database that has the extension where that of the log has not: its numbers are of the whole server."""

_PLACE = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = %s"
_SLOWEST = """
SELECT datname AS database, rolname AS role, calls, mean_exec_time AS mean_ms, max_exec_time AS longest_ms,
       total_exec_time AS total_ms, rows, query AS statement
FROM {place}.pg_stat_statements JOIN pg_database ON pg_database.oid = dbid JOIN pg_roles ON pg_roles.oid = userid
ORDER BY max_exec_time DESC, query LIMIT %s
"""


class StatisticsMissingError(Exception):
    """The server does not count statements; the message says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "The server does not count its statements. Add pg_stat_statements to shared_preload_libraries, restart it, "
            f"run CREATE EXTENSION {EXTENSION} in the database of the log or in {ELSEWHERE}, and GRANT "
            "pg_read_all_stats to the owner."
        )


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """A statement by its form, where and as whom it runs, and how long it has taken, in milliseconds."""

    database: str
    role: str
    calls: int
    mean_ms: float
    longest_ms: float
    total_ms: float
    rows: int
    statement: str


def slowest_statements(url: str, most: int) -> list[SlowStatement]:
    """Return the statements whose longest call took most, the slowest first; raise StatisticsMissingError."""
    for address in (url, make_conninfo(url, dbname=ELSEWHERE)):
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                place = connection.execute(_PLACE, (EXTENSION,)).fetchone()
                if place is not None:
                    query = sql.SQL(_SLOWEST).format(place=sql.Identifier(place[0]))
                    rows = connection.cursor(row_factory=class_row(SlowStatement))
                    return rows.execute(query, (most,)).fetchall()
        except psycopg.errors.ObjectNotInPrerequisiteState as error:
            raise StatisticsMissingError from error
        except psycopg.OperationalError:
            if address == url:
                raise
    raise StatisticsMissingError
