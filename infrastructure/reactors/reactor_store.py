"""The keeper's own connection: what is next in the log, how far it is, and what waits. Blocking calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

from domain.kernel import Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import LogReader
from infrastructure.event_log.log_statements import CHANNEL
from infrastructure.reactors.reactions import person_of

LOCK_KEY = int.from_bytes(b"kronkeep", "big")
"""Who holds this lock leads: a number of our own."""

# Should this machine be gone without a word, the server notices within seconds, and another process leads.
KEEPALIVE = ("SET tcp_keepalives_idle = 3", "SET tcp_keepalives_interval = 1", "SET tcp_keepalives_count = 4")

PROGRESS = "SELECT position, log_id = log.id() FROM keeper.progress"
MOVE = "UPDATE keeper.progress SET position = %s, error = '', failed_at = NULL"
STUCK = "UPDATE keeper.progress SET error = %s, failed_at = coalesce(failed_at, clock_timestamp())"
WAITS = "SELECT DISTINCT person_id FROM keeper.waiting"
PUT_BY = """
INSERT INTO keeper.waiting (position, person_id, name, tries, error, again_at)
VALUES (%(position)s, %(person_id)s, %(name)s, %(tries)s, %(error)s, clock_timestamp() + %(after)s)
ON CONFLICT (position) DO UPDATE
SET tries = excluded.tries, error = excluded.error, again_at = excluded.again_at WHERE excluded.tries > 0
"""
# The first of each person, if its time has come: what follows waits for it.
DUE = """
SELECT position, tries FROM (
    SELECT DISTINCT ON (person_id) position, tries, again_at FROM keeper.waiting ORDER BY person_id, position
) AS first
WHERE again_at <= clock_timestamp() ORDER BY position LIMIT %s
"""
DONE = "DELETE FROM keeper.waiting WHERE position = %s"


class OtherLogError(RuntimeError):
    """How far the keeper is was reached in another log: its position means nothing in this one."""


class Desk:
    """Reads and notes over one connection in autocommit mode; use it from one thread at a time."""

    def __init__(self, connection: psycopg.Connection[Any], codec: Codec) -> None:
        self.connection = connection
        self._codec = codec
        self._reader = LogReader(codec)

    @classmethod
    def open(cls, url: str, codec: Codec) -> Desk:
        connection = psycopg.connect(url, autocommit=True)
        for setting in (*KEEPALIVE, f"LISTEN {CHANNEL}"):
            connection.execute(setting.encode())
        return cls(connection, codec)

    def close(self) -> None:
        self.connection.close()

    def take_lead(self) -> bool:
        """Take the lead for as long as the connection lives, unless another process has it."""
        return self.connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone() == (True,)

    def told(self) -> bool:
        """Return whether the log told of anything meanwhile; raise OperationalError if the connection is lost."""
        return bool(list(self.connection.notifies(timeout=0)))

    # --- The log ----------------------------------------------------------------------------------------------------

    def head(self) -> int:
        return self._reader.head(self.connection)

    def next(self, after: int, until: int, classes: Sequence[type], limit: int) -> Sequence[Recorded[Any]]:
        names = [self._codec.names[it] for it in classes]
        return self._reader.read_next(self.connection, after=after, until=until, names=names, limit=limit)

    def at(self, position: int) -> Recorded[Any]:
        (event,) = self._reader.read(self.connection, after=position - 1, until=position)
        return event

    # --- How far it is ----------------------------------------------------------------------------------------------

    def position(self) -> int:
        row = self.connection.execute(PROGRESS).fetchone()
        assert row is not None
        if not row[1]:
            raise OtherLogError("the keeper's position was reached in another log")
        return int(row[0])

    def move(self, position: int) -> None:
        self.connection.execute(MOVE, (position,))

    def stuck(self, error: str) -> None:
        self.connection.execute(STUCK, (error,))

    # --- What waits -------------------------------------------------------------------------------------------------

    def waiting_people(self) -> set[str]:
        return {person_id for (person_id,) in self.connection.execute(WAITS).fetchall()}

    def due(self, limit: int) -> Sequence[tuple[int, int]]:
        """Return what is to be tried again now: position and how often it failed."""
        return [(position, tries) for position, tries in self.connection.execute(DUE, (limit,)).fetchall()]

    def put_by(self, recorded: Recorded[Any], *, tries: int = 0, error: str = "", after_s: float = 0.0) -> None:
        """Let an event wait that failed so often; or, without tries, that follows one of the same person that did."""
        self.connection.execute(
            PUT_BY,
            {
                "position": recorded.position,
                "person_id": person_of(recorded.event),
                "name": self._codec.names[type(recorded.event)],
                "tries": tries,
                "error": error,
                "after": timedelta(seconds=after_s),
            },
        )

    def done(self, position: int) -> None:
        self.connection.execute(DONE, (position,))
