"""Ids that may be used once, remembered until they expire."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Awaitable, Callable
from typing import TypeAlias

MAX_USED_IDS = 100_000

FirstUse: TypeAlias = Callable[[bytes, int], Awaitable[bool]]
"""Notes an id (16 bytes) as used for so many seconds; returns whether nobody has used it before."""


class UsedIds:
    """A bounded memory of this process, and with `elsewhere` that of all processes.

    Without room for an id, the id is refused: it fails closed. Without `elsewhere`, another process has a memory of its
    own, and a restart empties this one: the short time in which a proof is taken at all bounds a replay.
    """

    def __init__(self, max_seen: int = MAX_USED_IDS, elsewhere: FirstUse | None = None) -> None:
        self._max_seen = max_seen
        self._elsewhere = elsewhere
        self._seen: set[bytes] = set()
        self._ends: list[tuple[float, bytes]] = []

    def is_first(self, *parts: str, now: float, until: float) -> bool:
        """Return whether this id is new to this process, and remember it until then (seconds since 1970)."""
        return self._is_first(_digest(parts), now, until)

    async def is_first_anywhere(self, *parts: str, now: float, until: float) -> bool:
        """Return whether this id is new to all processes; raises what `elsewhere` raises."""
        digest = _digest(parts)
        if not self._is_first(digest, now, until):
            return False
        return self._elsewhere is None or await self._elsewhere(digest, math.ceil(until - now))

    def _is_first(self, digest: bytes, now: float, until: float) -> bool:
        while self._ends and self._ends[0][0] <= now:
            self._seen.discard(heapq.heappop(self._ends)[1])
        if digest in self._seen or len(self._seen) >= self._max_seen:
            return False
        self._seen.add(digest)
        heapq.heappush(self._ends, (until, digest))
        return True


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).digest()[:16]
