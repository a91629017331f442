"""The log passes the eventsourcing library's own tests of recorders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.tests import persistence
from eventsourcing.utils import Environment

from infrastructure.library_recorders import recorders as ours
from tests.infrastructure.sample_letter_box import settings

KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture
def factory(database_url: str) -> Iterator[ours.Factory]:
    # The pool is larger than the number of threads in the library's tests: each test shall wait for the log alone.
    env = settings(database_url) | {"POSTGRES_MAX_OVERFLOW": "20"}
    with InfrastructureFactory[Any].construct(Environment(env=env)) as factory:
        assert isinstance(factory, ours.Factory)
        yield factory


@pytest.fixture
def recorder(factory: ours.Factory) -> ours.LogProcessRecorder:
    factory.datastore.originator_id_type = "text"
    recorder = factory.process_recorder()
    assert isinstance(recorder, ours.LogProcessRecorder)
    return recorder


# --- The library's own test classes ---------------------------------------------------------------------------------


class OnOurLog:
    """Gives the library's test classes our factory."""

    factory: ours.Factory

    @pytest.fixture(autouse=True)
    def _on_our_log(self, factory: ours.Factory) -> None:
        self.factory = factory


class TestAggregateRecorder(OnOurLog, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory.aggregate_recorder()


class TestSnapshotRecorder(OnOurLog, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory.aggregate_recorder(purpose="snapshots")


class TestApplicationRecorder(OnOurLog, persistence.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestProcessRecorderAsApplicationRecorder(OnOurLog, persistence.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.process_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnOurLog, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()


class TestTrackingRecorder(OnOurLog, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        tracking: PostgresTrackingRecorder = self.factory.tracking_recorder()
        return tracking


class TestProcessRecorder(OnOurLog, persistence.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory.process_recorder()


class OtherTrackingRecorder(PostgresTrackingRecorder):
    """Somebody's own subclass."""


class TestFactory(persistence.InfrastructureFactoryTestCase[ours.Factory]):
    @pytest.fixture(autouse=True)
    def _settings(self, database_url: str) -> None:
        self.env = Environment(env=settings(database_url))

    def expected_factory_class(self) -> type[ours.Factory]:
        return ours.Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return ours.LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return ours.LogRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return OtherTrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return ours.LogProcessRecorder


# --- What else we promise -------------------------------------------------------------------------------------------


def stored(originator_id: str, version: int) -> StoredEvent:
    return StoredEvent(originator_id=originator_id, originator_version=version, topic="topic", state=b"exact")


def streams(recorder: ApplicationRecorder) -> list[tuple[int, object]]:
    return [(event.id, event.originator_id) for event in recorder.select_notifications(start=1, limit=10)]


def test_a_taken_version_refuses_the_whole_append(recorder: ours.LogProcessRecorder) -> None:
    assert recorder.insert_events([stored("a", 1), stored("b", 1)]) == [1, 2]
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored("c", 1), stored("a", 1)])
    assert streams(recorder) == [(1, "a"), (2, "b")]
    assert recorder.max_notification_id() == 2
    assert recorder.insert_events([]) == []


def test_a_notification_that_was_processed_before_writes_no_event_again(recorder: ours.LogProcessRecorder) -> None:
    recorder.insert_events([stored("a", 1)], tracking=Tracking("upstream", 5))
    for seen in (5, 4):
        with pytest.raises(IntegrityError):
            recorder.insert_events([stored("b", 1)], tracking=Tracking("upstream", seen))
    assert streams(recorder) == [(1, "a")]
    assert recorder.insert_events([stored("b", 1)], tracking=Tracking("upstream", 6)) == [2]


def test_events_that_are_refused_leave_their_notification_to_be_processed(recorder: ours.LogProcessRecorder) -> None:
    recorder.insert_events([stored("a", 1)], tracking=Tracking("upstream", 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored("a", 1)], tracking=Tracking("upstream", 2))
    assert recorder.max_tracking_id("upstream") == 1
    assert recorder.insert_events([stored("a", 2)], tracking=Tracking("upstream", 2)) == [2]


def test_five_thousand_events_are_saved_at_once(recorder: ours.LogProcessRecorder) -> None:
    # The library's own recorder can hang on this for ever.
    events = [stored("a", version) for version in range(1, 5_001)]
    assert recorder.insert_events(events) == list(range(1, 5_001))
    assert len(recorder.select_events("a")) == 5_000


def test_connections_that_were_lost_while_nobody_used_them_harm_no_append(
    recorder: ours.LogProcessRecorder, database_url: str
) -> None:
    recorder.insert_events([stored("a", 1)])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(KILL)
    assert recorder.insert_events([stored("a", 2)]) == [2]
    assert streams(recorder) == [(1, "a"), (2, "a")]


class CutOff(ours.LogProcessRecorder):
    """Loses its connection in the middle of every transaction."""

    tries = 0

    def _insert_events(self, curs: Any, stored_events: Any, **kwargs: Any) -> None:
        self.tries += 1
        super()._insert_events(curs, stored_events, **kwargs)
        curs.connection.close()


def test_an_append_whose_connection_is_lost_is_told_and_not_tried_again(factory: ours.Factory) -> None:
    factory.process_recorder()
    recorder = CutOff(factory.datastore)
    with pytest.raises(OperationalError):
        recorder.insert_events([stored("a", 1)], tracking=Tracking("upstream", 1))
    assert recorder.tries == 1
    assert recorder.max_notification_id() is None
    assert recorder.max_tracking_id("upstream") is None


def test_streams_are_named_as_the_application_names_them(factory: ours.Factory) -> None:
    recorder = factory.application_recorder()
    ours_and_theirs = ("counter-a", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "{F81D4FAE7DEC11D0A76500A0C91E6BF6}")
    recorder.insert_events([stored(name, 1) for name in ours_and_theirs])
    kinds = [type(event.originator_id).__name__ for event in recorder.select_notifications(start=None, limit=10)]
    assert kinds == ["str", "UUID", "str"]
    assert [str(name) for _, name in streams(recorder)] == list(ours_and_theirs)


def test_the_library_keeps_out_of_the_schema_of_the_log(factory: ours.Factory, database_url: str) -> None:
    factory.process_recorder()
    factory.aggregate_recorder(purpose="snapshots")
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY table_name"
    with psycopg.connect(database_url) as connection:
        found = connection.execute(tables, [ours.SCHEMA]).fetchall()
    assert found == [("notification_tracking",), ("stored_snapshots",)]
    with pytest.raises(OSError, match="POSTGRES_SCHEMA"):
        InfrastructureFactory[Any].construct(Environment(env=settings(database_url) | {"POSTGRES_SCHEMA": "log"}))
