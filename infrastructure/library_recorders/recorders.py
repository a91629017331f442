"""Recorders of the eventsourcing library on our log: its applications run on the log unchanged.

Set this module as `PERSISTENCE_MODULE`, beside the library's own `POSTGRES_...` settings. All events go into the one
log, and a notification id is a position. What is not an event stays in tables of the library in a schema of their own:
snapshots, and how far a process or projection has come.

There is one log for all applications of a database. A follower or projection of the library that does not know every
event in it names its topics; one that reacts to any event at all also meets its own, so it records elsewhere: its
settings, with its name before them, can point to another database or another persistence module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg
from eventsourcing import postgres
from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
)
from eventsourcing.utils import Environment, EnvType, retry
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from domain.kernel import Context
from infrastructure.event_log import log_statements as sql
from infrastructure.event_log.log_writer import assume, columns
from infrastructure.event_log.resolve import EventRow, Resolved, StreamHead
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.postgres.arrays import register_types

TView = TypeVar("TView", bound=postgres.PostgresTrackingRecorder)
Cursor = psycopg.Cursor[DictRow]

SCHEMA = "eventsourcing"
"""Where the library's own tables go unless `POSTGRES_SCHEMA` names another schema."""

MAX_TRIES = 10
RETRY_INTERVAL_S = 0.2
"""As in the library. Each try can get another dead connection of the pool."""

STOP_INTERVAL_S = 0.1
"""How often a waiting subscription checks whether it was stopped. The database is asked nothing."""

VIEW = "stored_events"
_LAST = 2**63 - 1

SELECT_EVENTS = "SELECT * FROM log.stored_events WHERE originator_id = %s"

MAX_NOTIFICATION_ID = "SELECT max(notification_id) FROM log.stored_events"

SELECT_NOTIFICATIONS = """
SELECT notification_id AS id, originator_id, originator_version, topic, state FROM log.stored_events
WHERE notification_id > %(after)s AND notification_id <= %(until)s{of_topics} ORDER BY id LIMIT %(limit)s
"""
OF_TOPICS = " AND topic = ANY(%(topics)s)"


class LogRecorder(postgres.PostgresApplicationRecorder):
    """Records the events of a library application in the log. The schema must have been migrated."""

    def __init__(self, datastore: postgres.PostgresDatastore, **_names: str) -> None:
        super().__init__(datastore, events_table_name=VIEW)
        # The migrations made the log: the library makes no table for events.
        self.sql_create_statements = []
        self.channel_name = sql.CHANNEL
        self.select_events_statement = SQL(SELECT_EVENTS).format()
        self.max_notification_id_statement = SQL(MAX_NOTIFICATION_ID).format()

    # --- Appending --------------------------------------------------------------------------------------------------

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: object) -> Sequence[int] | None:
        """Append the events and all that the library records with them, or nothing; return their positions.

        A taken version, or a notification processed before, raises the library's IntegrityError. With
        OperationalError it is not known whether the events were written; a second call cannot write them twice.
        """
        stack, cursor = self._begin()
        with stack:
            # Tracking comes first, so that it does not wait while the log is locked.
            self._insert_events(cursor, stored_events, **kwargs)
            return self._append(cursor, stored_events) if stored_events else []

    def _append(self, cursor: Cursor, stored_events: Sequence[StoredEvent]) -> Sequence[int]:
        cursor.execute(sql.LOCK)
        resolved = _resolved(stored_events)
        streams = sorted({row.stream for row in resolved.rows})
        held = {row["stream"]: row["version"] for row in cursor.execute(sql.VERSIONS, (streams,))}
        if any(row.version <= held.get(row.stream, -1) for row in resolved.rows):
            raise IntegrityError("an event of this version is in the log already")
        register_types(cursor)
        written_as = sql.APPEND_PROTOCOL, uuid4(), 0, None
        parameters = *written_as, *assume(dict.fromkeys(streams, 0) | held), *columns(resolved, 0, held)
        (row,) = cursor.execute(sql.APPEND, parameters).fetchall()
        before = row["append"]
        assert before is not None, "while its lock is held, the log holds what was just read from it"
        return list(range(before + 1, before + len(stored_events) + 1))

    @retry((InterfaceError, OperationalError), max_attempts=MAX_TRIES, wait=RETRY_INTERVAL_S)
    def _begin(self) -> tuple[ExitStack, Cursor]:
        """Begin a transaction, on another connection if the first one was lost in the pool.

        Only this is tried again by itself. The library would try the whole of it again, and then refuse what it had
        written itself when just the answer to its commit was lost.
        """
        with ExitStack() as stack:
            # The library's context turns the driver's errors into its own.
            connection = stack.enter_context(self.datastore.get_connection())
            stack.enter_context(connection.transaction())
            return stack.pop_all(), connection.cursor()

    # --- Reading ----------------------------------------------------------------------------------------------------

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        found = super().select_events(str(originator_id), gt=gt, lte=lte, desc=desc, limit=limit)
        return [replace(event, originator_id=originator_id) for event in found]

    @retry((InterfaceError, OperationalError), max_attempts=MAX_TRIES, wait=RETRY_INTERVAL_S)
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return at most `limit` events from position `start` to `stop`, in order; only those of the topics, if any."""
        bounds = {
            "after": 0 if start is None else start - int(inclusive_of_start),
            "until": _LAST if stop is None else stop,
            "limit": limit,
            "topics": list(topics),
        }
        statement = SELECT_NOTIFICATIONS.format(of_topics=OF_TOPICS if topics else "")
        with self.datastore.get_connection() as connection:
            rows = connection.execute(statement, bounds).fetchall()
        return [Notification(**row | {"originator_id": self._originator_id(row["originator_id"])}) for row in rows]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LibrarySubscription:
        return LibrarySubscription(recorder=self, gt=gt, topics=topics)

    def _originator_id(self, stream: str) -> UUID | str:
        """Return the stream as the application names it: a UUID, or the text of another application's stream."""
        if self.datastore.originator_id_type == "uuid":
            with contextlib.suppress(ValueError):
                originator_id = UUID(stream)
                return originator_id if str(originator_id) == stream else stream
        return stream


class LibrarySubscription(postgres.PostgresSubscription):
    """The library's subscription, woken by notifications of the log."""

    def _listen(self) -> None:
        """Subscribe, then wake the reading thread once more.

        That thread reads first as soon as it can. An append after that and before our LISTEN notifies nobody: the
        library's own subscription misses it until the next append.
        """
        try:
            with self._recorder.datastore.get_connection() as connection, LogSubscription(connection) as subscription:
                self._has_been_notified.set()
                while not self._has_been_stopped and self._thread_error is None:
                    if subscription.wait(STOP_INTERVAL_S):
                        self._has_been_notified.set()
        except Exception as error:  # noqa: BLE001 - raised again by the iterating thread
            self._thread_error = self._thread_error or error
            self.stop()


class LogAggregateRecorder(LogRecorder):
    """Records events in the log; an aggregate recorder returns no positions."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: object) -> None:
        super().insert_events(stored_events, **kwargs)


class LogProcessRecorder(postgres.PostgresProcessRecorder, LogRecorder):
    """Records events in the log and, in the same transaction, the processed notification in the library's table.

    The order of the bases matters: the library's `_insert_events` records the tracking, and LogRecorder calls it in its
    own transaction.
    """


class Factory(postgres.PostgresFactory):
    """Makes the recorders of a library application, as `PERSISTENCE_MODULE`.

    The library's tables are made in their schema as the library makes them, by a role that may; with `CREATE_TABLE=n`
    the role needs no more than to read and write them.
    """

    application_recorder_class = LogRecorder
    process_recorder_class = LogProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        schema = self.env.get(self.POSTGRES_SCHEMA) or SCHEMA
        if schema == "log":
            raise OSError("The library's tables cannot be in the schema `log`: set POSTGRES_SCHEMA to another one.")
        self.datastore.schema = schema

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder of events in the log, or of snapshots, whose versions have gaps, in a library table."""
        if purpose == "events":
            return LogAggregateRecorder(self.datastore)
        self._make_schema()
        return super().aggregate_recorder(purpose)

    def tracking_recorder(self, tracking_recorder_class: type[TView] | None = None) -> TView:
        self._make_schema()
        return super().tracking_recorder(tracking_recorder_class)

    def process_recorder(self) -> ProcessRecorder:
        self._make_schema()
        return super().process_recorder()

    def _make_schema(self) -> None:
        if not self.env_create_table():
            return
        schema = self.datastore.schema
        with self.datastore.get_connection() as connection:
            # Without the right to make schemas, CREATE SCHEMA IF NOT EXISTS fails even for an existing one.
            if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone():
                return
            # Two applications may start at once.
            with contextlib.suppress(psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):
                connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))


def _resolved(stored_events: Sequence[StoredEvent]) -> Resolved:
    context = Context(acting_id="", effective_at=datetime.now(UTC))
    resolved = Resolved()
    for place, event in enumerate(stored_events, 1):
        stream, version = str(event.originator_id), event.originator_version
        resolved.rows.append(EventRow(place, stream, version, event.topic, event.state, context))
        first = resolved.streams[stream].first_position if stream in resolved.streams else place
        resolved.streams[stream] = StreamHead(version, first, place)
    return resolved
