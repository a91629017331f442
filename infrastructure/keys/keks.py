"""Key-encryption keys in use: the current one, rotation, retirement.

The database says which one is current, in the transactions that write keys; a key provider only holds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import class_row

from domain.kernel import PurposeGroup
from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.key_statements import associated_data, associated_data_of_name
from infrastructure.keys.provider import BoundKey, KekProvider, unwrap_each

BATCH = 500
"""How many keys are rewrapped in one transaction."""

_LOCK = int.from_bytes(b"kronkeks", "big")
"""The advisory lock that lets one process at a time make, rotate and retire key-encryption keys."""

_CURRENT = "SELECT kek_id FROM keys.kek WHERE is_current"
_BEGUN = "SELECT kek_id FROM keys.kek WHERE current_from IS NULL AND retired_at IS NULL ORDER BY registered_at LIMIT 1"
_REGISTER = "INSERT INTO keys.kek (kek_id) VALUES (%s)"
_DEMOTE = "UPDATE keys.kek SET is_current = false WHERE is_current"
_PROMOTE = "UPDATE keys.kek SET is_current = true, current_from = clock_timestamp() WHERE kek_id = %s"
_RETIRE = "UPDATE keys.kek SET retired_at = clock_timestamp() WHERE kek_id = %s"
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
_REWRAP = """
UPDATE keys.{table} AS held SET kek_id = %s, wrapped = new.wrapped
FROM unnest(%s::{kind}[], %s::bytea[]) AS new (id, wrapped) WHERE held.{key} = new.id
"""
_REWRAP_SECRETS = _REWRAP.format(table="secret", key="key_id", kind="bytea")
_REWRAP_NAMED = _REWRAP.format(table="named_secret", key="name", kind="text")
_REWRAP_INTERVAL_S = 0.05

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


class KekNotFoundError(KekRefusedError):
    """There is no key-encryption key of this name."""


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
    if (kek_id := await _current(connection)) is not None:
        return kek_id
    async with _one_at_a_time(connection):
        return await _current(connection) or await _make_current(connection, provider)


async def _current(connection: AsyncConnection) -> str | None:
    row = await (await connection.execute(_CURRENT)).fetchone()
    return None if row is None else str(row[0])


async def rotate(connection: AsyncConnection, provider: KekProvider, report: Callable[[int, int], None]) -> str:
    """Make a new key-encryption key current and wrap all keys with it; return its id.

    An interrupted rotation is finished instead of beginning another one. `report` is called with the number of keys
    done and the total. The platform may run meanwhile.
    """
    async with _one_at_a_time(connection):
        kek_id = await _current(connection)
        if kek_id is None or not await _left(connection, kek_id):
            kek_id = await _make_current(connection, provider)
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
    ((left,),) = await (await connection.execute(_LEFT, {"kek": kek_id})).fetchall()
    return int(left)


async def _rewrap(
    connection: AsyncConnection, provider: KekProvider, kek_id: str, after: bytes
) -> tuple[bytes | None, int]:
    """Rewrap a batch; return the last id in it, None at the end, and the number of keys.

    A transaction that destroys one of them waits until the batch is written.
    """
    async with connection.transaction():
        rows = await (await connection.execute(_SECRETS, (kek_id, after, BATCH))).fetchall()
        secrets = {
            key_id: (old, BoundKey(bytes(content), associated_data(key_id, KeyOwner(subject, PurposeGroup(group)))))
            for key_id, subject, group, old, content in rows
        }
        await _rewrap_rows(connection, provider, kek_id, _REWRAP_SECRETS, secrets)
        if len(rows) == BATCH:
            return rows[-1][0], len(rows)
        names = await (await connection.execute(_NAMED, (kek_id,))).fetchall()
        named = {name: (old, BoundKey(bytes(content), associated_data_of_name(name))) for name, old, content in names}
        await _rewrap_rows(connection, provider, kek_id, _REWRAP_NAMED, named)
    return None, len(rows) + len(names)


async def _rewrap_rows(
    connection: AsyncConnection,
    provider: KekProvider,
    kek_id: str,
    statement: str,
    rows: Mapping[bytes, tuple[str, BoundKey]] | Mapping[str, tuple[str, BoundKey]],
) -> None:
    """Wrap the keys of these rows, each with the id of its present key-encryption key, with another one."""

    def rewrapped() -> Sequence[bytes]:
        wrapped = list(rows.values())
        keys = zip(unwrap_each(provider, wrapped), wrapped, strict=True)
        return provider.wrap(kek_id, [BoundKey(key, bound.associated_data) for key, (_, bound) in keys])

    if rows:
        await connection.execute(statement, (kek_id, list(rows), list(await asyncio.to_thread(rewrapped))))


async def retire(connection: AsyncConnection, provider: KekProvider, kek_id: str) -> None:
    """Retire a key-encryption key that wraps nothing any more, and destroy it. Safe to repeat.

    Raises KekRefusedError where it is not known, is the current one, or wraps anything.
    """
    async with _one_at_a_time(connection):
        async with connection.transaction():
            # Waits for transactions that are wrapping with it; the database refuses later ones.
            await connection.execute("SELECT FROM keys.kek WHERE kek_id = %s FOR UPDATE", (kek_id,))
            kek = {kek.kek_id: kek for kek in await list_keks(connection)}.get(kek_id)
            if kek is None:
                raise KekNotFoundError(f"There is no key-encryption key {kek_id}.")
            if kek.is_current:
                raise KekRefusedError(f"{kek_id} is the current key-encryption key: rotate first.")
            if kek.wraps:
                raise KekRefusedError(f"{kek_id} still wraps {kek.wraps:,} keys: rotate first.")
            if kek.retired_at is None:
                await connection.execute(_RETIRE, (kek_id,))
        await asyncio.to_thread(provider.remove, kek_id)


async def list_keks(connection: AsyncConnection) -> Sequence[Kek]:
    async with connection.cursor(row_factory=class_row(Kek)) as cursor:
        return await (await cursor.execute(_LIST)).fetchall()


async def count_keys(connection: AsyncConnection) -> Counts:
    async with connection.cursor(row_factory=class_row(Counts)) as cursor:
        (counts,) = await (await cursor.execute(_COUNTS)).fetchall()
    return counts


@asynccontextmanager
async def _one_at_a_time(connection: AsyncConnection) -> AsyncIterator[None]:
    await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        if not connection.closed:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
