"""The log behind the recorder interface of the eventsourcing library, so that its applications can run on it.

A thin synchronous face: its reads go through the view `log.stored_events`, its appends take the lock of the log and
get dense positions like everyone else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresFactory

from infrastructure.event_log import statements as sql

VIEW = "stored_events"

INSERT = """
INSERT INTO log.event (position, recorded_at, effective_at, version, stream, name, payload, acting_id, subject_id,
                       organisation_id, mandate_id, activity, command_id, correlation_id, causation_id, trace)
SELECT %(head)s + place, %(now)s, %(now)s, version, stream, name, payload, '', '', '', '', '', '', '', '', ''
FROM unnest(%(versions)s::int[], %(streams)s::text[], %(names)s::text[], %(payloads)s::bytea[])
     WITH ORDINALITY AS new (version, stream, name, payload, place)
"""


class LogRecorder(PostgresApplicationRecorder):
    """Records the events of a library application in the log. The schema must have been migrated."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = VIEW) -> None:  # noqa: ARG002
        datastore.schema = "log"
        super().__init__(datastore, events_table_name=VIEW)
        self.channel_name = sql.CHANNEL

    def create_table(self) -> None:
        """Do nothing: the migrations made the log."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:  # noqa: ANN401
        """Append the events; return their positions. A taken version raises the library's IntegrityError."""
        if not stored_events:
            return []
        # The library's contexts turn the driver's errors into its own.
        with self.datastore.get_connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(sql.LOCK)
            row = cursor.execute(sql.HEAD).fetchone()
            assert row is not None
            head, now = row.values()
            cursor.execute(
                INSERT,
                {
                    "head": head,
                    "now": now,
                    "versions": [event.originator_version for event in stored_events],
                    "streams": [str(event.originator_id) for event in stored_events],
                    "names": [event.topic for event in stored_events],
                    "payloads": [event.state for event in stored_events],
                },
            )
            cursor.execute(sql.NOTIFY, (str(head + len(stored_events)),))
        return list(range(head + 1, head + len(stored_events) + 1))

    def select_events(self, originator_id: UUID | str, **bounds: Any) -> Sequence[StoredEvent]:  # noqa: ANN401
        found = super().select_events(str(originator_id), **bounds)
        return [replace(event, originator_id=originator_id) for event in found]

    def select_notifications(self, *arguments: Any, **bounds: Any) -> Sequence[Notification]:  # noqa: ANN401
        found: Sequence[Notification] = super().select_notifications(*arguments, **bounds)
        if self.datastore.originator_id_type == "text":
            return found
        return [replace(event, originator_id=UUID(str(event.originator_id))) for event in found]


class Factory(PostgresFactory):
    """Set as `PERSISTENCE_MODULE`, this module gives a library application the log to record in."""

    application_recorder_class = LogRecorder
