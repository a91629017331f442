"""The SQL of the database of the keys. Its tables and functions: migrations/keys/0001_keys.sql.

The connections take packed arrays (`infrastructure.postgres.connecting.connect_async`).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KEY_ID_BYTES, KeyOwner, KeysUnavailableError
from infrastructure.postgres.arrays import PackedArray, byte_strings, texts
from infrastructure.postgres.connecting import LOOKUPS_BY_INDEX
from infrastructure.postgres.failures import LogUnavailableError

FIRST = ("SET synchronous_commit = on", *LOOKUPS_BY_INDEX)

RECONNECT_TIMEOUT_S = 10.0
"""How long to reconnect before pending callers get KeysUnavailableError."""

_DESTROYED = """
SELECT number, subject_id, purpose_group FROM keys.last_destruction LEFT JOIN keys.key ON destruction > %s
ORDER BY destruction LIMIT %s
"""
_FIND = """
SELECT k.key_id, k.subject_id, k.purpose_group, k.destroyed_at IS NOT NULL, s.kek_id, s.wrapped
FROM unnest({arrays}) AS wanted ({columns})
JOIN keys.key AS k USING ({columns}) LEFT JOIN keys.secret AS s ON s.key_id = k.key_id
"""
_OF_OWNERS = _FIND.format(arrays="%s::text[], %s::text[]", columns="subject_id, purpose_group")
_OF_IDS = _FIND.format(arrays="%s::bytea[]", columns="key_id")
_MAKE = "SELECT keys.make(%s::bytea[], %s::text[], %s::text[], %s, %s::bytea[])"
_DESTROY = "SELECT keys.destroy(%s::bytea[], %s::text[], %s::text[])"
_NAMED = "SELECT kek_id, wrapped FROM keys.named_secret WHERE name = %s"
_NAME = "INSERT INTO keys.named_secret (name, kek_id, wrapped) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


class KeyRow(NamedTuple):
    """A key as the database has it; a destroyed one has no wrapped bytes."""

    key_id: bytes
    owner: KeyOwner
    destroyed: bool
    kek_id: str
    wrapped: bytes


@contextmanager
def database_of_keys() -> Iterator[None]:
    """Raise KeysUnavailableError where the database of the keys does not answer."""
    try:
        yield
    except (LogUnavailableError, OperationalError) as error:
        raise KeysUnavailableError("the database of the keys does not answer") from error


def associated_data(key_id: bytes, owner: KeyOwner) -> bytes:
    """Return the data that authenticates a wrapped key: its id and its owner."""
    return b"key\0" + key_id + f"\0{owner.group}\0{owner.subject_id}".encode()


def associated_data_of_name(name: str) -> bytes:
    return b"named\0" + name.encode()


async def destroyed_since(
    connection: AsyncConnection, seen: int | None, max_destructions: int
) -> tuple[Sequence[KeyOwner] | None, int]:
    """Return whose keys were destroyed after a destruction, and the number of the last one.

    None where no cached key can be trusted: no destruction was seen before, there were too many, or the database was
    restored from a backup.
    """
    rows = await (await connection.execute(_DESTROYED, (seen, max_destructions + 1))).fetchall()
    number = int(rows[0][0])
    if seen is None or number < seen or len(rows) > max_destructions:
        return None, number
    return [KeyOwner(subject, PurposeGroup(group)) for _, subject, group in rows if subject is not None], number


async def of_owners(connection: AsyncConnection, owners: Collection[KeyOwner]) -> Sequence[KeyRow]:
    return _rows(await (await connection.execute(_OF_OWNERS, columns_of(owners), binary=True)).fetchall())


async def of_ids(connection: AsyncConnection, key_ids: Collection[bytes]) -> Sequence[KeyRow]:
    return _rows(await (await connection.execute(_OF_IDS, (byte_strings(list(key_ids)),), binary=True)).fetchall())


async def insert(
    connection: AsyncConnection,
    key_ids: Sequence[bytes],
    owners: Sequence[KeyOwner],
    kek_id: str,
    wrapped: Sequence[bytes],
) -> Collection[bytes] | None:
    """Make keys for the owners that have none; return the ids of those made, which are durable.

    Return None, and make nothing, where another key-encryption key is the current one by now.
    """
    parameters = (byte_strings(key_ids), *columns_of(owners), kek_id, byte_strings(wrapped))
    ((made,),) = await (await connection.execute(_MAKE, parameters)).fetchall()
    return None if made is None else {bytes(key_id) for key_id in made}


async def destroy(connection: AsyncConnection, owners: Collection[KeyOwner]) -> None:
    tombstones = [secrets.token_bytes(KEY_ID_BYTES) for _ in owners]
    await connection.execute(_DESTROY, (byte_strings(tombstones), *columns_of(owners)))


async def named(connection: AsyncConnection, name: str) -> tuple[str, bytes] | None:
    row = await (await connection.execute(_NAMED, (name,))).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


async def name_key(connection: AsyncConnection, name: str, kek_id: str, wrapped: bytes) -> None:
    await connection.execute(_NAME, (name, kek_id, wrapped))


def columns_of(owners: Collection[KeyOwner]) -> tuple[PackedArray, PackedArray]:
    """Return subjects and purposes as parameters of a statement."""
    return texts([owner.subject_id for owner in owners]), texts([str(owner.group) for owner in owners])


def _rows(rows: Sequence[TupleRow]) -> Sequence[KeyRow]:
    return [
        KeyRow(bytes(key_id), KeyOwner(subject, PurposeGroup(group)), destroyed, kek_id or "", bytes(wrapped or b""))
        for key_id, subject, group, destroyed, kek_id, wrapped in rows
    ]
