"""Connections to PostgreSQL: how they are opened, and how each side notices that the other one has vanished."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg.conninfo import make_conninfo

from infrastructure.postgres.arrays import register_types

CONNECT_TIMEOUT_S = 5

KEEPALIVE = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""With these a server that vanished is noticed within 15 seconds."""

LOOKUPS_BY_INDEX = (
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET plan_cache_mode = force_generic_plan",
)
"""For sessions that only look rows up by key: each statement is planned once, by index, however the tables grow."""

# Should this machine vanish, the server ends the session within seconds, and another process gets its locks.
_SERVER_KEEPALIVE = b"SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 4"


def connect_to_lead(url: str) -> psycopg.Connection:
    """Open a connection in autocommit mode whose session holds locks for as long as this process lives."""
    connection = psycopg.connect(make_conninfo(url, **KEEPALIVE), autocommit=True)
    connection.execute(_SERVER_KEEPALIVE)
    return connection


async def connect_async(
    url: str, *, first: Sequence[str] = (), prepare_threshold: int | None = 1
) -> psycopg.AsyncConnection:
    """Open a connection in autocommit mode that takes packed arrays, and execute `first` on it.

    `prepare_threshold` is psycopg's own; None where the caller prepares a statement, since after a rollback the driver
    forgets all prepared statements. A server that vanished is noticed within 15 seconds. Raises
    psycopg.OperationalError where the server cannot be reached.
    """
    connection = await psycopg.AsyncConnection.connect(
        make_conninfo(url, **KEEPALIVE), autocommit=True, prepare_threshold=prepare_threshold
    )
    try:
        register_types(connection)
        for statement in first:
            await connection.execute(statement.encode())
    except BaseException:
        await connection.close()
        raise
    return connection
