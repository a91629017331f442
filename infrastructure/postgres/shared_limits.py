"""Limits that all processes on one database keep together, and ids that may be used once.

Concurrent calls of a process share a round trip. The rows are in unlogged tables and hold keyed hashes only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self, TypeAlias

from psycopg import AsyncConnection

from infrastructure.postgres.arrays import byte_strings, integers
from infrastructure.postgres.connecting import connect_async
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError
from infrastructure.postgres.group_calls import GroupCallQueue

LEASE_TIMEOUT_S = 1.0
"""How long a lease of tokens is waited for."""

RECONNECT_TIMEOUT_S = 5.0
CLEANING_INTERVAL_S = 30.0
MAX_ROWS = 200_000
"""Buckets that a cleaning leaves at most, the newest ones."""

_SESSION = ("SET synchronous_commit = off", "SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off")
_LEASE = "SELECT granted, remaining FROM limits.lease(%s, %s, %s, %s) ORDER BY place"
_USE_IDS = "SELECT limits.use_ids(%s, %s)"
_CLEAN = "SELECT limits.clean(%s)"
_KEY_BYTES = 16


class Granted(NamedTuple):
    """The granted tokens, and how many are left."""

    tokens: int
    left: int


@dataclass(frozen=True, slots=True)
class _LeaseCall:
    key: bytes
    per_minute: int
    least: int
    wanted: int


@dataclass(frozen=True, slots=True)
class _UseCall:
    digest: bytes
    seconds: int


_Call: TypeAlias = _LeaseCall | _UseCall


class SharedLimits:
    """The connection of a process to the shared limits. Use it as an async context manager, in one event loop."""

    def __init__(
        self,
        url: str,
        keyed_hash: Callable[[bytes], bytes],
        *,
        lease_timeout_s: float = LEASE_TIMEOUT_S,
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
    ) -> None:
        self._keyed_hash = keyed_hash
        self._lease_timeout_s = lease_timeout_s
        self._cleaned_at = time.monotonic()
        connect = partial(connect_async, url, first=_SESSION)
        self._calls = GroupCallQueue[_Call, Granted | bool](connect, [self._execute], reconnect_timeout_s)

    async def __aenter__(self) -> Self:
        self._calls.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._calls.close()

    async def lease(self, name: str, per_minute: int, least: int, wanted: int) -> Granted | None:
        """Take at least and at most so many tokens of a bucket, or none; negative ones are given back.

        `name` is that of a limit and of the organisation or address that it is for. Return None where the database does
        not answer in time.
        """
        key = self._keyed_hash(b"limit\0" + name.encode(errors="surrogatepass"))[:_KEY_BYTES]
        try:
            async with asyncio.timeout(self._lease_timeout_s):
                granted = await self._calls.call(_LeaseCall(key, per_minute, least, wanted))
        except (TimeoutError, LogUnavailableError, LogBusyError):
            return None
        assert isinstance(granted, Granted)
        return granted

    async def is_first_use(self, digest: bytes, seconds: int) -> bool:
        """Return whether no process has used this id (16 bytes) yet; it counts as used for so many seconds.

        Raises LogUnavailableError or LogBusyError where the database does not answer.
        """
        return bool(await self._calls.call(_UseCall(digest, seconds)))

    async def _execute(
        self, connection: AsyncConnection, calls: Sequence[_Call], _again: bool
    ) -> Sequence[Granted | bool]:
        leases = [call for call in calls if isinstance(call, _LeaseCall)]
        uses = [call for call in calls if isinstance(call, _UseCall)]
        granted = iter(await _leased(connection, leases) if leases else ())
        first = await _first_uses(connection, uses) if uses else frozenset[bytes]()
        if time.monotonic() - self._cleaned_at > CLEANING_INTERVAL_S:
            self._cleaned_at = time.monotonic()
            await connection.execute(_CLEAN, (MAX_ROWS,))
        return [next(granted) if isinstance(call, _LeaseCall) else call.digest in first for call in calls]


async def _leased(connection: AsyncConnection, leases: Sequence[_LeaseCall]) -> Sequence[Granted]:
    columns = (
        byte_strings([lease.key for lease in leases]),
        integers([lease.per_minute for lease in leases]),
        integers([lease.least for lease in leases]),
        integers([lease.wanted for lease in leases]),
    )
    cursor = await connection.execute(_LEASE, columns)
    return [Granted(*row) for row in await cursor.fetchall()]


async def _first_uses(connection: AsyncConnection, uses: Sequence[_UseCall]) -> frozenset[bytes]:
    seconds = {use.digest: use.seconds for use in uses}
    cursor = await connection.execute(_USE_IDS, (byte_strings(list(seconds)), integers(list(seconds.values()))))
    return frozenset(bytes(row[0]) for row in await cursor.fetchall())
