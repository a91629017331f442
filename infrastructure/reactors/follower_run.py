"""Supervises a follower of the eventsourcing library in the process that leads it.

The library processes one event after the other, in a thread of its own. Where that fails, the follower is closed, and
opened again after a pause; the event waits meanwhile, and may be skipped, as with a reactor. The process leads and the
checkpoint is shown as with a reactor too; the position that counts is the one of the library's own tracking recorder.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from application.reactor import RetryPolicy
from domain.reactors import ReactorPaused, ReactorResumed, WaitingEventSkipped, WaitingEventsRetried
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.postgres.failures import summary
from infrastructure.reactors.act_reader import ActReader, StoreCall
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.library_followers import OpenFollower
from infrastructure.reactors.reactor_store import Failure

LOG = structlog.get_logger()
T = TypeVar("T")

RETRY = RetryPolicy()
CHANCE = random.SystemRandom()


class FollowerRun:
    """Runs a follower until `stop`. `open_follower` opens it."""

    def __init__(
        self,
        name: str,
        store: StoreCall,
        limits: EngineLimits,
        open_follower: Callable[[], OpenFollower],
        retry: RetryPolicy = RETRY,
    ) -> None:
        self._name = name
        self._store = store
        self._limits = limits
        self._open = open_follower
        self._retry = retry
        self._acts = ActReader(name, store, limits.batch_events)
        self._woken = asyncio.Event()
        self._stopping = False
        self._paused = False
        self._parked = False
        self._follower: OpenFollower | None = None
        self._tries = 0
        self._failed_at = 0
        self._again_at = 0.0
        self._saved = (-1, "")
        # What the library does may hang: then this thread does, and no other.
        self._thread = ThreadPoolExecutor(1, f"follower-{name}")

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Run until stopped. Raises an error of the database, or where the checkpoint is one of another log."""
        checkpoint = await self._store(lambda store: store.begin(self._name, from_start=True))
        self._acts.position, self._paused = checkpoint.act_position, checkpoint.paused
        # Another process may have led it until now: what waited there is passed, skipped and counted here.
        waiting = await self._store(lambda store: store.first_waiting(self._name))
        self._failed_at, self._tries, self._parked = waiting
        try:
            while not self._stopping:
                self._woken.clear()
                await self._step()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.check_interval_s):
                        await self._woken.wait()
        finally:
            await asyncio.shield(self._close())
            self._thread.shutdown(wait=False)

    async def _step(self) -> None:
        for act in await self._acts.new():
            await self._carry_out(act)
        now = asyncio.get_running_loop().time()
        if self._follower is None:
            if self._paused or self._parked or now < self._again_at:
                return
            try:
                self._follower = await self._call(self._open)
            except Exception as error:  # noqa: BLE001 - it is agencies' own code: every error is noted
                await self._failed(error, 0)
                return
        await self._look(self._follower)

    async def _look(self, follower: OpenFollower) -> None:
        """Save how far it is, or note that it failed."""
        error = await self._call(follower.error)
        head = await self._store(lambda store: store.head())
        following = await self._call(partial(follower.next, head))
        reached = await self._call(follower.reached)
        if error is not None:
            await self._close()
            await self._failed(error, following.id if following else 0, following.topic if following else "")
        elif reached > self._failed_at or following is None:
            await self._succeeded()
        position = reached if following else head
        await self._save(position, summary(error) if error is not None else "")

    async def _save(self, position: int, error: str) -> None:
        if (position, error) != self._saved:
            await self._store(lambda store: store.save(self._name, position, error=error))
            self._saved = position, error

    async def _failed(self, error: BaseException, position: int, topic: str = "") -> None:
        self._tries += 1
        self._failed_at = position
        wait_s = self._retry.wait_s(self._tries, CHANCE.random())
        self._parked = self._tries >= self._retry.tries
        self._again_at = asyncio.get_running_loop().time() + wait_s
        failure = Failure(tries=self._tries, error=summary(error), wait_s=wait_s, parked=self._parked)
        LOG.error("follower_failed", reactor=self._name, position=position, tries=self._tries, error=failure.error)
        await self._store(lambda store: store.wait_at(self._name, self._name, position, topic, failure))

    async def _succeeded(self) -> None:
        """Take away the event that waits, if there is one: it was processed."""
        if self._tries:
            self._tries = self._failed_at = 0
            await self._store(lambda store: store.take_all(self._name))

    async def _carry_out(self, act: AnyRecorded) -> None:
        await self._store(lambda store: store.carry_out(act))
        match act.event:
            case ReactorPaused():
                self._paused = True
                await self._close()
            case ReactorResumed():
                self._paused = False
            case WaitingEventSkipped(event_position=position):
                await self._skip(position)
            case WaitingEventsRetried():
                self._parked, self._again_at = False, 0.0
            case _:
                pass
        LOG.info("reactor_act_carried_out", reactor=self._name, act=type(act.event).__name__, position=act.position)

    async def _skip(self, position: int) -> None:
        """Pass over the event at which it failed."""
        if position != self._failed_at:
            return
        follower = self._follower
        if follower is None:
            follower = await self._call(self._open)
        try:
            await self._call(partial(follower.skip, position))
        finally:
            await self._call(follower.close)
            self._follower, self._parked, self._again_at = None, False, 0.0

    async def _close(self) -> None:
        if self._follower is not None:
            follower, self._follower = self._follower, None
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._limits.stop_s):
                    await self._call(follower.close)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
