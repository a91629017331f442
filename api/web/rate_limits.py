"""How much each organisation may ask for in a minute: a bucket of tokens each, in the memory of this process.

A bucket holds what a minute brings, so that an organisation that was quiet may ask for all of it at once. What is left
is told in the header fields of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (`RateLimit` and
`RateLimit-Policy`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

WINDOW_S = 60
MOST_BUCKETS = 10_000
"""Organisations that are remembered; the one that asked longest ago is forgotten first, its bucket long full again."""

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether there was enough; what is left; in how many whole seconds there will be enough, and it will be full."""

    granted: bool
    left: int
    enough_in_s: int
    full_in_s: int


class Buckets:
    """One bucket for each name, of `per_minute` tokens, or without end where that is 0."""

    def __init__(self, policy: str, per_minute: int, seconds: Seconds = time.monotonic) -> None:
        self.policy = policy
        self.per_minute = per_minute
        self._seconds = seconds
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, tokens: int = 1) -> Taken:
        """Take some tokens, or none where there are not enough."""
        if not self.per_minute:
            return Taken(granted=True, left=0, enough_in_s=0, full_in_s=0)
        now, rate = self._seconds(), self.per_minute / WINDOW_S
        level, at = self._levels.pop(name, (float(self.per_minute), now))
        level = min(level + (now - at) * rate, self.per_minute)
        granted = tokens <= level
        level -= tokens if granted else 0
        self._levels[name] = (level, now)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.pop(next(iter(self._levels)))
        enough_in_s = 0 if granted else max(1, math.ceil((tokens - level) / rate))
        return Taken(granted, int(level), enough_in_s, math.ceil((self.per_minute - level) / rate))

    def give_back(self, name: str, tokens: int = 1) -> None:
        """Give tokens back that were taken for what turned out not to count."""
        if name in self._levels:
            level, at = self._levels[name]
            self._levels[name] = (min(level + tokens, self.per_minute), at)

    def headers(self, taken: Taken) -> Mapping[str, str]:
        """Tell what is left."""
        if not self.per_minute:
            return {}
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.per_minute};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={taken.left};t={taken.full_in_s}',
        }


_SAID: ContextVar[dict[str, str] | None] = ContextVar("rate_limits_said", default=None)


def listen() -> dict[str, str]:
    """Begin a request: what `say` is told from here on is found in what is returned."""
    said: dict[str, str] = {}
    _SAID.set(said)
    return said


def say(headers: Mapping[str, str]) -> None:
    """Have header fields added to the answer of the request; of two with one name, both stand in it as a list."""
    said = _SAID.get()
    if said is not None:
        for name, value in headers.items():
            said[name] = f"{said[name]}, {value}" if name in said else value
