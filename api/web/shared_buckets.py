"""Rate limits that all processes keep together: each takes tokens of the shared bucket ahead, in leases.

A lease holds the tokens of a second of the limit: a request under a high limit waits for nothing, and one under a low
limit asks the shared bucket itself. What a process holds and does not use is lost to the others, a second of the limit
at most. While the shared buckets do not answer, each process keeps the limit by itself.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from api.web.rate_limits import MAX_BUCKETS, WINDOW_S, Allowance, Buckets, Seconds

LEASES_PER_MINUTE = 60
LEASE_S = 10.0
"""After this time the rest of a lease counts no more: the shared bucket has filled by as much."""

MAX_LEASES = 10
"""How many leases one request waits for; others may use up what was leased."""

MAX_REFUSED_S = 1.0
"""How long a process refuses without asking the shared bucket again."""

AWAY_S = 1.0
"""How long a process keeps the limit by itself before it asks the shared buckets again."""

Lease: TypeAlias = Callable[[str, int, int, int], Awaitable[tuple[int, int] | None]]
"""Takes tokens of a shared bucket, by its name, its size, and the least and most tokens; gives negative ones back.

Returns the granted tokens and those that are left; None while the shared buckets do not answer.
"""


@dataclass(slots=True)
class _Held:
    """The tokens that this process holds of a bucket, and how many were left in it."""

    tokens: int = 0
    until: float = 0.0
    left: int = 0
    waiting: int = 0
    """The tokens that requests wait for."""

    exchange: asyncio.Task[None] | None = None
    """A lease that is under way."""

    refused: int = 0
    refused_until: float = 0.0
    """Until then, a request for so many tokens or more is refused."""


class SharedBuckets(Buckets):
    """One bucket of `per_minute` tokens for each name, shared by all processes. It belongs to one event loop."""

    def __init__(self, policy: str, per_minute: int, lease: Lease, seconds: Seconds = time.monotonic) -> None:
        super().__init__(policy, per_minute, seconds)
        self._lease = lease
        self._share = max(per_minute // LEASES_PER_MINUTE, 1)
        self._held: dict[str, _Held] = {}
        self._away_until = 0.0

    async def grant(self, name: str, tokens: int = 1) -> Allowance:
        if not self.per_minute:
            return self.take(name, tokens)
        held, now = self._held.get(name), self._seconds()
        if held is None or held.tokens < tokens or now >= held.until:
            return await self._granted(name, tokens, now)
        held.tokens -= tokens
        if held.tokens < self._share // 4 and held.exchange is None:
            self._exchange(name, held, 1, self._share)
        return self._allowance(held.left + held.tokens)

    def give_back(self, name: str, tokens: int = 1) -> None:
        """Give tokens back; more than two leases go back to the shared bucket."""
        held = self._held.get(name)
        if held is None:
            super().give_back(name, tokens)
            return
        held.tokens += tokens
        surplus = held.tokens - 2 * self._share
        if surplus > 0 and held.exchange is None:
            held.tokens -= surplus
            self._exchange(name, held, 0, -surplus)

    async def _granted(self, name: str, tokens: int, now: float) -> Allowance:
        """Wait for a lease: one at a time for each bucket, for all requests that wait."""
        held = self._of(name, now)
        held.waiting += tokens
        try:
            for _ in range(MAX_LEASES):
                if now < self._away_until:
                    return self.take(name, tokens)
                if held.tokens >= tokens:
                    held.tokens -= tokens
                    return self._allowance(held.left + held.tokens)
                if now < held.refused_until and tokens >= held.refused:
                    break
                lacking = tokens - held.tokens, max(held.waiting - held.tokens, self._share)
                await asyncio.wait([held.exchange or self._exchange(name, held, *lacking)])
                now = self._seconds()
        finally:
            held.waiting -= tokens
        return self._allowance(held.left + held.tokens, lacking=tokens)

    def _of(self, name: str, now: float) -> _Held:
        held = self._held.setdefault(name, _Held())
        if now >= held.until and held.exchange is None:
            held.tokens = 0
        if len(self._held) > MAX_BUCKETS:
            self._held.pop(next(iter(self._held)))
        return held

    def _exchange(self, name: str, held: _Held, least: int, wanted: int) -> asyncio.Task[None]:
        """Begin to take or give back tokens."""
        task = asyncio.get_running_loop().create_task(self._exchanged(name, held, least, wanted))
        held.exchange = task
        return task

    async def _exchanged(self, name: str, held: _Held, least: int, wanted: int) -> None:
        try:
            answer = await self._lease(f"{self.policy} {name}", self.per_minute, least, wanted)
        finally:
            held.exchange = None
        now = self._seconds()
        if answer is None:
            self._away_until = now + AWAY_S
            return
        granted, held.left = answer
        if granted > 0:
            held.tokens += granted
            held.until = now + LEASE_S
        elif wanted > 0:
            held.refused = least + held.tokens
            held.refused_until = now + min((least - held.left) * WINDOW_S / self.per_minute, MAX_REFUSED_S)

    def _allowance(self, left: int, *, lacking: int = 0) -> Allowance:
        rate = self.per_minute / WINDOW_S
        enough_in_s = max(1, math.ceil((lacking - left) / rate)) if lacking else 0
        return Allowance(not lacking, left, enough_in_s, math.ceil(max(self.per_minute - left, 0) / rate))
