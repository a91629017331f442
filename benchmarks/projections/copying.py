"""Makes a log many times as large inside the database: copies of its events that are about other people and things.

Ids in the sample history and in the cases of this benchmark are UUIDs of version 4: "-4" stands in each of them, where
the version stands. A copy has another digit there, in its streams, its payloads and its contexts alike, so that what
belongs together still does, and nothing has the id of anything else. Times stay, but for the one of recording.

Only the owner of the database can do this; the log has no door for it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.event_log.log_statements import AS_APPEND

FREE_DIGITS = "56789abcd"
"""What stands in the place of the version: no id has one of these there yet."""

REPLAYED_DIGITS = "ef012"
"""The same in ids of events that are appended again, to be followed live."""

AT_ONCE = 2

Connection = psycopg.Connection[Any]

# Families of services are known by a word, and looks at personal data by a UUID of version 7.
OTHER_IDS = ["service_family-%", "access-%"]
FAMILY_REGISTERED = "organisations.service-family-registered.v1"

EVENTS = """
INSERT INTO log.event
SELECT position + {shift}, {recorded_at}, effective_at, version, {stream}, name,
       convert_to(CASE
           WHEN name = {family_registered} THEN replace({payload}, '"code":"', '"code":"{digit}')
           ELSE replace({payload}, '"service_family":"', '"service_family":"{digit}')
       END, 'UTF8'),
       {acting_id}, {subject_id}, {organisation_id}, {mandate_id}, activity,
       {command_id}, {correlation_id}, {causation_id}, trace
FROM log.event WHERE position <= {events} ORDER BY position
"""
STREAMS = """
INSERT INTO log.stream (stream, version, first_position, last_position)
SELECT {stream}, version, first_position + {shift}, last_position + {shift}
FROM log.stream WHERE last_position <= {events}
"""
COMMIT = """
INSERT INTO log.commit (position, recorded_at, writer_id, batch)
SELECT position, recorded_at, gen_random_uuid(), 0 FROM log.event WHERE position = %s ON CONFLICT DO NOTHING
"""
IDS = ("acting_id", "subject_id", "organisation_id", "mandate_id", "command_id", "correlation_id", "causation_id")


def multiply(url: str, times: int) -> int:
    """Make the log so many times as large; return its head. `url` is the owner's, and nobody else may write."""
    if not 1 <= times <= len(FREE_DIGITS) + 1:
        raise ValueError(f"a log is copied {len(FREE_DIGITS)} times at most")
    with psycopg.connect(url, autocommit=True) as connection:
        events = _head(connection)
        _make_room(connection, events * times)
        # One instant for all copies: the time of recording never goes back, whichever copy is written first.
        (recorded_at,) = connection.execute("SELECT clock_timestamp()").fetchone() or ()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(partial(_copy, url, events, recorded_at), range(1, times)))
        connection.execute(COMMIT, (events * times,))
        connection.execute("VACUUM (ANALYZE) log.event")
        connection.execute("VACUUM (ANALYZE) log.stream")
        return _head(connection)


def _copy(url: str, events: int, recorded_at: datetime, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(AS_APPEND)
        for statement in (EVENTS, STREAMS):
            connection.execute(_composed(statement, events, recorded_at, number))


def _composed(statement: str, events: int, recorded_at: datetime, number: int) -> sql.Composed:
    digit = FREE_DIGITS[number - 1]
    return sql.SQL(statement).format(
        shift=sql.Literal(number * events),
        events=sql.Literal(events),
        recorded_at=sql.Literal(recorded_at),
        digit=sql.SQL(digit),
        family_registered=sql.Literal(FAMILY_REGISTERED),
        payload=replaced("convert_from(payload, 'UTF8')", digit),
        stream=sql.SQL("CASE WHEN stream LIKE ANY ({other_ids}) THEN {worded} ELSE {other} END").format(
            other_ids=sql.Literal(OTHER_IDS),
            worded=sql.SQL("replace(stream, '-', '-' || {})").format(sql.Literal(digit)),
            other=replaced_stream("stream", digit),
        ),
        **{name: replaced(name, digit) for name in IDS},
    )


def replaced(expression: str, digit: str) -> sql.Composed:
    """Return the SQL that gives a text with the ids of a copy in the place of its own."""
    return sql.SQL("replace({}, '-4', {})").format(sql.SQL(expression), sql.Literal(f"-{digit}"))


def replaced_stream(expression: str, digit: str) -> sql.Composed:
    """Return the same for the name of a stream, whose id may begin with a 4."""
    parts = f"split_part({expression}, '-', 1)", f"substr({expression}, strpos({expression}, '-') + 1)"
    return sql.SQL("{} || '-' || {}").format(sql.SQL(parts[0]), replaced(parts[1], digit))


def _make_room(connection: Connection, events: int) -> None:
    covered = "SELECT max(last_position) FROM log.partition"
    while _number(connection, covered) < events:
        connection.execute("SELECT log.add_partition()")


def _head(connection: Connection) -> int:
    return _number(connection, "SELECT log.head()")


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
