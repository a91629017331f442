"""The peer: the projection runner of the eventsourcing library, on its own log of the same events.

As its documentation has it: an application recorder and a tracking recorder in PostgreSQL, and a projection whose
view writes the rows and the place in the log in one transaction for each event. It has no batches to choose; what it
offers for speed is used: prepared statements, single-row tracking, connections that stay open in a pool.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from benchmarks.log.appends import library_settings
from benchmarks.projections.work import NAMES as CASE_NAMES
from benchmarks.projections.work import CaseClosed, CaseMoved, CaseOpened
from projections.words import CIVIL_TIME

SAVED_AT_ONCE = 100
WAIT_S = 600
FIRST = "SELECT stream, version, effective_at, name, payload FROM log.event WHERE position <= %s ORDER BY position"

# --- Its log --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact(DomainEvent):
    """An event of ours as the library keeps its own: the same fields, under its own encoding."""

    stored_name: str
    content: dict[str, Any]


class Facts(Application[UUID]):
    """The library's own application, recording in its own tables."""


def copy_log(url: str, stock_url: str, events: int) -> int:
    """Write the first events of our log into the library's, in order; return how many it holds."""
    with psycopg.connect(url) as connection, Facts(env=_environment(stock_url)) as application:
        facts = [_fact(*row) for row in connection.execute(FIRST, (events,))]
        for start in range(0, len(facts), SAVED_AT_ONCE):
            application.save(*facts[start : start + SAVED_AT_ONCE])
        return len(facts)


def _fact(stream: str, version: int, effective_at: datetime, name: str, payload: bytes) -> Fact:
    return Fact(
        originator_id=uuid5(NAMESPACE_URL, stream),
        originator_version=version,
        timestamp=effective_at,
        stored_name=name,
        content=msgspec.json.decode(payload),
    )


def _environment(url: str) -> dict[str, str]:
    where = {f"POSTGRES_{name.upper()}": value for name, value in library_settings(url).items()}
    return {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_POOL_SIZE": "5", **where}


# --- Its views ------------------------------------------------------------------------------------------------------


class View(PostgresTrackingRecorder):
    """Rows of ours and the library's place in the log, written together."""

    TABLE: ClassVar[str]
    COLUMNS: ClassVar[str]

    def __init__(self, datastore: PostgresDatastore, **given: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(datastore, **given)
        self.sql_create_statements.append(SQL(f"CREATE TABLE IF NOT EXISTS {self.TABLE} ({self.COLUMNS})").format())

    def write(self, statement: str, values: Mapping[str, Any], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement.encode(), values, prepare=True)


class CountsView(View):
    TABLE = "stock_counts"
    COLUMNS = "day date, event text, events bigint NOT NULL, PRIMARY KEY (day, event)"


class RowsView(View):
    TABLE = "stock_cases"
    COLUMNS = (
        "case_id text PRIMARY KEY, office_id text NOT NULL, state text NOT NULL, opened_at timestamptz NOT NULL, "
        "changed_at timestamptz NOT NULL, outcome text NOT NULL"
    )


# --- Its projections ------------------------------------------------------------------------------------------------

ADD = """
INSERT INTO stock_counts AS held VALUES (%(day)s, %(name)s, 1)
ON CONFLICT (day, event) DO UPDATE SET events = held.events + 1
"""
OPENED = """
INSERT INTO stock_cases VALUES (%(case_id)s, %(office_id)s, 'open', %(at)s, %(at)s, '')
ON CONFLICT (case_id) DO UPDATE SET office_id = excluded.office_id, state = excluded.state,
    opened_at = excluded.opened_at, changed_at = excluded.changed_at, outcome = excluded.outcome
"""
MOVED = (
    "UPDATE stock_cases SET office_id = %(office_id)s, state = 'moved', changed_at = %(at)s WHERE case_id = %(case_id)s"
)
CLOSED = (
    "UPDATE stock_cases SET state = 'closed', outcome = %(outcome)s, changed_at = %(at)s WHERE case_id = %(case_id)s"
)
CASE_STATEMENTS = {CASE_NAMES[CaseOpened]: OPENED, CASE_NAMES[CaseMoved]: MOVED, CASE_NAMES[CaseClosed]: CLOSED}


class Timed(Projection[View]):
    """Notes when the first event came and when the last one was done: starting and stopping are not counted."""

    began = 0.0
    ended = 0.0

    def process_event(self, domain_event: Fact, tracking: Tracking) -> None:
        self.began = self.began or time.perf_counter()
        self.fold(domain_event, tracking)
        self.ended = time.perf_counter()

    @abstractmethod
    def fold(self, fact: Fact, tracking: Tracking) -> None: ...


class Counts(Timed):
    name = "stock_counts"

    def fold(self, fact: Fact, tracking: Tracking) -> None:
        day = fact.timestamp.astimezone(CIVIL_TIME).date()
        self.view.write(ADD, {"day": day, "name": fact.stored_name}, tracking)


class Rows(Timed):
    name = "stock_rows"

    def fold(self, fact: Fact, tracking: Tracking) -> None:
        self.view.write(CASE_STATEMENTS[fact.stored_name], {**fact.content, "at": fact.timestamp}, tracking)


# --- The contender --------------------------------------------------------------------------------------------------


def counts(url: str, events: int) -> float:
    """Return events a second folded into counts, from an empty table on."""
    return _run(url, events, Counts, CountsView)


def rows(url: str, events: int) -> float:
    """Return events a second folded into one row for each case, from an empty table on."""
    return _run(url, events, Rows, RowsView)


def _run(url: str, events: int, projection: type[Timed], view: type[View]) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {view.TABLE}, {projection.name}_tracking".encode())
    with ProjectionRunner(
        application_class=Facts, projection_class=projection, view_class=view, env=_environment(url)
    ) as runner:
        runner.wait(events, timeout=WAIT_S)
        assert isinstance(runner.projection, Timed)
        return events / (runner.projection.ended - runner.projection.began)


def counted(url: str) -> Sequence[tuple[date, str, int]]:
    """Return the counts, in order."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT day, event, events FROM stock_counts ORDER BY 1, 2").fetchall()


def kept(url: str) -> Sequence[tuple[Any, ...]]:
    """Return the rows of cases, in order."""
    with psycopg.connect(url) as connection:
        return connection.execute('SELECT * FROM stock_cases ORDER BY case_id COLLATE "C"').fetchall()
