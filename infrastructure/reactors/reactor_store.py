"""Checkpoints of reactors and the events that wait, over one connection. Blocking calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from domain.kernel import Recorded
from domain.reactors import (
    REACTOR,
    ReactorEvent,
    ReactorPaused,
    ReactorResumed,
    WaitingEventSkipped,
    WaitingEventsRetried,
)
from infrastructure.codec import Codec
from infrastructure.event_log.log_lookup import OtherLogError
from infrastructure.event_log.log_reader import AnyRecorded, LogReader
from infrastructure.postgres.connecting import connect_to_lead

BEGIN = """
INSERT INTO reactor.progress (name, position) VALUES (%s, CASE WHEN %s THEN 0 ELSE log.head() END)
ON CONFLICT (name) DO NOTHING
"""
PROGRESS = """
SELECT position, act_position, paused_at IS NOT NULL, log_id = log.id() FROM reactor.progress WHERE name = %s
"""
SAVE = """
UPDATE reactor.progress
SET position = %(position)s, reacted = reacted + %(reacted)s, events_per_s = %(events_per_s)s,
    saved_at = clock_timestamp(), error = %(error)s,
    failed_at = CASE WHEN %(error)s <> '' THEN coalesce(failed_at, clock_timestamp()) END
WHERE name = %(name)s
"""
PASSED = "SELECT min(position) FROM reactor.progress WHERE name = ANY (%s)"
WAITING_KEYS = "SELECT key FROM reactor.waiting_key WHERE reactor = %s"
BLOCKED_KEYS = "SELECT DISTINCT key FROM reactor.waiting_key WHERE reactor = ANY (%s) AND key = ANY (%s)"

WAIT = """
INSERT INTO reactor.waiting_key (reactor, key, tries, error, again_at, parked_at)
VALUES (%(reactor)s, %(key)s, %(tries)s, %(error)s, clock_timestamp() + %(wait)s,
        CASE WHEN %(parked)s THEN clock_timestamp() END)
ON CONFLICT (reactor, key) DO UPDATE
SET tries = excluded.tries, error = excluded.error, again_at = excluded.again_at, parked_at = excluded.parked_at
"""
FAILED_AGAIN = """
UPDATE reactor.waiting_key
SET tries = %(tries)s, error = %(error)s, again_at = clock_timestamp() + %(wait)s,
    parked_at = CASE WHEN %(parked)s THEN clock_timestamp() END
WHERE reactor = %(reactor)s AND key = %(key)s
"""
FOLLOW = """
INSERT INTO reactor.waiting_key (reactor, key) SELECT DISTINCT %(reactor)s, key FROM unnest(%(keys)s::text[]) AS key
ON CONFLICT (reactor, key) DO NOTHING
"""
WAIT_EVENTS = """
INSERT INTO reactor.waiting_event (reactor, key, position, name)
SELECT %(reactor)s, key, position, name
FROM unnest(%(keys)s::text[], %(positions)s::bigint[], %(names)s::text[]) AS given (key, position, name)
ON CONFLICT (reactor, position) DO NOTHING
"""
# The first event of each key that may be tried now. Where another reactor comes first, it must be done with the key.
READY = """
SELECT waiting.key, first.position, waiting.tries
FROM reactor.waiting_key AS waiting
CROSS JOIN LATERAL (
    SELECT position FROM reactor.waiting_event AS event
    WHERE event.reactor = waiting.reactor AND event.key = waiting.key ORDER BY position LIMIT 1
) AS first
WHERE waiting.reactor = %(reactor)s AND parked_at IS NULL AND again_at <= clock_timestamp()
  AND waiting.key <> ALL (%(running)s)
  AND first.position <= coalesce(
      (SELECT min(position) FROM reactor.progress WHERE name = ANY (%(after)s)), first.position
  )
  AND NOT EXISTS (
      SELECT FROM reactor.waiting_event AS before
      WHERE before.reactor = ANY (%(after)s) AND before.key = waiting.key AND before.position <= first.position
  )
ORDER BY again_at LIMIT %(limit)s
"""
NEXT_AT = """
SELECT extract(epoch FROM min(again_at) - clock_timestamp())::float8
FROM reactor.waiting_key WHERE reactor = %s AND parked_at IS NULL AND key <> ALL (%s)
"""
DONE = "DELETE FROM reactor.waiting_event WHERE reactor = %s AND position = %s"
FOLLOWING = "SELECT min(position) FROM reactor.waiting_event WHERE reactor = %s AND key = %s"
FORGET = "DELETE FROM reactor.progress WHERE name = %s"
ALL_DONE = "DELETE FROM reactor.waiting_key WHERE reactor = %s"
FIRST_WAITING = """
SELECT event.position, waiting.tries, waiting.parked_at IS NOT NULL
FROM reactor.waiting_event AS event JOIN reactor.waiting_key AS waiting USING (reactor, key)
WHERE event.reactor = %s ORDER BY event.position LIMIT 1
"""
OTHERS_DONE = "DELETE FROM reactor.waiting_event WHERE reactor = %s AND key = %s AND position <> %s"
KEY_DONE = "DELETE FROM reactor.waiting_key WHERE reactor = %s AND key = %s"
PAUSE = """
UPDATE reactor.progress SET paused_at = %(at)s, paused_by = %(by)s, paused_why = %(why)s WHERE name = %(reactor)s
"""
RESUME = "UPDATE reactor.progress SET paused_at = NULL, paused_by = '', paused_why = '' WHERE name = %(reactor)s"
RETRY = """
UPDATE reactor.waiting_key AS waiting SET tries = 0, again_at = clock_timestamp(), parked_at = NULL
WHERE reactor = %(reactor)s AND (%(position)s = 0 OR EXISTS (
    SELECT FROM reactor.waiting_event AS event
    WHERE event.reactor = waiting.reactor AND event.key = waiting.key AND event.position = %(position)s
))
"""
KEY_AT = "SELECT key FROM reactor.waiting_event WHERE reactor = %s AND position = %s"
ACT_DONE = "UPDATE reactor.progress SET act_position = %s WHERE name = %s"
KEY_GOES_ON = """
UPDATE reactor.waiting_key SET tries = 0, error = '', again_at = clock_timestamp(), parked_at = NULL
WHERE reactor = %s AND key = %s AND (tries > 0 OR error <> '')
"""


class ReadyKey(NamedTuple):
    """A key whose first waiting event is to be tried: its position, and how often it failed."""

    key: str
    position: int
    tries: int


class FirstWaiting(NamedTuple):
    """The first event that waits: its position, how often it failed, and whether its key is parked."""

    position: int
    tries: int
    parked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a reactor is: the position of its last event and of its last act, and whether it is paused."""

    position: int
    act_position: int
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the first event of a key waits: how often it failed, the error, and the pause before the next try.

    A key that is parked is not tried again by itself.
    """

    tries: int
    error: str
    wait_s: float
    parked: bool = False


class ReactorStore:
    """Reads and saves over a connection of its own, in autocommit mode; use it from one thread at a time.

    Commits are not waited for: after a crash of the server the checkpoint may be an older one, and its events are
    reacted to again. An event that waits is never lost, as its commit comes before that of the checkpoint behind it.
    """

    def __init__(self, url: str, codec: Codec) -> None:
        self.connection = connect_to_lead(url)
        self.connection.execute("SET synchronous_commit = off")
        self._codec = codec
        self._reader = LogReader(codec)

    def close(self) -> None:
        self.connection.close()

    # --- The log ----------------------------------------------------------------------------------------------------

    def head(self) -> int:
        return self._reader.head(self.connection)

    def next(self, after: int, until: int, classes: Sequence[type], limit: int) -> Sequence[AnyRecorded]:
        names = [self._codec.names[event_class] for event_class in classes]
        return self._reader.read_next(self.connection, after=after, until=until, names=names, limit=limit)

    def at(self, position: int) -> AnyRecorded:
        (event,) = self._reader.read(self.connection, after=position - 1, until=position)
        return event

    # --- Checkpoints ------------------------------------------------------------------------------------------------

    def begin(self, name: str, *, from_start: bool) -> Checkpoint:
        """Return the checkpoint of a reactor; one that is new here begins at the start or at the end of the log."""
        self.connection.execute(BEGIN, (name, from_start))
        ((position, act_position, paused, of_this_log),) = self.connection.execute(PROGRESS, (name,)).fetchall()
        if not of_this_log:
            raise OtherLogError(f"the checkpoint of the reactor {name} was reached in another log")
        return Checkpoint(position=position, act_position=act_position, paused=paused)

    def passed(self, names: Sequence[str]) -> int:
        """Return up to which position all these reactors are done, or events wait."""
        row = self.connection.execute(PASSED, (list(names),)).fetchone()
        return row[0] or 0 if row else 0

    def save(self, name: str, position: int, *, reacted: int = 0, events_per_s: float = 0.0, error: str = "") -> None:
        """Save the checkpoint, with how many events were reacted to since the last time. `error` concerns all keys."""
        given = {"name": name, "position": position, "reacted": reacted, "events_per_s": events_per_s, "error": error}
        self.connection.execute(SAVE, given)

    def forget(self, name: str) -> None:
        """Take away the checkpoint of a follower, and what waits for it."""
        with self.connection.transaction():
            self.connection.execute(ALL_DONE, (name,))
            self.connection.execute(FORGET, (name,))

    # --- Events that wait -------------------------------------------------------------------------------------------

    def waiting_keys(self, name: str) -> set[str]:
        return {key for (key,) in self.connection.execute(WAITING_KEYS, (name,)).fetchall()}

    def blocked_keys(self, after: Sequence[str], keys: Sequence[str]) -> set[str]:
        """Return those of the keys of which events wait for the reactors that come first."""
        return {key for (key,) in self.connection.execute(BLOCKED_KEYS, (list(after), list(keys))).fetchall()}

    def wait(
        self, name: str, events: Mapping[str, Sequence[AnyRecorded]], failures: Mapping[str, Failure] | None = None
    ) -> None:
        """Let events wait by their key, with what failed for a key."""
        flat = [(key, recorded) for key, several in events.items() for recorded in several]
        given = {
            "reactor": name,
            "keys": [key for key, _ in flat],
            "positions": [recorded.position for _, recorded in flat],
            "names": [self._codec.names[type(recorded.event)] for _, recorded in flat],
        }
        with self.connection.transaction():
            for key, failure in (failures or {}).items():
                self.connection.execute(WAIT, _given(name, key, failure))
            self.connection.execute(FOLLOW, given)
            self.connection.execute(WAIT_EVENTS, given)

    def fail(self, name: str, key: str, failure: Failure) -> bool:
        """Note that the first event of a key failed; return False if none waits, as it was skipped meanwhile."""
        return self.connection.execute(FAILED_AGAIN, _given(name, key, failure)).rowcount > 0

    def ready(self, name: str, after: Sequence[str], running: Sequence[str], limit: int) -> Sequence[ReadyKey]:
        """Return the keys to try now, but those that run, the longest due first."""
        given = {"reactor": name, "after": list(after), "running": list(running), "limit": limit}
        return [ReadyKey(*row) for row in self.connection.execute(READY, given).fetchall()]

    def next_at_s(self, name: str, running: Sequence[str]) -> float | None:
        """Return in how many seconds the next key is due; None if there is none."""
        row = self.connection.execute(NEXT_AT, (name, list(running))).fetchone()
        return None if row is None else row[0]

    def done(self, name: str, key: str, position: int) -> int | None:
        """Take away an event that was reacted to; return the position of the next one of its key, if any waits."""
        with self.connection.transaction():
            self.connection.execute(DONE, (name, position))
            row = self.connection.execute(FOLLOWING, (name, key)).fetchone()
            following: int | None = None if row is None else row[0]
            self.connection.execute(KEY_DONE if following is None else KEY_GOES_ON, (name, key))
        return following

    def wait_at(self, name: str, key: str, position: int, event_name: str, failure: Failure) -> None:
        """Let the event at a position wait for what failed, in place of what waited for the key before."""
        given = {"reactor": name, "keys": [key], "positions": [position], "names": [event_name]}
        with self.connection.transaction():
            self.connection.execute(OTHERS_DONE, (name, key, position))
            self.connection.execute(WAIT, _given(name, key, failure))
            self.connection.execute(WAIT_EVENTS, given)

    def take_all(self, name: str) -> None:
        """Take away all that waits."""
        self.connection.execute(ALL_DONE, (name,))

    def first_waiting(self, name: str) -> FirstWaiting:
        """Return the first event that waits; one that was never tried where none does."""
        row = self.connection.execute(FIRST_WAITING, (name,)).fetchone()
        return FirstWaiting(0, 0, parked=False) if row is None else FirstWaiting(*row)

    # --- Acts of administrators -------------------------------------------------------------------------------------

    def acts(self, after: int, until: int, limit: int) -> Sequence[AnyRecorded]:
        """Return the next acts on any reactor."""
        return self.next(after, until, list(REACTOR.events.values()), limit)

    def carry_out(self, act: Recorded[ReactorEvent]) -> str | None:
        """Carry out an act and note that it was; return the key that has no waiting event any more, if any."""
        event, context = act.event, act.context
        given = {"reactor": event.reactor, "at": context.effective_at, "by": context.acting_id, "why": event.why}
        gone: str | None = None
        with self.connection.transaction():
            match event:
                case ReactorPaused():
                    self.connection.execute(PAUSE, given)
                case ReactorResumed():
                    self.connection.execute(RESUME, given)
                case WaitingEventsRetried():
                    self.connection.execute(RETRY, {**given, "position": event.event_position})
                case WaitingEventSkipped():
                    gone = self._skip(event.reactor, event.event_position)
                case _:  # the engine adds and removes followers
                    pass
            self.connection.execute(ACT_DONE, (act.position, event.reactor))
        return gone

    def _skip(self, reactor: str, position: int) -> str | None:
        row = self.connection.execute(KEY_AT, (reactor, position)).fetchone()
        if row is None:
            return None
        key: str = row[0]
        return key if self.done(reactor, key, position) is None else None


def _given(name: str, key: str, failure: Failure) -> Mapping[str, object]:
    return {
        "reactor": name,
        "key": key,
        "tries": failure.tries,
        "error": failure.error,
        "wait": timedelta(seconds=failure.wait_s),
        "parked": failure.parked,
    }
