"""The calls of a keyring, and the keys found for a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.key_cache import CachedKey


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
