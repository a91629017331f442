"""Keys that a process has at hand: those used last, by their owner and by their id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from infrastructure.keys.model import DataKey, Owner


class Entry(NamedTuple):
    """What is known of a key. Of one that was destroyed there is only the id."""

    owner: Owner
    key_id: bytes
    key: DataKey | None


class Cache:
    """At most so many keys; the one that was not used for longest makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_owner: dict[Owner, Entry] = {}
        self._by_id: dict[bytes, Entry] = {}

    def __len__(self) -> int:
        return len(self._by_owner)

    def of_owners(self, owners: Collection[Owner]) -> Mapping[Owner, Entry]:
        """Return the entries that there are for these owners."""
        known = self._by_owner
        return {owner: self._used(known[owner]) for owner in owners if owner in known}

    def of_ids(self, key_ids: Collection[bytes]) -> Mapping[bytes, Entry]:
        known = self._by_id
        return {key_id: self._used(known[key_id]) for key_id in key_ids if key_id in known}

    def put(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._drop(entry.owner)
            self._by_owner[entry.owner] = entry
            self._by_id[entry.key_id] = entry
        while len(self._by_owner) > self._most:
            self._drop(next(iter(self._by_owner)))

    def drop(self, owners: Iterable[Owner]) -> None:
        for owner in owners:
            self._drop(owner)

    def clear(self) -> None:
        self._by_owner.clear()
        self._by_id.clear()

    def _used(self, entry: Entry) -> Entry:
        # A dict keeps its order: the last is the one used last.
        del self._by_owner[entry.owner]
        self._by_owner[entry.owner] = entry
        return entry

    def _drop(self, owner: Owner) -> None:
        entry = self._by_owner.pop(owner, None)
        if entry is not None:
            del self._by_id[entry.key_id]
