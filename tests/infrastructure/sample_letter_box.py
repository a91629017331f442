"""A small application of the eventsourcing library, written as its own guide would have it: it knows nothing of us."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, DomainEventProtocol, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from eventsourcing.system import ProcessApplication, System
from eventsourcing.utils import get_topic
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

OURS = "infrastructure.library_recorders.recorders"
STOCK = "eventsourcing.postgres"


def settings(url: str, persistence_module: str = OURS) -> dict[str, str]:
    """Return what an application of the library is configured with: this, and nothing else, chooses its recorders."""
    where = conninfo_to_dict(url)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    return {
        "PERSISTENCE_MODULE": persistence_module,
        **{f"POSTGRES_{setting}": str(where[part]) for setting, part in names.items()},
    }


class LetterBox(Aggregate):
    @event("Opened")
    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.letters: list[str] = []

    @event("LetterReceived")
    def receive(self, letter: str) -> None:
        self.letters.append(letter)

    @event("Emptied")
    def empty(self) -> None:
        self.letters.clear()


class Letters(Application[UUID]):
    snapshotting_intervals: ClassVar[dict[Any, int]] = {LetterBox: 3}

    def open(self, owner: str, *letters: str) -> UUID:
        box = LetterBox(owner)
        for letter in letters:
            box.receive(letter)
        self.save(box)
        return box.id

    def receive(self, box_id: UUID, letter: str) -> int:
        """Return the position of the new event."""
        box = self.box(box_id)
        box.receive(letter)
        return self.save(box)[-1].notification.id

    def box(self, box_id: UUID, version: int | None = None) -> LetterBox:
        box: LetterBox = self.repository.get(box_id, version=version)
        return box


# --- A projection of it ---------------------------------------------------------------------------------------------


class LetterCounts(PostgresTrackingRecorder):
    """How many letters there are, in a table of its own beside its tracking."""

    def __init__(self, datastore: PostgresDatastore, **names: Any) -> None:
        super().__init__(datastore, **names)
        table = {"table": Identifier(datastore.schema, "letter_count")}
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {table} (letters bigint NOT NULL)").format(**table)
        )
        self._insert = SQL("INSERT INTO {table} VALUES (1)").format(**table)
        self._select = SQL("SELECT coalesce(sum(letters), 0)::bigint AS letters FROM {table}").format(**table)

    def count_one(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._insert)

    def letters(self) -> int:
        with self.datastore.transaction() as cursor:
            row = cursor.execute(self._select).fetchone()
            assert row is not None
            return int(row["letters"])


class CountLetters(Projection[LetterCounts]):
    name = "count_letters"
    topics = (get_topic(LetterBox.LetterReceived),)  # type: ignore[attr-defined]

    def process_event(self, _domain_event: Any, tracking: Tracking) -> None:
        self.view.count_one(tracking)


# --- An application that follows it ---------------------------------------------------------------------------------


class Answer(Aggregate):
    def __init__(self, box_id: UUID, to_version: int) -> None:
        self.box_id = box_id
        self.to_version = to_version

    @staticmethod
    def create_id(box_id: UUID, to_version: int) -> UUID:
        return uuid5(NAMESPACE_URL, f"/answers/{box_id}/{to_version}")


class Answers(ProcessApplication[UUID]):
    """Answers every letter, once."""

    @singledispatchmethod
    def policy(self, domain_event: DomainEventProtocol[UUID], processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(domain_event, LetterBox.LetterReceived):  # type: ignore[attr-defined]
            answer = Answer(box_id=domain_event.originator_id, to_version=domain_event.originator_version)
            processing_event.collect_events(answer)


POST = System(pipes=[[Letters, Answers]])
