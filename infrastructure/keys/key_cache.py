"""The data keys that a process used last, by owner and by id."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from infrastructure.keys.data_keys import DataKey, KeyOwner


class CachedKey(NamedTuple):
    """A key; `key` is None where it was destroyed."""

    owner: KeyOwner
    key_id: bytes
    key: DataKey | None


class KeyCache:
    """Holds at most `max_size` keys; the least recently used one makes room.

    Every sealing command looks keys up here. Hashing an owner is slow, so each owner is hashed once for a lookup.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._by_owner: dict[KeyOwner, CachedKey] = {}
        # In the order of use.
        self._by_id: dict[bytes, CachedKey] = {}

    def of_owners(self, owners: Collection[KeyOwner]) -> list[CachedKey]:
        """Return the cached keys of these owners."""
        found = [entry for owner in owners if (entry := self._by_owner.get(owner)) is not None]
        self._used(found)
        return found

    def of_ids(self, key_ids: Collection[bytes]) -> list[CachedKey]:
        found = [entry for key_id in key_ids if (entry := self._by_id.get(key_id)) is not None]
        self._used(found)
        return found

    def put(self, entries: Iterable[CachedKey]) -> None:
        for entry in entries:
            self._drop(entry.owner)
            self._by_owner[entry.owner] = entry
            self._by_id[entry.key_id] = entry
        while len(self._by_id) > self._max_size:
            self._drop(next(iter(self._by_id.values())).owner)

    def drop(self, owners: Iterable[KeyOwner]) -> None:
        for owner in owners:
            self._drop(owner)

    def clear(self) -> None:
        self._by_owner.clear()
        self._by_id.clear()

    def _used(self, entries: Iterable[CachedKey]) -> None:
        # A dict keeps insertion order, so the last one is the one used last.
        for entry in entries:
            del self._by_id[entry.key_id]
            self._by_id[entry.key_id] = entry

    def _drop(self, owner: KeyOwner) -> None:
        entry = self._by_owner.pop(owner, None)
        if entry is not None:
            del self._by_id[entry.key_id]
