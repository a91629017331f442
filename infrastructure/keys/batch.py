"""What callers of a keyring ask for, and what is found for all who asked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infrastructure.keys.cache import Entry
from infrastructure.keys.model import Owner


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one caller asks for. Nothing is asked to hear of destructions only."""

    owners: frozenset[Owner] = frozenset()
    key_ids: frozenset[bytes] = frozenset()
    destroyed: frozenset[Owner] = frozenset()
    name: str = ""


@dataclass(slots=True)
class Found:
    """What there is for all who asked together."""

    by_owner: dict[Owner, Entry] = field(default_factory=dict)
    by_id: dict[bytes, Entry] = field(default_factory=dict)
    by_name: dict[str, bytes] = field(default_factory=dict)

    def add(self, entries: Sequence[Entry]) -> None:
        self.by_owner.update({entry.owner: entry for entry in entries})
        self.by_id.update({entry.key_id: entry for entry in entries})
