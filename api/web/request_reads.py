"""What one request reads of the read models: one statement after the other, all from one state of the rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

from sqlalchemy import Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from projections.row_security import RECOVER, VIEWER, Viewer

Query: TypeAlias = Select[*tuple[Any, ...]]
Rows: TypeAlias = Sequence[Row[Any]]

OpenState: TypeAlias = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
"""Waits for a turn of an organisation, and opens a transaction that reads one state of all rows.

Raises BusyError of `application.fair_turns` where no turn comes in time.
"""


class RequestReads:
    """Opens a state of the rows at the first read of a request, and closes it with the request. Enter it to use it.

    `known` is how often the request has read the places of read models until now: a state that was opened before the
    last time may not contain what the places promise, and another one is opened.
    """

    def __init__(self, open_state: OpenState, organisation_id: str) -> None:
        self._open_state = open_state
        self._organisation_id = organisation_id
        self._one_at_a_time = asyncio.Lock()
        self._opened = AsyncExitStack()
        self._connection: AsyncConnection | None = None
        self._known = 0
        self._reading: asyncio.Task[Any] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._reading is not None:
            # A field is still being read for an answer that was given up.
            self._reading.cancel()
        if self._connection is None and not self._one_at_a_time.locked():
            # Nothing was opened, and nobody is about to open it.
            return
        async with self._one_at_a_time:
            await self._close_state()

    async def rows(self, query: Query, viewer: Viewer, known: int = 0) -> Rows:
        """Read rows as a viewer. After an error, what else the request reads still comes from the same state.

        Whoever is cancelled does not end the statement, which would end the state for the others: only the end of the
        request does.
        """
        reading = asyncio.ensure_future(self._rows(query, viewer, known))
        # Nobody else takes note of an error that nobody waits for.
        reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(reading)

    async def _rows(self, query: Query, viewer: Viewer, known: int) -> Rows:
        async with self._connected(known) as connection:
            try:
                return tuple(await connection.execute(query, execution_options={VIEWER: viewer}))
            except DBAPIError as error:
                if error.connection_invalidated:
                    await self._close_state()
                else:
                    await connection.exec_driver_sql(RECOVER)
                raise
            except asyncio.CancelledError:
                await self._close_state()
                raise

    @asynccontextmanager
    async def connection(self, known: int = 0) -> AsyncIterator[AsyncConnection]:
        """Hold the connection for some statements; after an error in them, the request reads another state."""
        async with self._connected(known) as connection:
            try:
                yield connection
            except BaseException:
                await self._close_state()
                raise

    @asynccontextmanager
    async def _connected(self, known: int) -> AsyncIterator[AsyncConnection]:
        async with self._one_at_a_time:
            if self._closed:
                raise asyncio.CancelledError
            self._reading = asyncio.current_task()
            try:
                if known > self._known:
                    await self._close_state()
                if self._connection is None:
                    self._known = known
                    self._connection = await self._opened.enter_async_context(self._open_state(self._organisation_id))
                yield self._connection
            finally:
                self._reading = None

    async def _close_state(self) -> None:
        self._connection = None
        await self._opened.aclose()
