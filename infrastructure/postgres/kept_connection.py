"""A connection of its own for few, small statements: opened when it is first needed, and anew where it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import psycopg

from infrastructure.postgres.connecting import connect_async

T = TypeVar("T")


class KeptConnection:
    """Statements at `url`, one after the other. It belongs to one event loop; close it when done.

    `first` is executed on each new connection. Raises psycopg.OperationalError where the server cannot be reached.
    """

    def __init__(self, url: str, *, first: Sequence[str] = ()) -> None:
        self._url = url
        self._first = first
        self._connection: psycopg.AsyncConnection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self, read: Callable[[psycopg.AsyncConnection], Awaitable[T]]) -> T:
        """Read something; once more, on a new connection, where the kept one had been lost."""
        async with self._one_at_a_time:
            kept = self._connection
            try:
                return await read(kept or await self._connected())
            except (psycopg.OperationalError, psycopg.InterfaceError):
                await self._disconnect()
                if kept is None:
                    raise
                return await read(await self._connected())

    async def aclose(self) -> None:
        await self._disconnect()

    async def _connected(self) -> psycopg.AsyncConnection:
        self._connection = await connect_async(self._url, first=self._first)
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
