"""Keys that a process has at hand: those used last, by their owner and by their id."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from infrastructure.keys.model import DataKey, Owner


class Entry(NamedTuple):
    """What is known of a key. Of one that was destroyed there is only the id."""

    owner: Owner
    key_id: bytes
    key: DataKey | None


class Cache:
    """At most so many keys; the one that was not used for longest makes room.

    Every command that seals comes here, so an owner, whose hash takes its time, is looked up once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_owner: dict[Owner, Entry] = {}
        # In the order in which they were used.
        self._by_id: dict[bytes, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_owner)

    def of_owners(self, owners: Collection[Owner]) -> list[Entry]:
        """Return the entries that there are for these owners."""
        found = [entry for owner in owners if (entry := self._by_owner.get(owner)) is not None]
        self._used(found)
        return found

    def of_ids(self, key_ids: Collection[bytes]) -> list[Entry]:
        found = [entry for key_id in key_ids if (entry := self._by_id.get(key_id)) is not None]
        self._used(found)
        return found

    def put(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._drop(entry.owner)
            self._by_owner[entry.owner] = entry
            self._by_id[entry.key_id] = entry
        while len(self._by_id) > self._most:
            self._drop(next(iter(self._by_id.values())).owner)

    def drop(self, owners: Iterable[Owner]) -> None:
        for owner in owners:
            self._drop(owner)

    def clear(self) -> None:
        self._by_owner.clear()
        self._by_id.clear()

    def _used(self, entries: Iterable[Entry]) -> None:
        # A dict keeps its order: the last is the one used last.
        for entry in entries:
            del self._by_id[entry.key_id]
            self._by_id[entry.key_id] = entry

    def _drop(self, owner: Owner) -> None:
        entry = self._by_owner.pop(owner, None)
        if entry is not None:
            del self._by_id[entry.key_id]
