"""Ids that may be used once, remembered until they expire."""

from __future__ import annotations

import hashlib
import heapq

MAX_USED_IDS = 100_000


class UsedIds:
    """A bounded memory of this process. Without room for an id, the id is refused: it fails closed.

    Another process has a memory of its own, and a restart empties this one: what bounds a replay then is the short
    time in which a proof is taken at all.
    """

    def __init__(self, max_seen: int = MAX_USED_IDS) -> None:
        self._max_seen = max_seen
        self._seen: set[bytes] = set()
        self._ends: list[tuple[float, bytes]] = []

    def is_first(self, *parts: str, now: float, until: float) -> bool:
        """Return whether this id is new, and remember it until then (seconds since 1970)."""
        while self._ends and self._ends[0][0] <= now:
            self._seen.discard(heapq.heappop(self._ends)[1])
        digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).digest()[:16]
        if digest in self._seen or len(self._seen) >= self._max_seen:
            return False
        self._seen.add(digest)
        heapq.heappush(self._ends, (until, digest))
        return True
