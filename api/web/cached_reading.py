"""A value of the database that many requests ask for, read once for all of them.

A request takes a value that is at most `max_age_s` old, or waits for a reading that begins after the request asked.
Requests of the first kind read the database at most once in `max_age_s`; those of the second share one reading at a
time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_AGE_S = 0.05
"""How long the positions of read models are used again: short beside the lag of a read model."""


class CachedReading(Generic[T]):
    """Reads a value and caches the last one. An error of a reading is raised to all who wait for it, and not cached.

    It belongs to one event loop. The age of a value counts from the beginning of its reading, on the clock `seconds`.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        max_age_s: float = MAX_AGE_S,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._seconds = seconds
        self._cached: tuple[float, T] | None = None
        self._reading: asyncio.Task[T] | None = None

    @property
    def last(self) -> T | None:
        """The cached value, however old it is; None before the first."""
        return None if self._cached is None else self._cached[1]

    @property
    def under_way(self) -> bool:
        return self._reading is not None and not self._reading.done()

    async def recent(self) -> T:
        """Return the cached value if it is young enough, else the value of the reading under way or of a new one."""
        if self._cached is not None and self._seconds() - self._cached[0] < self._max_age_s:
            return self._cached[1]
        reading = self._reading
        if reading is None or reading.done():
            reading = self._begin()
        return await asyncio.shield(reading)

    async def fresh(self) -> T:
        """Return the value of a reading that begins after this call."""
        earlier = self._reading
        if earlier is not None and not earlier.done():
            await asyncio.wait((earlier,))
        reading = self._reading
        if reading is None or reading is earlier:
            reading = self._begin()
        return await asyncio.shield(reading)

    def _begin(self) -> asyncio.Task[T]:
        self._reading = asyncio.get_running_loop().create_task(self._read_and_cache())
        # If all who waited for a reading went away, nobody else takes note of its error.
        self._reading.add_done_callback(lambda reading: reading.cancelled() or reading.exception())
        return self._reading

    async def _read_and_cache(self) -> T:
        began = self._seconds()
        value = await self._read()
        self._cached = (began, value)
        return value
