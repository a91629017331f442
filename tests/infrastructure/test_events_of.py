"""The events that made a row are found: in the stream that it belongs to, else in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.projector.proof.difference import MadeBy, events_of
from infrastructure.projector.rows.definitions import definitions
from projections.effects import AnyEffect, Put, RowKey, by_event
from projections.read_model import ReadModel
from tests.infrastructure.sample_counter import COUNTER_SUMS, COUNTERS, DECIDER, CounterRaised, CounterRow, append

Connection = psycopg.Connection[Any]


@by_event("it fails")
def _failing(recorded: Any) -> list[AnyEffect]:
    if recorded.event.amount == 3:
        raise ZeroDivisionError
    return [Put((recorded.aggregate_id,), {"last_amount": 0, "status": ""})]


class FailingRow(CounterRow):
    pass


FAILING = ReadModel(name="test_failing", version=1, row=FailingRow, rules={CounterRaised: _failing})
DEFINITIONS = definitions("tests", [DECIDER], [COUNTERS, COUNTER_SUMS, FAILING])


@pytest.fixture(scope="module")
def log(module_database_url: str) -> Iterator[Connection]:
    """A log of eight events: counter a is raised by 1, 2, 1, 3 and 1, and counter b, between them, by 1, 2 and 2."""

    async def send() -> None:
        async with PostgresLog(module_database_url, DEFINITIONS.codec, b"key") as log:
            await log.append([append("counter-a", 1, 2, at=0)])
            await log.append([append("counter-b", 1, 2, 2, at=0)])
            await log.append([append("counter-a", 1, 3, 1, at=2)])

    asyncio.run(send())
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        yield connection


def positions(made_by: MadeBy) -> tuple[list[int], bool]:
    return [recorded.position for recorded in made_by.events], made_by.more


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((("a",), 8, 20), ([1, 2, 6, 7, 8], False)),
        ((("a",), 6, 20), ([1, 2, 6], False)),
        ((("a",), 8, 2), ([1, 2], True)),
        ((("a",), 8, 5), ([1, 2, 6, 7, 8], False)),
        ((("b",), 8, 20), ([3, 4, 5], False)),
        ((("nobody",), 8, 20), ([], False)),
    ],
)
def test_a_row_of_a_stream_was_made_by_events_of_that_stream(
    log: Connection, asked: tuple[RowKey, int, int], expected: Any
) -> None:
    key, until, most = asked
    # The log is not looked through: no positions at once would be an error.
    scanned = 20 if key == ("nobody",) else 0
    found = events_of(log, DEFINITIONS, COUNTERS, key, until, most=most, scan_positions=scanned)
    assert positions(found) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (((1,), 8, 20), ([1, 3, 6, 8], False)),
        (((1,), 7, 20), ([1, 3, 6], False)),
        (((2,), 8, 2), ([2, 4], True)),
        (((2,), 8, 3), ([2, 4, 5], False)),
        (((9,), 8, 20), ([], False)),
    ],
)
def test_a_row_that_is_added_to_was_made_by_events_of_any_stream(
    log: Connection, asked: tuple[RowKey, int, int], expected: Any
) -> None:
    key, until, most = asked
    found = events_of(log, DEFINITIONS, COUNTER_SUMS, key, until, most=most, scan_positions=3)
    assert positions(found) == expected


@pytest.mark.parametrize(("bound", "expected"), [(8, ([1, 3, 6, 8], False)), (7, ([1, 3, 6], True))])
def test_looking_through_the_log_has_an_end(log: Connection, bound: int, expected: Any) -> None:
    assert positions(events_of(log, DEFINITIONS, COUNTER_SUMS, (1,), 8, scan_events=bound)) == expected


def test_what_is_parked_or_skipped_made_nothing(log: Connection) -> None:
    assert positions(events_of(log, DEFINITIONS, FAILING, ("a",), 8)) == ([1, 2, 6], False)
    assert positions(events_of(log, DEFINITIONS, FAILING, ("a",), 8, skipped={1, 7})) == ([2, 6, 8], False)
