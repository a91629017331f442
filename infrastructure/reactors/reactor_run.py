"""One reactor in the process that leads it: reads on behind the log, keeps the order of each key, and tries again.

The checkpoint is behind every event that is still open in memory. An event that failed, or whose key is slow, waits in
the database with all that follows for its key, so that neither the checkpoint nor another key waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence

import psycopg
import structlog

from application.reactor import Reactor
from domain.reactors import ReactorPaused, ReactorResumed
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError, summary
from infrastructure.reactors.act_reader import ActReader, StoreCall
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.reaction_calls import CommandSender, ReactionCaller
from infrastructure.reactors.reactor_store import Failure, ReactorStore, ReadyKey
from infrastructure.reactors.slots import Slot, Slots, SlowSlots

LOG = structlog.get_logger()

NOBODY_CAN = (KeysUnavailableError, LogUnavailableError, LogBusyError, psycopg.OperationalError)
"""Errors that concern every key: going on with the next one would not help."""

CHANCE = random.SystemRandom()
"""For the jitter of pauses."""

RATE_WINDOW_S = 1.0
"""Over how many seconds the rate is measured, at least."""


class ReactorRun:
    """Runs a reactor until `stop`, or until the connection is lost."""

    def __init__(
        self,
        reactor: Reactor,
        store: StoreCall,
        sender: CommandSender,
        limits: EngineLimits,
        saved: Callable[[], None] = lambda: None,
    ) -> None:
        self._reactor = reactor
        self._name = reactor.name
        self._store = store
        self._limits = limits
        self._caller = ReactionCaller(reactor, sender, limits.cancel_s)
        slow = SlowSlots(limits.slow_at_once)
        self._slots = Slots(limits.keys_at_once, slow)
        self._retry_slots = Slots(limits.retries_at_once, slow)
        self._on_save = saved
        self._woken = asyncio.Event()
        self._stopping = False
        # Held while it changes which keys wait.
        self._waits = asyncio.Lock()
        self._waiting: set[str] = set()
        self._queues: dict[str, deque[AnyRecorded]] = {}
        self._open: dict[int, None] = {}
        self._running: set[str] = set()
        self._retrying = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._position = self._saved = 0
        self._acts = ActReader(reactor.name, store, limits.batch_events)
        self._paused = False
        self._halts = 0
        self._halted_until = 0.0
        self._error = self._saved_error = ""
        self._progress = RunRate()

    # --- From outside -----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look at the log and at what is due."""
        self._woken.set()

    def stop(self) -> None:
        """Ask it to end: reactions that are running may end."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Run until stopped. Raises an error of the database, or where the checkpoint is one of another log."""
        checkpoint = await self._store(lambda store: store.begin(self._name, from_start=self._reactor.from_start))
        self._position = self._saved = checkpoint.position
        self._paused = checkpoint.paused
        self._acts.position = checkpoint.act_position
        self._waiting = await self._store(lambda store: store.waiting_keys(self._name))
        try:
            while not self._stopping:
                self._woken.clear()
                rest_s = await self._step()
                if self._failed is not None:
                    raise self._failed
                if rest_s > 0:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(rest_s):
                            await self._woken.wait()
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=self._limits.stop_s)
            await self._save(at_once=True)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=2 * self._limits.cancel_s)

    # --- Steps ------------------------------------------------------------------------------------------------------

    async def _step(self) -> float:
        """Start what can be started; return how many seconds there is nothing more to do unless it is woken."""
        rest_s = self._limits.check_interval_s
        await self._carry_out_acts()
        if self._goes():
            for key in [key for key in self._queues if key not in self._running]:
                self._start(key)
            if self._waiting:
                rest_s = min(rest_s, await self._start_ready())
            if await self._read_on():
                rest_s = 0.0
        else:
            rest_s = min(rest_s, max(0.01, self._halted_until - _now()))
        return min(rest_s, await self._save())

    async def _carry_out_acts(self) -> None:
        for act in await self._acts.new():
            await self._carry_out(act)

    async def _carry_out(self, act: AnyRecorded) -> None:
        async with self._waits:
            gone = await self._store(lambda store: store.carry_out(act))
            if gone is not None and gone not in self._running:
                self._waiting.discard(gone)
        match act.event:
            case ReactorPaused():
                self._paused = True
            case ReactorResumed():
                self._paused = False
            case _:
                pass
        LOG.info("reactor_act_carried_out", reactor=self._name, act=type(act.event).__name__, position=act.position)

    def _goes(self) -> bool:
        return not (self._paused or self._stopping) and _now() >= self._halted_until

    async def _read_on(self) -> bool:
        """Read the next events, and hand them out; return whether there may be more to read now."""
        limit = min(self._limits.batch_events, self._limits.open_events - len(self._open))
        if limit < self._limits.batch_events // 4:
            return False  # a few events at a time would take as many queries
        if len(self._waiting) >= self._limits.waiting_keys:
            self._error = f"{len(self._waiting)} keys wait"
            return False
        classes, position, after = list(self._reactor.reactions), self._position, self._reactor.after

        def read(store: ReactorStore) -> tuple[int, Sequence[AnyRecorded]]:
            until = store.head()
            if after:
                until = min(until, store.passed(after))
            return until, store.next(position, until, classes, limit) if position < until else ()

        until, found = await self._store(read)
        await self._hand_out(found)
        self._position = found[-1].position if len(found) == limit else max(until, position)
        return len(found) == limit

    async def _hand_out(self, found: Sequence[AnyRecorded]) -> None:
        by_key: dict[str, list[AnyRecorded]] = {}
        for recorded in found:
            by_key.setdefault(self._reactor.key(recorded), []).append(recorded)
        async with self._waits:
            waiting = self._waiting & by_key.keys()
            if self._reactor.after and by_key:
                waiting |= await self._store(lambda store: store.blocked_keys(self._reactor.after, list(by_key)))
            if waiting:
                await self._wait({key: by_key.pop(key) for key in waiting})
            # In the order of the log, not of the keys: the checkpoint is behind the first one.
            opened = (recorded.position for events in by_key.values() for recorded in events)
            self._open.update(dict.fromkeys(sorted(opened)))
            for key, events in by_key.items():
                self._queues.setdefault(key, deque()).extend(events)
                if key not in self._running:
                    self._start(key)

    async def _save(self, *, at_once: bool = False) -> float:
        """Save the checkpoint if it moved and it is time; return in how many seconds it has to be saved."""
        position = next(iter(self._open)) - 1 if self._open else self._position
        changed = (position, self._error) != (self._saved, self._saved_error) or self._progress.shown > 0
        wait_s = self._progress.saved_at + self._limits.save_interval_s - _now()
        if not changed:
            return self._limits.check_interval_s
        if wait_s > 0 and not at_once:
            return wait_s
        reacted, rate, error = *self._progress.measured(), self._error
        await self._store(
            lambda store: store.save(self._name, position, reacted=reacted, events_per_s=rate, error=error)
        )
        moved, self._saved, self._saved_error = position != self._saved, position, error
        if moved:
            self._on_save()
        return self._limits.check_interval_s

    # --- Events of one key ------------------------------------------------------------------------------------------

    def _start(self, key: str) -> None:
        self._running.add(key)
        self._begin(self._work(key))

    async def _work(self, key: str) -> None:
        """React to the open events of a key, in their order."""
        slot = await self._slots.take()
        timer = asyncio.get_running_loop().call_later(self._limits.slow_s, self._turn_slow, key, slot)
        try:
            queue = self._queues[key]
            while queue and key not in self._waiting and self._goes():
                recorded = queue[0]
                error, unended = await self._caller.call(recorded)
                async with self._waits:
                    if key in self._waiting:
                        await self._settle(ReadyKey(key, recorded.position, 0), recorded, error)
                    elif isinstance(error, NOBODY_CAN):
                        self._halt(error)
                    elif error is None:
                        self._open.pop(queue.popleft().position)
                        self._reacted()
                        if len(self._open) == self._limits.open_events // 2:
                            self._woken.set()
                    else:
                        await self._wait_from(key, self._failure(recorded, 0, error))
                if unended is not None:
                    await asyncio.wait({unended})
            if not queue:
                del self._queues[key]
        finally:
            timer.cancel()
            slot.release()
            self._running.discard(key)

    def _turn_slow(self, key: str, slot: Slot) -> None:
        """Let a key wait that has held its slot for long: it goes on, but in nobody's way."""
        if slot.turn_slow():
            self._begin(self._wait_slow(key, slot))
        elif not slot.released:
            asyncio.get_running_loop().call_later(self._limits.slow_s, self._turn_slow, key, slot)

    async def _wait_slow(self, key: str, slot: Slot) -> None:
        async with self._waits:
            if not slot.released and key not in self._waiting and self._queues.get(key):
                await self._wait_from(key)

    async def _wait_from(self, key: str, failure: Failure | None = None) -> None:
        """Let all open events of a key wait, the first one for what failed."""
        queue = self._queues[key]
        await self._wait({key: list(queue)}, {} if failure is None else {key: failure})
        for recorded in queue:
            self._open.pop(recorded.position)
        queue.clear()

    async def _wait(
        self, events: Mapping[str, Sequence[AnyRecorded]], failures: Mapping[str, Failure] | None = None
    ) -> None:
        await self._store(lambda store: store.wait(self._name, events, failures))
        self._waiting |= events.keys()

    # --- Events that wait -------------------------------------------------------------------------------------------

    async def _start_ready(self) -> float:
        """Start the keys whose time has come; return in how many seconds the next one is due."""
        limit = self._limits.retries_at_once + self._limits.slow_at_once - self._retrying
        if limit <= 0:
            return self._limits.check_interval_s
        running, after = list(self._running), self._reactor.after
        ready = await self._store(lambda store: store.ready(self._name, after, running, limit))
        for each in ready:
            if each.key not in self._running:
                self._running.add(each.key)
                self._retrying += 1
                self._begin(self._retry(each))
        next_s = await self._store(lambda store: store.next_at_s(self._name, list(self._running)))
        if next_s is None:
            return self._limits.check_interval_s
        # A key that is due may have to wait for the reactors that come first.
        return max(next_s, self._limits.save_interval_s / (1 if after else 10))

    async def _retry(self, ready: ReadyKey) -> None:
        """React to the waiting events of a key, in their order, until one fails."""
        slot = await self._retry_slots.take()
        timer = asyncio.get_running_loop().call_later(self._limits.slow_s, slot.turn_slow)
        try:
            for _ in range(1 if self._reactor.after else self._limits.in_a_row):
                recorded = await self._at(ready.position)
                error, unended = await self._caller.call(recorded)
                async with self._waits:
                    following = await self._settle(ready, recorded, error)
                if unended is not None:
                    await asyncio.wait({unended})
                if following is None or not self._goes():
                    break
                ready = ReadyKey(ready.key, following, 0)
        finally:
            timer.cancel()
            slot.release()
            self._retrying -= 1
            self._running.discard(ready.key)

    async def _at(self, position: int) -> AnyRecorded:
        return await self._store(lambda store: store.at(position))

    async def _settle(self, ready: ReadyKey, recorded: AnyRecorded, error: Exception | None) -> int | None:
        """Note what became of a waiting event; return the next one of its key that can be tried now."""
        key = ready.key
        if error is None:
            following = await self._store(lambda store: store.done(self._name, key, recorded.position))
            if following is None:
                self._waiting.discard(key)
            if ready.tries:
                LOG.info("reaction_done_at_last", reactor=self._name, position=recorded.position, tries=ready.tries + 1)
            self._reacted()
            return following
        if isinstance(error, NOBODY_CAN):
            self._halt(error)
            return None
        failure = self._failure(recorded, ready.tries, error)
        if not await self._store(lambda store: store.fail(self._name, key, failure)):
            self._waiting.discard(key)
        return None

    def _failure(self, recorded: AnyRecorded, tries: int, error: Exception) -> Failure:
        policy = self._reactor.retry
        tries += 1
        wait_s = policy.wait_s(tries, CHANCE.random())
        failure = Failure(tries=tries, error=summary(error), wait_s=wait_s, parked=tries >= policy.tries)
        LOG.error(
            "reaction_parked" if failure.parked else "reaction_failed",
            reactor=self._name,
            position=recorded.position,
            event_class=type(recorded.event).__name__,
            tries=tries,
            error=failure.error,
            again_after_s=None if failure.parked else round(wait_s, 3),
        )
        return failure

    # --- All keys ---------------------------------------------------------------------------------------------------

    def _halt(self, error: Exception) -> None:
        """Stand still for a while: nothing can be done for any key."""
        if not self._goes():
            return
        self._halts += 1
        wait_s = self._reactor.retry.wait_s(self._halts)
        self._halted_until = _now() + wait_s
        self._error = summary(error)
        LOG.warning("reactor_stands_still", reactor=self._name, error=self._error, again_after_s=wait_s)
        self._woken.set()

    def _reacted(self) -> None:
        self._halts = 0
        self._error = ""
        self._progress.reacted += 1

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed = error
        self._woken.set()


class RunRate:
    """How many events were reacted to, and how many a second."""

    def __init__(self) -> None:
        self.reacted = 0
        self.saved_at = 0.0
        self.shown = 0.0
        self._counted = 0
        self._since = _now()

    def measured(self) -> tuple[int, float]:
        """Return how many were reacted to since the last call, and the rate in events per second."""
        reacted, self.reacted, self.saved_at = self.reacted, 0, _now()
        self._counted += reacted
        if (seconds := self.saved_at - self._since) >= RATE_WINDOW_S:
            self.shown, self._counted, self._since = self._counted / seconds, 0, self.saved_at
        return reacted, self.shown


def _now() -> float:
    return asyncio.get_running_loop().time()
