"""The position of the reactor and its deferred events, over one connection. Blocking calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from infrastructure.codec import Codec
from infrastructure.event_log.log_lookup import OtherLogError
from infrastructure.event_log.log_reader import AnyRecorded, LogReader
from infrastructure.postgres.connecting import connect_to_lead
from infrastructure.reactors.reactions import person_of

LOCK_KEY = int.from_bytes(b"kronkeep", "big")
"""The advisory lock of the process that leads."""

PROGRESS = "SELECT position, log_id = log.id() FROM keeper.progress"
SAVE = "UPDATE keeper.progress SET position = %s, error = '', failed_at = NULL"
NOTE_ERROR = "UPDATE keeper.progress SET error = %s, failed_at = coalesce(failed_at, clock_timestamp())"
DEFERRED_PEOPLE = "SELECT DISTINCT person_id FROM keeper.waiting"
DEFER = """
INSERT INTO keeper.waiting (position, person_id, name, tries, error, again_at)
VALUES (%(position)s, %(person_id)s, %(name)s, %(tries)s, %(error)s, clock_timestamp() + %(after)s)
ON CONFLICT (position) DO UPDATE
SET tries = excluded.tries, error = excluded.error, again_at = excluded.again_at WHERE excluded.tries > 0
"""
# The first event of each person, if its time has come: later ones wait for it.
READY = """
SELECT position, tries FROM (
    SELECT DISTINCT ON (person_id) position, tries, again_at FROM keeper.waiting ORDER BY person_id, position
) AS first
WHERE again_at <= clock_timestamp() ORDER BY position LIMIT %s
"""
DONE = "DELETE FROM keeper.waiting WHERE position = %s"


class ReactorStore:
    """Reads and saves over a connection of its own, in autocommit mode; use it from one thread at a time."""

    def __init__(self, url: str, codec: Codec) -> None:
        self.connection = connect_to_lead(url)
        self._codec = codec
        self._reader = LogReader(codec)

    def close(self) -> None:
        self.connection.close()

    def acquire_lead(self) -> bool:
        """Acquire the lead for as long as the connection lives; return False where another process has it."""
        return self.connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone() == (True,)

    # --- The log ----------------------------------------------------------------------------------------------------

    def head(self) -> int:
        return self._reader.head(self.connection)

    def next(self, after: int, until: int, classes: Sequence[type], limit: int) -> Sequence[AnyRecorded]:
        names = [self._codec.names[event_class] for event_class in classes]
        return self._reader.read_next(self.connection, after=after, until=until, names=names, limit=limit)

    def at(self, position: int) -> AnyRecorded:
        (event,) = self._reader.read(self.connection, after=position - 1, until=position)
        return event

    # --- Position ---------------------------------------------------------------------------------------------------

    def position(self) -> int:
        ((position, is_of_this_log),) = self.connection.execute(PROGRESS).fetchall()
        if not is_of_this_log:
            raise OtherLogError("the keeper's position was reached in another log")
        return int(position)

    def save(self, position: int) -> None:
        self.connection.execute(SAVE, (position,))

    def note_error(self, error: str) -> None:
        self.connection.execute(NOTE_ERROR, (error,))

    # --- Deferred events --------------------------------------------------------------------------------------------

    def deferred_people(self) -> set[str]:
        return {person_id for (person_id,) in self.connection.execute(DEFERRED_PEOPLE).fetchall()}

    def ready(self, limit: int) -> Sequence[tuple[int, int]]:
        """Return the events to try again now: position, and how often each failed."""
        return [(position, tries) for position, tries in self.connection.execute(READY, (limit,)).fetchall()]

    def defer(self, recorded: AnyRecorded, *, tries: int = 0, error: str = "", wait_s: float = 0.0) -> None:
        """Defer an event that failed `tries` times; with 0, one that follows a failed event of the same person."""
        self.connection.execute(
            DEFER,
            {
                "position": recorded.position,
                "person_id": person_of(recorded.event),
                "name": self._codec.names[type(recorded.event)],
                "tries": tries,
                "error": error,
                "after": timedelta(seconds=wait_s),
            },
        )

    def done(self, position: int) -> None:
        self.connection.execute(DONE, (position,))
