"""Personal data outside sealed fields: claims and idempotency receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter

import psycopg
from psycopg import sql

from domain.identity.person import PERSON, PersonRegistered
from domain.kernel import PurposeGroup
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.sealing import personal_fields

OWN_STREAM: Mapping[type, Callable[[str], str]] = {PersonRegistered: PERSON.stream}
"""Events in a stream of the person's own, which also holds claims; others are found by the id in their payload."""

# No index finds a person's id within a payload. Erasures are rare, and this reads the events of one name only.
NAMING = """
SELECT stream, position FROM {table} WHERE name = %s AND position(%s::bytea IN payload) > 0 AND position <= %s
"""
IN_STREAM = "SELECT stream, position FROM {table} WHERE stream = %s AND name = %s AND position <= %s"
FORGET = "SELECT log.forget(%s::text[], %s::text[], %s::bigint[])"


async def remove_claims_and_receipts(url: str, codec: Codec, person_id: str, groups: Collection[PurposeGroup]) -> None:
    """Delete the claims and receipts that hold hashes of a person's data of these groups, as the role of the writer."""

    def remove() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            own, places = find_traces(connection, codec, person_id, groups)
            streams, positions = [stream for stream, _ in places], [position for _, position in places]
            connection.execute(FORGET, (own, streams, positions))

    await asyncio.to_thread(remove)


def find_traces(
    connection: psycopg.Connection, codec: Codec, person_id: str, groups: Collection[PurposeGroup]
) -> tuple[list[str], list[tuple[str, int]]]:
    """Return the streams of the person's own, and stream and position of the events with the person's data."""
    reader = LogReader(codec)
    head = reader.head(connection)
    table = reader.table(connection, head)
    places: list[tuple[str, int]] = []
    own: list[str] = []
    for name, event_class, field in _with_personal_data(codec, groups):
        if event_class in OWN_STREAM:
            own.append(OWN_STREAM[event_class](person_id))
            rows = connection.execute(sql.SQL(IN_STREAM).format(table=table), (own[-1], name, head))
        else:
            # Ids have letters, digits, hyphens and underscores only.
            named = f'"{field}":"{person_id}"'.encode()
            rows = connection.execute(sql.SQL(NAMING).format(table=table), (name, named, head))
        places += rows.fetchall()
    return own, places


def _with_personal_data(codec: Codec, groups: Collection[PurposeGroup]) -> Sequence[tuple[str, type, str]]:
    """Return the events that hold personal data of these groups: stored name, class, and the field with the id."""
    found = {
        (name, event_class, each.declared.subject)
        for name, event_class in codec.classes.items()
        for each in personal_fields(event_class)
        if each.declared.group in groups
    }
    return sorted(found, key=itemgetter(0))
