"""One leader for each name: the process whose session holds the advisory lock of that name.

A leader that ends, or whose machine vanishes, loses its session and so its lock within seconds. A leader that is frozen
keeps both: it confirms itself with `confirm`, and another process ends the session of one that is silent.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

MAX_SILENCE_S = 15.0
"""After how many seconds without a confirmation a leader is replaced; it confirms itself about once a second."""

MAX_PROCESS_LENGTH = 100

_LOCK = "SELECT pg_try_advisory_lock(%s)"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_RECORD = """
INSERT INTO leadership.leader (name, lock, process, session_pid) VALUES (%s, %s, %s, pg_backend_pid())
ON CONFLICT (name) DO UPDATE
SET process = excluded.process, session_pid = excluded.session_pid, since = excluded.since, seen_at = excluded.seen_at
"""
_CONFIRM = """
UPDATE leadership.leader SET seen_at = clock_timestamp() WHERE name = ANY (%s) AND session_pid = pg_backend_pid()
"""
_END_SILENT = """
SELECT pg_terminate_backend(session_pid) FROM leadership.leader
WHERE name = %s AND seen_at < clock_timestamp() - %s::interval AND leadership.holds(session_pid, lock)
"""
_LEADERS = "SELECT name, process, since FROM leadership.leading ORDER BY name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The process that leads, as `host:process id`, and since when (UTC)."""

    name: str
    process: str
    since: datetime


class Leadership:
    """The names that a session leads. `connection` is in autocommit mode and lives as long as the process leads.

    Blocking calls, from one thread at a time. They raise psycopg.OperationalError where the session is lost: then
    nothing is led any more.
    """

    def __init__(
        self, connection: psycopg.Connection, *, process: str = "", max_silence_s: float = MAX_SILENCE_S
    ) -> None:
        assert connection.autocommit, "a lead lasts longer than a transaction"
        self._connection = connection
        self._process = (process or f"{socket.gethostname()}:{os.getpid()}")[:MAX_PROCESS_LENGTH]
        self._max_silence = timedelta(seconds=max_silence_s)
        self._names: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        """The names that are led."""
        return frozenset(self._names)

    def acquire(self, name: str) -> bool:
        """Lead this name from now on; return False where another process leads it.

        The session of a leader that has been silent for too long is ended: a later call succeeds.
        """
        if name in self._names:
            return True
        if self._connection.execute(_LOCK, (lock_key(name),)).fetchone() != (True,):
            self._connection.execute(_END_SILENT, (name, self._max_silence))
            return False
        self._connection.execute(_RECORD, (name, lock_key(name), self._process))
        self._names.add(name)
        return True

    def confirm(self) -> None:
        """Say that this process still leads; to be called about once a second."""
        if self._names:
            self._connection.execute(_CONFIRM, (sorted(self._names),))

    def release(self, name: str) -> None:
        """Stop leading this name."""
        if name in self._names:
            self._connection.execute(_UNLOCK, (lock_key(name),))
            self._names.discard(name)


def lock_key(name: str) -> int:
    """Return the advisory lock of a name: 64 bits with a sign, of the SHA-256 digest."""
    return int.from_bytes(hashlib.sha256(f"kroniek leader {name}".encode()).digest()[:8], "big", signed=True)


def leaders(connection: psycopg.Connection) -> Sequence[Leader]:
    """Return who leads, in the order of the names."""
    rows = connection.execute(_LEADERS).fetchall()
    return [Leader(name=name, process=process, since=since) for name, process, since in rows]
