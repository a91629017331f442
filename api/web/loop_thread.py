"""An event loop in a thread of its own, for work that would hold up the requests of the main loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Make: TypeAlias = Callable[[], Coroutine[object, object, T]]

END_WITHIN_S = 5.0


class LoopThread:
    """Runs coroutines in another thread; the thread begins with the first of them.

    The interpreter runs one thread at a time and changes between them every few milliseconds: the main loop is held up
    by no more than that.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def begun(self) -> bool:
        return self._loop is not None

    async def run(self, make: Make[T]) -> T:
        """Run a coroutine and return what it returns. It is cancelled with the task that waits for it."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            Thread(target=_run, args=(self._loop,), name=self._name, daemon=True).start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(make(), self._loop))

    def close(self) -> None:
        """End the loop. What still runs is cancelled."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=END_WITHIN_S))
    finally:
        loop.close()
