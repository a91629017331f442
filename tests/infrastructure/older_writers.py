"""How earlier releases wrote the log: the SQL of one append, as they sent it, of an event of the sample counter."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import psycopg

import migrations

OlderWriter: TypeAlias = Callable[[psycopg.Connection, str], None]
"""Appends one event to a stream, in a transaction."""

NAME = "test.counter-raised.v1"
PAYLOAD = b'{"amount":1}'


def write_as_0_1_0(connection: psycopg.Connection, stream: str) -> None:
    """Insert the event under an advisory lock, as release 0.1.0 did: neither `log.append` nor roles were there."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(30243645427377515)")
        row = connection.execute(
            "SELECT coalesce(max(position), 0), greatest(clock_timestamp(), max(recorded_at)) "
            "FROM (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS last"
        ).fetchone()
        assert row is not None
        (version,) = connection.execute(
            "SELECT coalesce(max(version), 0) FROM log.event WHERE stream = %s", (stream,)
        ).fetchone() or (0,)
        connection.execute(
            "INSERT INTO log.event (position, recorded_at, effective_at, version, stream, name, payload, acting_id, "
            "subject_id, organisation_id, mandate_id, activity, command_id, correlation_id, causation_id, trace) "
            "SELECT position, %s, effective_at, version, stream, name, payload, '', '', '', '', '', '', '', '', '' "
            "FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::bytea[]) "
            "AS new (position, effective_at, version, stream, name, payload)",
            (row[1], [row[0] + 1], [row[1]], [version + 1], [stream], [NAME], [PAYLOAD]),
        )
        connection.execute("SELECT pg_notify('kroniek_log', %s)", (str(row[0] + 1),))


def write_without_protocol(connection: psycopg.Connection, stream: str) -> None:
    """Call `log.append` with 38 parameters, as releases before migration 14 did."""
    (version,) = connection.execute("SELECT version FROM log.stream WHERE stream = %s", (stream,)).fetchone() or (0,)
    now = connection.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    named: Mapping[str, list[object]] = {
        "presumed_streams": [stream], "presumed_versions": [version], "effective_ats": [now[0]],
        "versions": [version + 1], "streams": [stream], "names": [NAME], "payloads": [PAYLOAD],
        **{name: [""] for name in ("acting_ids", "subject_ids", "organisation_ids", "mandate_ids", "activities")},
        **{name: [""] for name in ("command_ids", "correlation_ids", "causation_ids", "traces")},
        "written_streams": [stream], "written_known": [version > 0], "written_to": [version + 1],
        "first_places": [1], "last_places": [1],
    }  # fmt: skip
    parameters = [uuid4(), 1, None, *(named.get(name) for name in _ARRAYS)]
    places = [f"%s::{kind}" for kind in ("uuid", "bigint", "bigint[]", *_ARRAYS.values())]
    call = f"SELECT log.append({', '.join(places)})"
    row = connection.execute(call.encode(), parameters).fetchone()
    assert row is not None
    assert row[0] is not None


_ARRAYS = {
    "presumed_streams": "text[]", "presumed_versions": "integer[]", "presumed_digests": "bytea[]",
    "presumed_holders": "text[]", "unused_owners": "text[]", "unused_keys": "text[]", "effective_ats": "timestamptz[]",
    "versions": "integer[]", "streams": "text[]", "names": "text[]", "payloads": "bytea[]", "acting_ids": "text[]",
    "subject_ids": "text[]", "organisation_ids": "text[]", "mandate_ids": "text[]", "activities": "text[]",
    "command_ids": "text[]", "correlation_ids": "text[]", "causation_ids": "text[]", "traces": "text[]",
    "written_streams": "text[]", "written_known": "boolean[]", "written_to": "integer[]", "first_places": "integer[]",
    "last_places": "integer[]", "released": "bytea[]", "claimed": "bytea[]", "claimed_by": "text[]",
    "key_owners": "text[]", "keys": "text[]", "fingerprints": "bytea[]", "receipt_streams": "text[]",
    "receipt_versions": "integer[]", "receipt_places": "integer[]", "receipt_events": "text[]",
}  # fmt: skip


def migrations_until(number: int, folder: Path) -> Path:
    """Put the migrations of an earlier release into a folder, and return it."""
    for file in sorted(Path(migrations.__path__[0]).glob("*.sql"))[:number]:
        shutil.copy(file, folder)
    return folder
