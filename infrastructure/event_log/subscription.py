"""Subscribing to the log: everything that follows the log waits here until it has grown."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Executor
from types import TracebackType
from typing import Self

import psycopg

from infrastructure.event_log.log_statements import CHANNEL


class LogSubscription:
    """A session that the log notifies of every commit, until its context ends or its connection is closed.

    Subscribe first, then read up to the head, then wait: no event is missed between reading and waiting. The
    connection is in autocommit mode, and other statements may run on it. While a subscriber waits, the database is
    asked nothing. Waiting raises psycopg.OperationalError where the connection is lost.
    """

    def __init__(self, connection: psycopg.Connection[object]) -> None:
        assert connection.autocommit, "a session in a transaction is notified of nothing"
        self._connection = connection
        connection.execute(f"LISTEN {CHANNEL}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self._connection.execute(f"UNLISTEN {CHANNEL}")

    def wait(self, timeout_s: float) -> bool:
        """Wait until the log has grown since the last call; return False at the timeout. Blocks the thread."""
        return any(self._connection.notifies(timeout=timeout_s, stop_after=1))

    async def wait_async(self, timeout_s: float, stop: asyncio.Event, thread: Executor | None = None) -> None:
        """Wait until the log has grown since the last call, `stop` is set, or the timeout; hold no thread.

        The connection is used in `thread` for a moment; without, in one of the loop's own threads.
        """
        loop, socket, woken = asyncio.get_running_loop(), self._connection.fileno(), asyncio.Event()
        if await loop.run_in_executor(thread, self._grown):
            return
        loop.add_reader(socket, woken.set)
        stopping = loop.create_task(stop.wait())
        stopping.add_done_callback(lambda _: woken.set())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await woken.wait()
        finally:
            stopping.cancel()
            loop.remove_reader(socket)

    def _grown(self) -> bool:
        return bool(list(self._connection.notifies(timeout=0)))
