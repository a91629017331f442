"""What every contender writes, and how calls are driven: so many in all, never more than so many at once."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvloop

from application.ids import RANDOM_BYTES, time_ordered_id

EVENT_NAME = "benchmark.event.v1"
EVENT = b'{"payload":"' + b"x" * 280 + b'"}'

T = TypeVar("T")


def new_id() -> str:
    """Return an id as the platform gives them to what is created."""
    return time_ordered_id(datetime.now(UTC), os.urandom(RANDOM_BYTES))


WARM_UP = 8
"""Calls of each worker or connection before the clock starts: statements are prepared, connections stand."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run on the event loop that the platform's own server runs on."""
    return uvloop.run(main)


async def drive(work: Callable[[], Awaitable[None]], times: int, in_flight: int) -> float:
    """Call `work` so many times from `in_flight` tasks; return the seconds it took."""
    left = itertools.repeat(None, times)

    async def worker() -> None:
        for _ in left:
            await work()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return time.perf_counter() - started


def drive_threads(work: Callable[[], None], times: int, in_flight: int) -> float:
    """Call `work` so many times from `in_flight` threads; return the seconds it took, raise what a thread raised."""
    left = itertools.repeat(None, times)
    failed: list[BaseException] = []

    def worker() -> None:
        try:
            for _ in left:
                work()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failed.append(error)

    threads = [threading.Thread(target=worker) for _ in range(in_flight)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken_s = time.perf_counter() - started
    if failed:
        raise failed[0]
    return taken_s
