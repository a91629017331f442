"""Personal data outside sealed fields: claims and idempotency receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import psycopg
from psycopg import sql

from domain.identity.person import PERSON, PersonRegistered
from domain.kernel import PurposeGroup
from infrastructure.codec import Codec
from infrastructure.event_log import LogReader
from infrastructure.sealing import personal_fields

OWN_STREAM: Mapping[type, Callable[[str], str]] = {PersonRegistered: PERSON.stream}
"""Events in a stream of the person's own, which also holds claims; others are found by the id in their payload."""

# No index finds a person's id within a payload. Erasures are rare, and this reads the events of one name only.
NAMING = """
SELECT stream, position FROM {table} WHERE name = %s AND position(%s::bytea IN payload) > 0 AND position <= %s
"""
IN_STREAM = "SELECT stream, position FROM {table} WHERE stream = %s AND name = %s AND position <= %s"
FORGET = "SELECT log.forget(%s::text[], %s::text[], %s::bigint[])"


@dataclass(frozen=True, slots=True)
class PersonTraces:
    """Stream and position of the events with a person's data, and the streams of the person's own."""

    places: Sequence[tuple[str, int]]
    own: Sequence[str]


class ClaimsAndReceipts:
    """Finds and removes them, as the role of the writer, over a connection opened for each removal."""

    def __init__(self, url: str, codec: Codec) -> None:
        self._url = url
        self._codec = codec
        self._reader = LogReader(codec)

    async def remove(self, person_id: str, groups: Collection[PurposeGroup]) -> None:
        """Delete the claims and receipts that hold hashes of a person's data of these groups."""
        await asyncio.to_thread(self._remove, person_id, groups)

    def _remove(self, person_id: str, groups: Collection[PurposeGroup]) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = self.find(connection, person_id, groups)
            streams = [stream for stream, _ in found.places]
            positions = [position for _, position in found.places]
            connection.execute(FORGET, (list(found.own), streams, positions))

    def find(self, connection: psycopg.Connection, person_id: str, groups: Collection[PurposeGroup]) -> PersonTraces:
        head = self._reader.head(connection)
        table = self._reader.table(connection, head)
        places: list[tuple[str, int]] = []
        own: list[str] = []
        for name, event_class, field in self._holding(groups):
            if event_class in OWN_STREAM:
                stream = OWN_STREAM[event_class](person_id)
                own.append(stream)
                rows = connection.execute(sql.SQL(IN_STREAM).format(table=table), (stream, name, head))
            else:
                said = self._said(field, person_id)
                rows = connection.execute(sql.SQL(NAMING).format(table=table), (name, said, head))
            places += rows.fetchall()
        return PersonTraces(places, own)

    def _holding(self, groups: Collection[PurposeGroup]) -> Sequence[tuple[str, type, str]]:
        """Return which events hold personal data of these groups: stored name, class, and the field with the id."""
        found = {
            (name, event_class, each.declared.subject)
            for name, event_class in self._codec.classes.items()
            for each in personal_fields(event_class)
            if each.declared.group in groups
        }
        return sorted(found, key=itemgetter(0))

    @staticmethod
    def _said(field: str, person_id: str) -> bytes:
        """Return how a payload names the person: ids have letters, digits, hyphens and underscores only."""
        return f'"{field}":"{person_id}"'.encode()
