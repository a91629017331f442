"""Rate limits: a bucket of tokens for each organisation, in the memory of this process or shared by all.

A bucket holds the tokens of a minute, and an organisation may use all of them at once. An answer shows in `RateLimit`
and `RateLimit-Policy` how many are left.
Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from starlette.requests import HTTPConnection
from starlette.types import Scope

WINDOW_S = 60
MAX_BUCKETS = 10_000
"""The bucket that was used longest ago is dropped first: it is full again."""

_ADDED = "added_headers"
"""The key of added header fields in the state of a request."""

Seconds = Callable[[], float]
AddedFields: TypeAlias = Mapping[bytes, bytes]
"""Header fields by their names in lower case."""


class Allowance(NamedTuple):
    """Whether tokens were granted; the tokens left; the whole seconds until there are enough, and until it is full."""

    granted: bool
    left: int
    enough_in_s: int
    full_in_s: int


class Buckets:
    """One bucket of `per_minute` tokens for each name; 0 stands for no limit."""

    def __init__(self, policy: str, per_minute: int, seconds: Seconds = time.monotonic) -> None:
        self.policy = policy
        self.per_minute = per_minute
        self._seconds = seconds
        self._shown = f'"{policy}";q={per_minute};w={WINDOW_S}'.encode()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, name: str, tokens: int = 1) -> Allowance:
        """Take some tokens, or none if there are not enough."""
        if not self.per_minute:
            return Allowance(granted=True, left=0, enough_in_s=0, full_in_s=0)
        now, rate = self._seconds(), self.per_minute / WINDOW_S
        level, at = self._levels.pop(name, (float(self.per_minute), now))
        level = min(level + (now - at) * rate, self.per_minute)
        granted = tokens <= level
        level -= tokens if granted else 0
        self._levels[name] = (level, now)
        if len(self._levels) > MAX_BUCKETS:
            self._levels.pop(next(iter(self._levels)))
        enough_in_s = 0 if granted else max(1, math.ceil((tokens - level) / rate))
        return Allowance(granted, int(level), enough_in_s, math.ceil((self.per_minute - level) / rate))

    async def grant(self, name: str, tokens: int = 1) -> Allowance:
        """Take some tokens, or none if there are not enough; where the bucket is shared, of all processes' one."""
        return self.take(name, tokens)

    def give_back(self, name: str, tokens: int = 1) -> None:
        """Give tokens back that were taken for a request that does not count."""
        if name in self._levels:
            level, at = self._levels[name]
            self._levels[name] = (min(level + tokens, self.per_minute), at)

    def headers(self, taken: Allowance) -> AddedFields:
        """Return the header fields that show how many tokens are left."""
        if not self.per_minute:
            return {}
        left = f'"{self.policy}";r={taken.left};t={taken.full_in_s}'
        return {b"ratelimit-policy": self._shown, b"ratelimit": left.encode()}


async def charge(connection: HTTPConnection, limit: Buckets, organisation_id: str, tokens: int = 1) -> Allowance:
    """Take tokens of an organisation, if there are enough; the answer to the request shows how many are left."""
    allowance = await limit.grant(organisation_id, tokens)
    add_headers(connection, limit.headers(allowance))
    return allowance


def add_headers(connection: HTTPConnection, headers: AddedFields) -> None:
    """Add header fields to the answer of a request; two values of one name become a list."""
    added = connection.scope.setdefault("state", {}).setdefault(_ADDED, {})
    for name, value in headers.items():
        added[name] = b"%b, %b" % (added[name], value) if name in added else value


def added_headers(scope: Scope) -> AddedFields:
    """Return the header fields that were added to the answer of a request so far."""
    added: AddedFields = scope.get("state", {}).get(_ADDED, {})
    return added
