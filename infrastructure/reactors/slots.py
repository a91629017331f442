"""Slots for reactions: how many run at once. One that is slow makes room for another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class SlowSlots:
    """How many more reactions may go on beside the quick ones."""

    free: int


class Slots:
    """`quick` slots, and those of slow reactions, which several `Slots` share."""

    def __init__(self, quick: int, slow: SlowSlots) -> None:
        self._quick = asyncio.Semaphore(quick)
        self._slow = slow

    async def take(self) -> Slot:
        """Wait for a slot."""
        await self._quick.acquire()
        return Slot(self._quick, self._slow)


class Slot:
    """A slot that is held until it is released."""

    def __init__(self, quick: asyncio.Semaphore, slow: SlowSlots) -> None:
        self._quick = quick
        self._slow = slow
        self._is_slow = False
        self.released = False

    def turn_slow(self) -> bool:
        """Make room for a quick reaction, and return whether there is; it is not where too many are slow already."""
        if self.released:
            return False
        if not self._is_slow and self._slow.free > 0:
            self._slow.free -= 1
            self._is_slow = True
            self._quick.release()
        return self._is_slow

    def release(self) -> None:
        self.released = True
        if self._is_slow:
            self._slow.free += 1
        else:
            self._quick.release()
