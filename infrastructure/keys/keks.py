"""Key-encryption keys in use: the current one, rotation, retirement.

The database says which one is current, in the transactions that write keys; a key provider only holds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from psycopg import AsyncConnection, sql
from psycopg.rows import class_row

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.key_statements import associated_data, associated_data_of_name
from infrastructure.keys.provider import BoundKey, KekProvider

T = TypeVar("T")

BATCH = 500
"""How many keys are rewrapped in one transaction."""

_LOCK = int.from_bytes(b"kronkeks", "big")
"""The advisory lock that lets one process at a time make, rotate and retire key-encryption keys."""

_CURRENT = "SELECT kek_id FROM keys.kek WHERE is_current"
_BEGUN = "SELECT kek_id FROM keys.kek WHERE current_from IS NULL AND retired_at IS NULL ORDER BY registered_at LIMIT 1"
_REGISTER = "INSERT INTO keys.kek (kek_id) VALUES (%s)"
_DEMOTE = "UPDATE keys.kek SET is_current = false WHERE is_current"
_PROMOTE = "UPDATE keys.kek SET is_current = true, current_from = clock_timestamp() WHERE kek_id = %s"
_LEFT = """
SELECT (SELECT count(*) FROM keys.secret WHERE kek_id <> %(kek)s)
     + (SELECT count(*) FROM keys.named_secret WHERE kek_id <> %(kek)s)
"""
# Rows that another transaction is changing are skipped: waiting for them could deadlock.
_SECRETS = """
SELECT s.key_id, k.subject_id, k.purpose_group, s.kek_id, s.wrapped
FROM keys.secret AS s JOIN keys.key AS k USING (key_id) WHERE s.kek_id <> %s AND s.key_id > %s
ORDER BY s.key_id LIMIT %s FOR UPDATE OF s SKIP LOCKED
"""
_NAMED = "SELECT name, kek_id, wrapped FROM keys.named_secret WHERE kek_id <> %s FOR UPDATE"
_REWRAP_INTERVAL_S = 0.05
_TABLES = {"secret": ("key_id", "bytea"), "named_secret": ("name", "text")}

_LIST = """
SELECT kek_id, registered_at, current_from, retired_at, is_current,
       (SELECT count(*) FROM keys.secret AS s WHERE s.kek_id = k.kek_id)
       + (SELECT count(*) FROM keys.named_secret AS n WHERE n.kek_id = k.kek_id) AS wraps
FROM keys.kek AS k ORDER BY registered_at
"""
_COUNTS = """
SELECT count(*) FILTER (WHERE destroyed_at IS NULL) AS alive,
       count(*) FILTER (WHERE destroyed_at IS NOT NULL) AS destroyed,
       count(*) FILTER (WHERE shredded_at IS NOT NULL) AS shredded,
       (SELECT count(*) FROM keys.named_secret) AS named
FROM keys.key
"""


class KekRefusedError(Exception):
    """A key-encryption key is not changed as asked; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kek:
    """A key-encryption key. `wraps` counts the keys that are wrapped with it."""

    kek_id: str
    registered_at: datetime
    current_from: datetime | None
    retired_at: datetime | None
    is_current: bool
    wraps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many keys of data subjects are alive, destroyed and shredded, and how many named keys there are."""

    alive: int
    destroyed: int
    shredded: int
    named: int


async def current_kek(connection: AsyncConnection, provider: KekProvider) -> str:
    """Return the id of the current key-encryption key; make the first one where there is none yet."""
    row = await (await connection.execute(_CURRENT)).fetchone()
    return str(row[0]) if row is not None else await _locked(connection, lambda: _first(connection, provider))


async def _first(connection: AsyncConnection, provider: KekProvider) -> str:
    row = await (await connection.execute(_CURRENT)).fetchone()
    return str(row[0]) if row is not None else await _make_current(connection, provider)


async def rotate(connection: AsyncConnection, provider: KekProvider, report: Callable[[int, int], None]) -> str:
    """Make a new key-encryption key current and wrap all keys with it; return its id.

    An interrupted rotation is finished instead of beginning another one. `report` is called with the number of keys
    done and the total. The platform may run meanwhile.
    """
    return await _locked(connection, lambda: _rotate(connection, provider, report))


async def _rotate(connection: AsyncConnection, provider: KekProvider, report: Callable[[int, int], None]) -> str:
    row = await (await connection.execute(_CURRENT)).fetchone()
    broken_off = row is not None and await _left(connection, row[0])
    kek_id = str(row[0]) if row is not None and broken_off else await _make_current(connection, provider)
    total, done = await _left(connection, kek_id), 0
    while await _left(connection, kek_id):
        after: bytes | None = b""
        while after is not None:
            after, wrapped = await _rewrap(connection, provider, kek_id, after)
            done += wrapped
            report(min(done, total), total)
        # Another transaction was changing the rows that are left.
        await asyncio.sleep(_REWRAP_INTERVAL_S)
    return kek_id


async def _make_current(connection: AsyncConnection, provider: KekProvider) -> str:
    """Make a key-encryption key and the current one of it. Its name is recorded before the key exists."""
    begun = await (await connection.execute(_BEGUN)).fetchone()
    kek_id = str(begun[0]) if begun is not None else provider.new_id()
    if begun is None:
        await connection.execute(_REGISTER, (kek_id,))
    await asyncio.to_thread(provider.make, kek_id)
    async with connection.transaction():
        await connection.execute(_DEMOTE)
        await connection.execute(_PROMOTE, (kek_id,))
    return kek_id


async def _left(connection: AsyncConnection, kek_id: str) -> int:
    row = await (await connection.execute(_LEFT, {"kek": kek_id})).fetchone()
    assert row is not None
    return int(row[0])


async def _rewrap(
    connection: AsyncConnection, provider: KekProvider, kek_id: str, after: bytes
) -> tuple[bytes | None, int]:
    """Rewrap a batch; return the last id in it, None at the end, and the number of keys.

    A transaction that destroys one of them waits until the batch is written.
    """
    async with connection.transaction():
        rows = await (await connection.execute(_SECRETS, (kek_id, after, BATCH))).fetchall()
        keys = [
            (old, BoundKey(bytes(content), associated_data(bytes(key_id), KeyOwner(subject, PurposeGroup(group)))))
            for key_id, subject, group, old, content in rows
        ]
        wrapped = await _rewrapped(provider, kek_id, keys)
        await _write(connection, "secret", [key_id for key_id, *_ in rows], wrapped, kek_id)
        if len(rows) == BATCH:
            return rows[-1][0], len(rows)
        names = await (await connection.execute(_NAMED, (kek_id,))).fetchall()
        keys = [(old, BoundKey(bytes(content), associated_data_of_name(name))) for name, old, content in names]
        wrapped = await _rewrapped(provider, kek_id, keys)
        await _write(connection, "named_secret", [name for name, *_ in names], wrapped, kek_id)
    return None, len(rows) + len(names)


async def _rewrapped(provider: KekProvider, kek_id: str, wrapped: Sequence[tuple[str, BoundKey]]) -> Sequence[bytes]:
    def work() -> Sequence[bytes]:
        opened: dict[int, BoundKey] = {}
        for old in {old for old, _ in wrapped}:
            places = [place for place, (kek, _) in enumerate(wrapped) if kek == old]
            bounds = [wrapped[place][1] for place in places]
            for place, bound, key in zip(places, bounds, provider.unwrap(old, bounds), strict=True):
                opened[place] = BoundKey(key, bound.associated_data)
        return provider.wrap(kek_id, [opened[place] for place in range(len(wrapped))])

    return await asyncio.to_thread(work) if wrapped else ()


async def _write(
    connection: AsyncConnection, table: str, ids: Sequence[bytes] | Sequence[str], wrapped: Sequence[bytes], kek_id: str
) -> None:
    if ids:
        key, kind = _TABLES[table]
        statement = sql.SQL(
            "UPDATE keys.{table} AS kept SET kek_id = %s, wrapped = new.wrapped"
            " FROM unnest(%s::{kind}[], %s::bytea[]) AS new (id, wrapped) WHERE kept.{key} = new.id"
        ).format(table=sql.Identifier(table), key=sql.Identifier(key), kind=sql.Identifier(kind))
        await connection.execute(statement, (kek_id, list(ids), list(wrapped)))


async def retire(connection: AsyncConnection, provider: KekProvider, kek_id: str) -> None:
    """Retire a key-encryption key that wraps nothing any more, and destroy it. Safe to repeat.

    Raises KekRefusedError where it is not known, is the current one, or wraps anything.
    """
    await _locked(connection, lambda: _retire(connection, provider, kek_id))


async def _retire(connection: AsyncConnection, provider: KekProvider, kek_id: str) -> None:
    async with connection.transaction():
        # Waits for transactions that are wrapping with it; the database refuses later ones.
        await connection.execute("SELECT FROM keys.kek WHERE kek_id = %s FOR UPDATE", (kek_id,))
        known = {kek.kek_id: kek for kek in await list_keks(connection)}
        if kek_id not in known:
            raise KekRefusedError(f"There is no key-encryption key {kek_id}.")
        kek = known[kek_id]
        if kek.is_current:
            raise KekRefusedError(f"{kek_id} is the current key-encryption key: rotate first.")
        if kek.wraps:
            raise KekRefusedError(f"{kek_id} still wraps {kek.wraps:,} keys: rotate first.")
        if kek.retired_at is None:
            await connection.execute("UPDATE keys.kek SET retired_at = clock_timestamp() WHERE kek_id = %s", (kek_id,))
    await asyncio.to_thread(provider.remove, kek_id)


async def list_keks(connection: AsyncConnection) -> Sequence[Kek]:
    async with connection.cursor(row_factory=class_row(Kek)) as cursor:
        return await (await cursor.execute(_LIST)).fetchall()


async def count_keys(connection: AsyncConnection) -> Counts:
    async with connection.cursor(row_factory=class_row(Counts)) as cursor:
        counts = await (await cursor.execute(_COUNTS)).fetchone()
    assert counts is not None
    return counts


async def _locked(connection: AsyncConnection, work: Callable[[], Awaitable[T]]) -> T:
    await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        return await work()
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
