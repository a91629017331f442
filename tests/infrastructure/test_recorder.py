"""The log passes the eventsourcing library's own tests of recorders."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests import persistence
from psycopg.conninfo import conninfo_to_dict

from infrastructure.event_log.recorder import LogRecorder


@pytest.fixture
def datastore(database_url: str) -> Iterator[PostgresDatastore]:
    where = conninfo_to_dict(database_url)
    with PostgresDatastore(
        dbname=str(where["dbname"]),
        host=str(where["host"]),
        port=str(where["port"]),
        user=str(where["user"]),
        password=str(where["password"]),
        pool_size=4,
        max_overflow=20,
    ) as datastore:
        yield datastore


class OnOurLog:
    """Gives the library's test classes our recorder."""

    recorder: LogRecorder

    @pytest.fixture(autouse=True)
    def _on_our_log(self, datastore: PostgresDatastore) -> None:
        self.recorder = LogRecorder(datastore)

    def create_recorder(self) -> LogRecorder:
        return self.recorder


class TestApplicationRecorder(OnOurLog, persistence.ApplicationRecorderTestCase[ApplicationRecorder]):
    pass


class TestNonInterleaving(OnOurLog, persistence.NonInterleavingNotificationIDsBaseCase):
    pass


def stored(originator_id: str, version: int) -> StoredEvent:
    return StoredEvent(originator_id=originator_id, originator_version=version, topic="topic", state=b"exact")


def test_a_taken_version_refuses_the_whole_append(datastore: PostgresDatastore) -> None:
    recorder = LogRecorder(datastore)
    datastore.originator_id_type = "text"
    assert list(recorder.insert_events([stored("a", 1), stored("b", 1)]) or ()) == [1, 2]
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored("c", 1), stored("a", 1)])
    assert [n.originator_id for n in recorder.select_notifications(start=1, limit=10)] == ["a", "b"]
    assert recorder.max_notification_id() == 2
    assert recorder.insert_events([]) == []
