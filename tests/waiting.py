"""Waiting for what happens elsewhere: until it is so, and never longer than a bound."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator

WITHIN_S = 60.0
"""Long enough for whatever a test waits for on a busy machine; what takes longer says so."""
_PAUSES_S = (0.005, 0.01, 0.02, 0.05)


def wait_until(holds: Callable[[], object], otherwise: str, within_s: float = WITHIN_S) -> None:
    """Wait until something is true; raise AssertionError, with `otherwise`, where it is not in time."""
    for pause_s in _pauses(within_s):
        if holds():
            return
        time.sleep(pause_s)
    raise AssertionError(otherwise)


async def until(holds: Callable[[], object], otherwise: str, within_s: float = WITHIN_S) -> None:
    """Do the same while the loop goes on; `holds` may be a coroutine function or not."""
    for pause_s in _pauses(within_s):
        answer = holds()
        if await answer if inspect.isawaitable(answer) else answer:
            return
        await asyncio.sleep(pause_s)
    raise AssertionError(otherwise)


def _pauses(within_s: float) -> Iterator[float]:
    deadline = time.monotonic() + within_s
    yield from _PAUSES_S
    while time.monotonic() < deadline:
        yield _PAUSES_S[-1]
