"""Keys in a database of their own, each wrapped by a key-encryption key that a key provider holds.

Who asks at the same time shares one call and one commit. Keys that were used lately are at hand without any call, for
as long as the process has a lease: the database told it within the last `lease_s` seconds which keys were destroyed. A
destruction returns that long after its commit, so that by then every process has heard of it or has let its lease run
out. Clocks are never compared: each process measures its own lease, from before it asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
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
from infrastructure.keys.key_lookup import KeyAnswer, KeyQuery
from infrastructure.keys.key_statements import KeyRow, associated_data, associated_data_of_name
from infrastructure.keys.provider import BoundKey, KekProvider
from infrastructure.postgres.connections import Connector, connect_async
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError
from infrastructure.postgres.group_calls import GroupCallQueue

LOG = structlog.get_logger()

LEASE_S = 2.0
"""How long a process goes on with the keys at hand without having heard from the database."""

BEATS_IN_LEASE = 4
"""How often in that time a process asks that has nothing else to ask."""

RECONNECT_TIMEOUT_S = 10.0
"""How long a lost database is tried again before those who wait are told."""

MAX_CACHED_KEYS = 20_000
"""How many keys a process has at hand. Each takes about three kilobytes."""

MAX_DESTRUCTIONS = 10_000
"""A process that missed more destructions than this clears its cache."""

MAX_LOOKUPS = 3
"""How often keys are looked for again that somebody else was making, or whose part was being written anew."""

T = TypeVar("T")


class Keyring:
    """Keys for sealing and opening. Use it as an async context manager; it belongs to one event loop.

    `url` is that of the database of the keys, as its owner. Raises KeysUnavailableError where the database or the
    provider stays away, LogBusyError where too many are in line.
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
        self._beat_s = lease_s / BEATS_IN_LEASE
        self._leased_until = 0.0
        self._kek_id = ""
        self._was_asked = False
        self._seen: int | None = None
        self._cached = KeyCache(max_cached)
        self._max_destructions = max_destructions
        self._named: dict[str, bytes] = {}
        self._queue = GroupCallQueue[KeyQuery, KeyAnswer](
            Connector(url, key_statements.FIRST), [self._serve], reconnect_timeout_s
        )
        self._beats: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._queue.start()
        self._beats = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._beats is not None:
            self._beats.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beats
        await self._queue.close()
        self._cached.clear()

    @property
    def reachable(self) -> bool:
        """Whether the database of the keys was heard of lately, or was not asked yet."""
        return self._is_leased() or not self._was_asked

    def _is_leased(self) -> bool:
        return time.monotonic() < self._leased_until

    def _heard_just_now(self) -> bool:
        return self._leased_until - time.monotonic() > self._lease_s - self._beat_s

    async def for_sealing(self, owners: Collection[KeyOwner]) -> Mapping[KeyOwner, DataKey]:
        if self._is_leased():
            known = self._cached.of_owners(owners)
            if len(known) == len(owners):
                return {owner: key for owner, _, key in known if key is not None}
        wanted = frozenset(owners)
        found = (await self._ask(KeyQuery(owners=wanted))).by_owner
        return {owner: key for owner in wanted if (key := found[owner].key) is not None}

    async def for_opening(self, key_ids: Collection[bytes]) -> Mapping[bytes, DataKey]:
        if self._is_leased():
            known = self._cached.of_ids(key_ids)
            if len(known) == len(key_ids):
                return {key_id: key for _, key_id, key in known if key is not None}
        wanted = frozenset(key_ids)
        found = (await self._ask(KeyQuery(key_ids=wanted))).by_id
        if not found.keys() >= wanted:
            raise UnknownKeyError("a text is sealed with a key that was never given")
        return {key_id: key for key_id in wanted if (key := found[key_id].key) is not None}

    async def destroy(self, owners: Collection[KeyOwner]) -> None:
        await self._ask(KeyQuery(destroyed=frozenset(owners)))
        await asyncio.sleep(self._lease_s)

    async def shred(self, owners: Collection[KeyOwner]) -> None:
        # Over a connection of its own: a large part takes its time.
        async with self._connected() as connection:
            await key_statements.shred(connection, frozenset(owners))

    async def named(self, name: str) -> bytes:
        """Return the key of this name, of 32 bytes, made at the first call. It belongs to no person.

        It is kept at hand for good, so whoever destroys what it was for forgets it there, not here.
        """
        if name not in self._named:
            self._named[name] = (await self._ask(KeyQuery(name=name))).by_name[name]
        return self._named[name]

    async def _ask(self, wanted: KeyQuery) -> KeyAnswer:
        try:
            return await self._queue.call(wanted)
        except LogUnavailableError as error:
            raise KeysUnavailableError("the database of the keys does not answer") from error
        finally:
            self._was_asked = True

    async def _beat(self) -> None:
        """Hear of destructions again and again, so that the lease does not run out while nothing else is asked."""
        while True:
            if not self._heard_just_now():
                try:
                    await self._ask(KeyQuery())
                except (KeysUnavailableError, LogBusyError, psycopg.Error) as error:
                    # Whoever asks for keys is told so too.
                    LOG.warning("keys_unreachable", error=type(error).__name__)
            await asyncio.sleep(self._beat_s)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with await connect_async(self._url) as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise KeysUnavailableError("the database of the keys does not answer") from error

    # --- At the desk: one batch after the other ---------------------------------------------------------------------

    async def _serve(self, connection: AsyncConnection, asks: Sequence[KeyQuery], _again: bool) -> Sequence[KeyAnswer]:
        """Answer those in line. Whatever is asked may be asked again after a lost connection: it changes nothing."""
        if not self._heard_just_now():
            await self._hear(connection)
        if destroyed := frozenset().union(*[ask.destroyed for ask in asks]):
            await key_statements.destroy(connection, destroyed)
            self._cached.drop(destroyed)
        found = KeyAnswer()
        await self._find_owners(connection, frozenset().union(*[ask.owners for ask in asks]), found)
        await self._find_ids(connection, frozenset().union(*[ask.key_ids for ask in asks]), found)
        for name in {ask.name for ask in asks if ask.name}:
            found.by_name[name] = await self._find_named(connection, name)
        return [found] * len(asks)

    async def _hear(self, connection: AsyncConnection) -> None:
        """Forget the keys that were destroyed since the last time; then begins another lease."""
        asked_at = time.monotonic()
        if self._seen is None:
            self._seen = await key_statements.last_destruction(connection)
            self._cached.clear()
        gone, self._seen = await key_statements.destroyed_since(connection, self._seen, self._max_destructions)
        if gone is None:
            self._cached.clear()
        else:
            self._cached.drop(gone)
        self._leased_until = asked_at + self._lease_s

    async def _find_owners(self, connection: AsyncConnection, owners: frozenset[KeyOwner], found: KeyAnswer) -> None:
        """Find the keys of these owners, and make those that are not there."""
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
        """Unwrap keys and keep them at hand. One whose bytes are not there is left out: its part may be on its way."""
        opened = await self._unwrap([row for row in rows if not row.destroyed and row.wrapped])
        entries = [
            CachedKey(row.owner, row.key_id, None if row.destroyed else DataKey(row.key_id, AESGCM(opened[row.key_id])))
            for row in rows
            if row.destroyed or row.wrapped
        ]
        self._cached.put(entries)
        return entries

    async def _unwrap(self, rows: Sequence[KeyRow]) -> Mapping[bytes, bytes]:
        opened: dict[bytes, bytes] = {}
        for kek_id in {row.kek_id for row in rows}:
            own = [row for row in rows if row.kek_id == kek_id]
            bound = [BoundKey(row.wrapped, associated_data(row.key_id, row.owner)) for row in own]
            keys = await self._provided(partial(self._provider.unwrap, kek_id, bound))
            opened.update(zip([row.key_id for row in own], keys, strict=True))
        return opened

    async def _make(self, connection: AsyncConnection, owners: Sequence[KeyOwner]) -> Sequence[CachedKey]:
        """Make keys where there are none, and return them.

        Who has one, made by another process meanwhile or without its bytes, keeps it.
        """
        key_ids = [secrets.token_bytes(KEY_ID_BYTES) for _ in owners]
        keys = [
            BoundKey(secrets.token_bytes(KEY_BYTES), associated_data(key_id, owner))
            for key_id, owner in zip(key_ids, owners, strict=True)
        ]
        made = await self._wrap_and_insert(connection, key_ids, owners, keys)
        return [
            CachedKey(owner, key_id, DataKey(key_id, AESGCM(key.content)))
            for owner, key_id, key in zip(owners, key_ids, keys, strict=True)
            if key_id in made
        ]

    async def _wrap_and_insert(
        self,
        connection: AsyncConnection,
        key_ids: Sequence[bytes],
        owners: Sequence[KeyOwner],
        keys: Sequence[BoundKey],
    ) -> Collection[bytes]:
        for _ in range(MAX_LOOKUPS):
            self._kek_id = self._kek_id or await current_kek(connection, self._provider)
            wrapped = await self._provided(partial(self._provider.wrap, self._kek_id, keys))
            made = await key_statements.insert(connection, key_ids, owners, self._kek_id, wrapped)
            if made is not None:
                return made
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
        kek_id, kept = row
        bound = BoundKey(kept, associated_data_of_name(name))
        (key,) = await self._provided(partial(self._provider.unwrap, kek_id, [bound]))
        return key

    async def _provided(self, call: Callable[[], T]) -> T:
        """Let the provider do something, in a thread where it waits for another machine."""
        return await asyncio.to_thread(call) if self._provider.waits else call()
