"""What callers of a keyring ask for, and what is found for all who asked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.key_cache import CachedKey


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """What one caller asks for. Nothing is asked to hear of destructions only."""

    owners: frozenset[KeyOwner] = frozenset()
    key_ids: frozenset[bytes] = frozenset()
    destroyed: frozenset[KeyOwner] = frozenset()
    name: str = ""


@dataclass(slots=True)
class KeyAnswer:
    """What there is for all who asked together."""

    by_owner: dict[KeyOwner, CachedKey] = field(default_factory=dict)
    by_id: dict[bytes, CachedKey] = field(default_factory=dict)
    by_name: dict[str, bytes] = field(default_factory=dict)

    def add(self, entries: Sequence[CachedKey]) -> None:
        self.by_owner.update({entry.owner: entry for entry in entries})
        self.by_id.update({entry.key_id: entry for entry in entries})
