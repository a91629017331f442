"""An append that is broken on purpose: positions from a sequence, no lock, committed in any order.

It is the mistake that looks right until a reader misses an event: who takes a position later may commit earlier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import psycopg

from application.ports import Append, Receipt, StreamEvents
from infrastructure.event_log.log_statements import AS_APPEND
from tests.torture.events import CODEC, CONTEXT, Marked

SEQUENCE = "public.broken_position"
HELD_LOCK = 0x6865_6C64
"""Whoever holds this lock holds back the slow appends, between taking a position and committing it."""

MAX_CONNECTIONS = 8
MAX_HELD = 2
"""How many of its connections a writer lends to slow appends at once."""

PREPARE = f"CREATE SEQUENCE {SEQUENCE}"
TAKEN = f"SELECT last_value FROM {SEQUENCE}"  # noqa: S608 - our own sequence
HELD = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {HELD_LOCK} AND NOT granted"  # noqa: S608
INSERT = f"""
INSERT INTO log.event (
    position, recorded_at, effective_at, version, stream, name, payload, acting_id, subject_id, organisation_id,
    mandate_id, activity, command_id, correlation_id, causation_id, trace
)
VALUES (nextval('{SEQUENCE}'), clock_timestamp(), %s, %s, %s, %s, %s, '', '', '', '', '', '', '', '', '')
RETURNING position
"""  # noqa: S608 - our own sequence
HOLD = f"SELECT pg_advisory_xact_lock_shared({HELD_LOCK})"
COMMIT = "INSERT INTO log.commit VALUES (%s, clock_timestamp(), gen_random_uuid(), 1)"
NOTIFY = "SELECT pg_notify('kroniek_log', %s)"


class BrokenLog:
    """Has what a writer uses of the log; every append is a transaction of its own, without a lock.

    Some of those with an event of the rare type are slow: they take a position, and commit when they are let go.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
        self._open = AsyncExitStack()
        self._held = 0

    async def __aenter__(self) -> Self:
        for _ in range(MAX_CONNECTIONS):
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            await connection.execute(AS_APPEND)
            self._free.put_nowait(await self._open.enter_async_context(connection))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._open.aclose()

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        return {stream: StreamEvents() for stream in streams}

    async def append(self, appends: Sequence[Append]) -> Sequence[Receipt]:
        async with self._connection() as connection, connection.transaction():
            receipts = [await _insert(connection, append) for append in appends]
            if self._held < MAX_HELD and any(
                isinstance(event, Marked) for append in appends for event in append.events
            ):
                await self._hold(connection)
            await connection.execute(COMMIT, [receipts[-1].position])
            await connection.execute(NOTIFY, [str(receipts[-1].position)])
        return receipts

    async def _hold(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._held += 1
        try:
            await connection.execute(HOLD)
        finally:
            self._held -= 1

    @asynccontextmanager
    async def _connection(self) -> Any:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)


async def _insert(connection: psycopg.AsyncConnection[Any], append: Append) -> Receipt:
    position, version = 0, append.expected[append.stream]
    for event in append.events:
        version += 1
        name, payload = CODEC.encode(event)
        row = await connection.execute(INSERT, [CONTEXT.effective_at, version, append.stream, name, payload])
        (position,) = await row.fetchone() or (0,)
    return Receipt(stream=append.stream, version=version, position=position, events=())
