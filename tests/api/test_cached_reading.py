"""A value that many requests ask for is read once for all of them, and never used again for long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

import pytest

from api.web.cached_reading import CachedReading

pytestmark = pytest.mark.anyio
MAX_AGE_S = 0.05


@dataclass
class Source:
    """Reads 1, 2, 3 ..., each reading once it may end; `now_s` is its clock."""

    now_s: float = 0.0
    begun: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def read(self) -> int:
        self.begun += 1
        number = next(self.numbers)
        await self.may_end.wait()
        if self.fails:
            raise ConnectionError
        return number

    def cached(self) -> CachedReading[int]:
        return CachedReading(self.read, MAX_AGE_S, lambda: self.now_s)


async def begun(*calls: asyncio.Task[int]) -> None:
    """Let tasks run until each of them waits."""
    for _ in range(5 * len(calls)):
        await asyncio.sleep(0)


async def test_requests_of_a_moment_share_one_reading() -> None:
    source = Source()
    cached = source.cached()
    asking = [asyncio.create_task(cached.recent()) for _ in range(16)]
    await begun(*asking)
    source.may_end.set()
    assert await asyncio.gather(*asking) == [1] * 16
    source.now_s = MAX_AGE_S * 0.99
    assert (await cached.recent(), source.begun) == (1, 1)
    source.now_s = MAX_AGE_S
    assert (await cached.recent(), source.begun) == (2, 2)


async def test_a_fresh_value_is_of_a_reading_that_begins_later() -> None:
    source = Source()
    cached = source.cached()
    before = asyncio.create_task(cached.recent())
    await begun(before)
    asking = [asyncio.create_task(cached.fresh()) for _ in range(16)]
    await begun(*asking)
    assert source.begun == 1
    source.may_end.set()
    assert (await before, await asyncio.gather(*asking)) == (1, [2] * 16)
    assert (await cached.fresh(), await cached.recent()) == (3, 3)


async def test_an_error_reaches_all_who_wait_and_is_not_cached() -> None:
    source = Source(fails=True)
    cached = source.cached()
    source.may_end.set()
    answers = await asyncio.gather(cached.recent(), cached.recent(), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError]
    source.fails = False
    assert await cached.recent() == 2


async def test_a_reading_goes_on_for_the_others_when_one_of_them_goes_away() -> None:
    source = Source()
    cached = source.cached()
    gone, stays = (asyncio.create_task(cached.recent()) for _ in range(2))
    await begun(gone, stays)
    gone.cancel()
    source.may_end.set()
    assert await stays == 1
    assert source.begun == 1
