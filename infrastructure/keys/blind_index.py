"""Finds people by their numbers. The database of the keys holds keyed hashes of the numbers, never the numbers.

A digest is HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the number with what it is a number of, so that the same digits of
two countries have nothing in common. Each purpose has a key of its own, wrapped like the keys of people: the rows of
two purposes cannot be joined by their digests, and the database alone does not let anybody try out numbers.

The transaction that destroys a person's key deletes their rows; shredding overwrites the bytes of deleted rows.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

from psycopg import AsyncConnection

from application.lookups import Identifier, LookupPurpose
from infrastructure.keys.key_statements import FIRST, RECONNECT_TIMEOUT_S, database_of_keys
from infrastructure.keys.shredding import one_at_a_time, write_part
from infrastructure.postgres.arrays import byte_strings, texts
from infrastructure.postgres.connecting import connect_async
from infrastructure.postgres.group_calls import GroupCallQueue

ROW_BYTES = 100
"""The size of a row to be added, roughly."""

_FIND = """
SELECT wanted.place, min(known.person_id)
FROM unnest(%s::text[], %s::bytea[]) WITH ORDINALITY AS wanted (purpose, digest, place)
JOIN keys.blind_index AS known USING (purpose, digest) GROUP BY wanted.place
"""
_ADD = "SELECT keys.index_people(%s::text[], %s::bytea[], %s::text[])"
_RESIDUE = "SELECT part FROM keys.blind_index_residue ORDER BY part"


class NamedPerson(NamedTuple):
    """A person and the number under which they were registered."""

    person_id: str
    identifier: Identifier


@dataclass(frozen=True, slots=True)
class _IndexQuery:
    """A call: find who has a digest, or add rows."""

    purpose: LookupPurpose | None = None
    digest: bytes = b""
    rows: Sequence[tuple[LookupPurpose, bytes, str]] = ()
    """Purpose, digest and the id of the person."""


class BlindIndex:
    """The index of all purposes. Use it as an async context manager; it belongs to one event loop.

    `url` is that of the database of the keys, as its owner; `named` gives the key of a name (see `Keyring.named`).
    Raises KeysUnavailableError where the database stays away, LogBusyError where too many calls wait.
    """

    def __init__(
        self, url: str, named: Callable[[str], Awaitable[bytes]], *, reconnect_timeout_s: float = RECONNECT_TIMEOUT_S
    ) -> None:
        self._url = url
        self._named = named
        self._queue = GroupCallQueue[_IndexQuery, str | None](
            partial(connect_async, url, first=FIRST), [_serve], reconnect_timeout_s
        )

    async def __aenter__(self) -> Self:
        self._queue.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._queue.close()

    async def find(self, purpose: LookupPurpose, identifier: Identifier) -> str | None:
        """Return the id of the person who is registered under the number, if any.

        Should two be, by a mistake that the log did not prevent, it is the one whose id comes first: ids begin with the
        time of the registration.
        """
        key = await self._named(key_name(purpose))
        return await self._call(_IndexQuery(purpose=purpose, digest=digest_of(key, identifier)))

    async def add(self, people: Sequence[NamedPerson]) -> None:
        """Add people for all purposes, but those who were erased. Safe to repeat; durable when it returns."""
        rows: list[tuple[LookupPurpose, bytes, str]] = []
        for purpose in LookupPurpose:
            key = await self._named(key_name(purpose))
            rows += [(purpose, digest_of(key, identifier), person_id) for person_id, identifier in people]
        if rows:
            await self._call(_IndexQuery(rows=rows), len(rows) * ROW_BYTES)

    async def overwrite(self) -> None:
        """Overwrite the bytes of deleted rows. Safe to repeat."""
        # Over a connection of its own: rewriting a large part takes long.
        with database_of_keys():
            async with await connect_async(self._url) as connection, one_at_a_time(connection):
                for (part,) in await (await connection.execute(_RESIDUE)).fetchall():
                    await write_part(connection, "keys.blind_index", part)

    async def _call(self, wanted: _IndexQuery, size: int = 1) -> str | None:
        with database_of_keys():
            return await self._queue.call(wanted, size)


def key_name(purpose: LookupPurpose) -> str:
    return f"blind-index-{purpose}"


def digest_of(key: bytes, identifier: Identifier) -> bytes:
    # Only the number, which comes last, could hold a zero byte.
    content = f"{identifier.kind}\0{identifier.jurisdiction}\0{identifier.number}"
    return hmac.digest(key, content.encode(), "sha256")


async def _serve(
    connection: AsyncConnection,
    calls: Sequence[_IndexQuery],
    _again: bool,
) -> Sequence[str | None]:
    """Execute a batch. All calls are safe to repeat after a lost connection."""
    rows = [row for call in calls for row in call.rows]
    if rows:
        purposes, digests, person_ids = zip(*rows, strict=True)
        await connection.execute(_ADD, (texts(purposes), byte_strings(digests), texts(person_ids)))
    sought = [(place, call) for place, call in enumerate(calls) if call.purpose is not None]
    found: list[str | None] = [None] * len(calls)
    if sought:
        columns = texts([str(call.purpose) for _, call in sought]), byte_strings([call.digest for _, call in sought])
        for number, person_id in await (await connection.execute(_FIND, columns)).fetchall():
            found[sought[number - 1][0]] = person_id
    return found
