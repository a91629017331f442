"""Keys in a database of their own, each wrapped by a key-encryption key that a key provider holds.

Concurrent calls share a batch and a commit. A process uses cached keys while it has a lease: it read the destructions
from the database within the last `lease_s` seconds. `destroy` returns that long after its commit, so by then every
process has read the destruction or has lost its lease. Clocks are never compared: each process measures its own
lease, from before its query.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

import psycopg
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection

from infrastructure.keys import key_statements
from infrastructure.keys.data_keys import (
    KEY_BYTES,
    KEY_ID_BYTES,
    DataKey,
    KeyOwner,
    KeysUnavailableError,
    UnknownKeyError,
)
from infrastructure.keys.keks import current_kek
from infrastructure.keys.key_cache import CachedKey, KeyCache
from infrastructure.keys.key_statements import (
    RECONNECT_TIMEOUT_S,
    KeyRow,
    associated_data,
    associated_data_of_name,
    database_of_keys,
)
from infrastructure.keys.provider import BoundKey, KekProvider, unwrap_each
from infrastructure.keys.shredding import destroyed_only, shred
from infrastructure.postgres.connecting import connect_async
from infrastructure.postgres.failures import LogBusyError
from infrastructure.postgres.group_calls import GroupCallQueue

LOG = structlog.get_logger()

LEASE_S = 2.0
"""How long a process uses cached keys after it last read the destructions."""

RENEWALS_IN_LEASE = 4
"""How often in that time an otherwise idle process renews its lease."""

MAX_CACHED_KEYS = 20_000
"""How many keys a process caches. Each takes about three kilobytes."""

MAX_DESTRUCTIONS = 10_000
"""A process that missed more destructions than this clears its cache."""

MAX_LOOKUPS = 3
"""How often a key is looked up again while another process makes it, or while its partition is being rewritten."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """A call: find or make keys, or destroy them. An empty one only renews the lease."""

    owners: frozenset[KeyOwner] = frozenset()
    key_ids: frozenset[bytes] = frozenset()
    destroyed: frozenset[KeyOwner] = frozenset()
    name: str = ""


@dataclass(slots=True)
class KeyAnswer:
    """The keys found for a batch of calls."""

    by_owner: dict[KeyOwner, CachedKey] = field(default_factory=dict)
    by_id: dict[bytes, CachedKey] = field(default_factory=dict)
    by_name: dict[str, bytes] = field(default_factory=dict)

    def add(self, entries: Sequence[CachedKey]) -> None:
        self.by_owner.update({entry.owner: entry for entry in entries})
        self.by_id.update({entry.key_id: entry for entry in entries})


class Keyring:
    """Keys for sealing and opening. Use it as an async context manager; it belongs to one event loop.

    `url` is that of the database of the keys, as its owner. Raises KeysUnavailableError where the database or the
    provider stays away, LogBusyError where too many calls wait.
    """

    def __init__(
        self,
        url: str,
        provider: KekProvider,
        *,
        lease_s: float = LEASE_S,
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
        max_cached: int = MAX_CACHED_KEYS,
        max_destructions: int = MAX_DESTRUCTIONS,
    ) -> None:
        self._url = url
        self._provider = provider
        self._lease_s = lease_s
        self._renew_interval_s = lease_s / RENEWALS_IN_LEASE
        self._leased_until = 0.0
        self._kek_id = ""
        self._was_called = False
        self._seen: int | None = None
        self._cached = KeyCache(max_cached)
        self._max_destructions = max_destructions
        self._named: dict[str, bytes] = {}
        self._queue = GroupCallQueue[KeyQuery, KeyAnswer](
            partial(connect_async, url, first=key_statements.FIRST), [self._execute], reconnect_timeout_s
        )
        self._lease_task: asyncio.Task[None] | None = None
        self._to_shred: list[frozenset[KeyOwner]] = []
        self._shredding = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._queue.start()
        self._lease_task = asyncio.create_task(self._keep_lease())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._lease_task is not None:
            self._lease_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._lease_task
        await self._queue.close()
        self._cached.clear()

    @property
    def reachable(self) -> bool:
        """Whether the database of the keys answered lately, or was not needed yet."""
        return self._is_leased() or not self._was_called

    def _is_leased(self) -> bool:
        return time.monotonic() < self._leased_until

    def _lease_is_fresh(self) -> bool:
        return self._leased_until - time.monotonic() > self._lease_s - self._renew_interval_s

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        if self._is_leased() and len(known := self._cached.of_owners(owners)) == len(owners):
            return {owner: key for owner, _, key in known if key is not None}
        wanted = frozenset(owners)
        found = (await self._call(KeyQuery(owners=wanted))).by_owner
        return {owner: key for owner in wanted if (key := found[owner].key) is not None}

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        if self._is_leased() and len(known := self._cached.of_ids(key_ids)) == len(key_ids):
            return {key_id: key for _, key_id, key in known if key is not None}
        wanted = frozenset(key_ids)
        found = (await self._call(KeyQuery(key_ids=wanted))).by_id
        if not found.keys() >= wanted:
            raise UnknownKeyError("a text is sealed with a key that was never given")
        return {key_id: key for key_id in wanted if (key := found[key_id].key) is not None}

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        await self._call(KeyQuery(destroyed=frozenset(owners)))
        await asyncio.sleep(self._lease_s)

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        # Over a connection of its own: it takes long. Callers that come meanwhile share the next shredding.
        own = frozenset(owners)
        with database_of_keys():
            async with await connect_async(self._url) as connection:
                await destroyed_only(connection, own)
                self._to_shred.append(own)
                try:
                    async with self._shredding:
                        await shred(connection, frozenset().union(*self._to_shred))
                finally:
                    self._to_shred.remove(own)

    async def named(self, name: str) -> bytes:
        """Return the key of this name, of 32 bytes, made at the first call. It belongs to no person.

        It stays cached for the life of the process.
        """
        if name not in self._named:
            self._named[name] = (await self._call(KeyQuery(name=name))).by_name[name]
        return self._named[name]

    async def _call(self, wanted: KeyQuery) -> KeyAnswer:
        try:
            with database_of_keys():
                return await self._queue.call(wanted)
        finally:
            self._was_called = True

    async def _keep_lease(self) -> None:
        """Renew the lease regularly, also while there are no other calls."""
        while True:
            if not self._lease_is_fresh():
                try:
                    await self._call(KeyQuery())
                except (KeysUnavailableError, LogBusyError, psycopg.Error) as error:
                    # Callers that need keys get the same error.
                    LOG.warning("keys_unreachable", error=type(error).__name__)
            await asyncio.sleep(self._renew_interval_s)

    # --- Batches ----------------------------------------------------------------------------------------------------

    async def _execute(
        self, connection: AsyncConnection, calls: Sequence[KeyQuery], _again: bool
    ) -> Sequence[KeyAnswer]:
        """Execute a batch. All calls are safe to repeat after a lost connection."""
        if not self._lease_is_fresh():
            await self._renew_lease(connection)
        if destroyed := frozenset().union(*[call.destroyed for call in calls]):
            await key_statements.destroy(connection, destroyed)
            self._cached.drop(destroyed)
        found = KeyAnswer()
        await self._find_owners(connection, frozenset().union(*[call.owners for call in calls]), found)
        await self._find_ids(connection, frozenset().union(*[call.key_ids for call in calls]), found)
        for name in {call.name for call in calls if call.name}:
            found.by_name[name] = await self._find_named(connection, name)
        return [found] * len(calls)

    async def _renew_lease(self, connection: AsyncConnection) -> None:
        """Drop the keys destroyed since the last time from the cache, and renew the lease."""
        begun_at = time.monotonic()
        gone, self._seen = await key_statements.destroyed_since(connection, self._seen, self._max_destructions)
        if gone is None:
            self._cached.clear()
        else:
            self._cached.drop(gone)
        self._leased_until = begun_at + self._lease_s

    async def _find_owners(self, connection: AsyncConnection, owners: frozenset[KeyOwner], found: KeyAnswer) -> None:
        """Find the keys of these owners, and make the missing ones."""
        found.add(self._cached.of_owners(owners))
        for _ in range(MAX_LOOKUPS):
            if not (wanted := owners - found.by_owner.keys()):
                return
            found.add(await self._keep(await key_statements.of_owners(connection, wanted)))
            if missing := sorted(owners - found.by_owner.keys()):
                made = await self._make(connection, missing)
                self._cached.put(made)
                found.add(made)
        if owners - found.by_owner.keys():
            raise UnknownKeyError("a key is on record, but its bytes are gone without its having been destroyed")

    async def _find_ids(self, connection: AsyncConnection, key_ids: frozenset[bytes], found: KeyAnswer) -> None:
        found.add(self._cached.of_ids(key_ids))
        for _ in range(MAX_LOOKUPS):
            wanted = key_ids - found.by_id.keys()
            rows = await key_statements.of_ids(connection, wanted) if wanted else ()
            found.add(await self._keep(rows))
            if all(row.destroyed or row.wrapped for row in rows):
                return

    async def _keep(self, rows: Sequence[KeyRow]) -> Sequence[CachedKey]:
        """Unwrap and cache keys. One without bytes is left out: its partition may be in rewriting."""
        entries = [CachedKey(row.owner, row.key_id, None) for row in rows if row.destroyed]
        if alive := [row for row in rows if not row.destroyed and row.wrapped]:
            wrapped = [(row.kek_id, BoundKey(row.wrapped, associated_data(row.key_id, row.owner))) for row in alive]
            keys = await self._provided(partial(unwrap_each, self._provider, wrapped))
            entries += [_cached(row.owner, row.key_id, key) for row, key in zip(alive, keys, strict=True)]
        self._cached.put(entries)
        return entries

    async def _make(self, connection: AsyncConnection, owners: Sequence[KeyOwner]) -> Sequence[CachedKey]:
        """Make missing keys and return them.

        An owner whose key exists, made by another process or without its bytes, keeps that one.
        """
        key_ids = [secrets.token_bytes(KEY_ID_BYTES) for _ in owners]
        keys = [
            BoundKey(secrets.token_bytes(KEY_BYTES), associated_data(key_id, owner))
            for key_id, owner in zip(key_ids, owners, strict=True)
        ]
        for _ in range(MAX_LOOKUPS):
            self._kek_id = self._kek_id or await current_kek(connection, self._provider)
            wrapped = await self._provided(partial(self._provider.wrap, self._kek_id, keys))
            made = await key_statements.insert(connection, key_ids, owners, self._kek_id, wrapped)
            if made is not None:
                return [
                    _cached(owner, key_id, key.content)
                    for owner, key_id, key in zip(owners, key_ids, keys, strict=True)
                    if key_id in made
                ]
            self._kek_id = ""
        raise KeysUnavailableError("another key-encryption key becomes the current one again and again")

    async def _find_named(self, connection: AsyncConnection, name: str) -> bytes:
        row = await key_statements.named(connection, name)
        if row is None:
            kek_id = await current_kek(connection, self._provider)
            new = BoundKey(secrets.token_bytes(KEY_BYTES), associated_data_of_name(name))
            (wrapped,) = await self._provided(partial(self._provider.wrap, kek_id, [new]))
            await key_statements.name_key(connection, name, kek_id, wrapped)
            row = await key_statements.named(connection, name)
            assert row is not None
        kek_id, wrapped = row
        bound = BoundKey(wrapped, associated_data_of_name(name))
        (key,) = await self._provided(partial(self._provider.unwrap, kek_id, [bound]))
        return key

    async def _provided(self, call: Callable[[], T]) -> T:
        """Call the provider, in a thread where it waits for another machine."""
        return await asyncio.to_thread(call) if self._provider.waits else call()


def _cached(owner: KeyOwner, key_id: bytes, key: bytes) -> CachedKey:
    return CachedKey(owner, key_id, DataKey(key_id, AESGCM(key)))
