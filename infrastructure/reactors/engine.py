"""The engine: in each process it stands by for every reactor, and runs those that this process leads.

It has two sessions at the database: one holds the leads and saves the checkpoints, so that a process that lost its
leads saves nothing more; the other is notified by the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeAlias, TypeVar

import psycopg
import structlog

from application.reactor import Reactor, RetryPolicy
from domain.reactors import FollowerAdded, FollowerRemoved
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import AnyRecorded, LogReader
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.postgres.connecting import connect_to_lead
from infrastructure.postgres.failures import summary
from infrastructure.postgres.leadership import Leadership
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.follower_run import FollowerRun
from infrastructure.reactors.library_followers import Open, open_follower
from infrastructure.reactors.reaction_calls import CommandSender
from infrastructure.reactors.reactor_run import ReactorRun
from infrastructure.reactors.reactor_store import ReactorStore

LOG = structlog.get_logger()
T = TypeVar("T")
S = TypeVar("S")

Everywhere: TypeAlias = Mapping[type, Callable[[AnyRecorded], Awaitable[None]]]
"""What every process does for events that are recorded while it runs, such as clearing its own caches."""

INTERRUPTED = RetryPolicy(max_s=10.0)
"""The pauses before a lost connection is made again, and before a reactor that ended by an error is led again."""


def leader_name(reactor: str) -> str:
    """Return the name under which a reactor is led."""
    return f"reactor:{reactor}"


class LedRun(Protocol):
    """A reactor or follower that this process leads."""

    def wake(self) -> None: ...

    def stop(self) -> None: ...

    async def run(self) -> None: ...


@dataclass(slots=True)
class _Led:
    run: LedRun
    task: asyncio.Task[None]


class ReactorEngine:
    """Runs the reactors as the role of the writer at `url`, until `stop` is called."""

    def __init__(
        self,
        url: str,
        codec: Codec,
        reactors: Sequence[Reactor],
        sender: CommandSender,
        *,
        everywhere: Everywhere | None = None,
        limits: EngineLimits | None = None,
        open_store: Callable[[str, Codec], ReactorStore] = ReactorStore,
        open_follower: Open = open_follower,
    ) -> None:
        self._url = url
        self._codec = codec
        self._reactors = {reactor.name: reactor for reactor in reactors}
        assert len(self._reactors) == len(reactors), "two reactors have one name"
        self._sender = sender
        self._everywhere: Everywhere = everywhere or {}
        self._limits = limits or EngineLimits()
        self._open_store = open_store
        self._open_follower = open_follower
        self._followers: dict[str, str] = {}
        self._removed: set[str] = set()
        self._acts_until = 0
        self._stop = asyncio.Event()
        self._attention = asyncio.Event()
        self._seen = -1
        self._interruptions = 0
        self._led: dict[str, _Led] = {}
        self._failures: dict[str, int] = {}
        self._again_at: dict[str, float] = {}

    def stop(self) -> None:
        """Ask it to end: it finishes the reactions that are running."""
        self._stop.set()
        self._attention.set()
        for led in self._led.values():
            led.run.stop()

    async def run(self) -> None:
        """Run until stopped; reconnect where the connection is lost."""
        while not self._stop.is_set():
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 - it never ends by itself: erasures would not be carried out
                self._interruptions += 1
                wait_s = INTERRUPTED.wait_s(self._interruptions)
                LOG.warning("reactors_interrupted", error=summary(error), again_after_s=wait_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._stop.wait()

    async def _follow(self) -> None:
        async with self._sessions() as (store, leadership, listening):
            subscription = await listening.call(LogSubscription)
            while not self._stop.is_set():
                self._attention.clear()
                await self._react_everywhere(listening)
                await self._lead(store, leadership)
                self._interruptions = 0
                for led in self._led.values():
                    led.run.wake()
                await subscription.wait_async(self._limits.check_interval_s, self._attention, listening.thread)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.gather_s):
                        await self._stop.wait()

    @asynccontextmanager
    async def _sessions(
        self,
    ) -> AsyncIterator[tuple[_InThread[ReactorStore], _InThread[Leadership], _InThread[psycopg.Connection]]]:
        """Open both sessions, each used in a thread of its own; at the end, end all that this process leads."""
        with ThreadPoolExecutor(1, "reactors") as working, ThreadPoolExecutor(1, "reactors-listen") as waiting:
            loop = asyncio.get_running_loop()
            store = await loop.run_in_executor(working, self._open_store, self._url, self._codec)
            try:
                connection = await loop.run_in_executor(waiting, connect_to_lead, self._url)
                try:
                    leads = Leadership(store.connection)
                    yield _InThread(store, working), _InThread(leads, working), _InThread(connection, waiting)
                finally:
                    await self._end_all()
                    await loop.run_in_executor(waiting, connection.close)
            finally:
                await loop.run_in_executor(working, store.close)

    async def _end_all(self) -> None:
        """End all that this process leads, within a bound: what does not end then is left behind, and logged."""
        for led in self._led.values():
            led.run.stop()
        ended, self._led = {led.task: name for name, led in self._led.items()}, {}
        if not ended:
            return
        if not self._stop.is_set():
            for task in ended:
                task.cancel()
        _, unended = await asyncio.wait(ended, timeout=self._limits.stop_s + 3 * self._limits.cancel_s)
        for task in unended:
            task.cancel()
        if unended:
            LOG.error("reactors_left_behind", reactors=sorted(ended[task] for task in unended))

    async def _lead(self, store: _InThread[ReactorStore], leadership: _InThread[Leadership]) -> None:
        """Lead every reactor that no other process leads, and confirm it; end the leads of those that ended."""
        now = asyncio.get_running_loop().time()
        await self._find_followers(store)
        for name, led in list(self._led.items()):
            if led.task.done():
                del self._led[name]
                await self._interrupted(name, led.task.exception(), leadership)
        for name in (*self._reactors, *self._followers):
            if name in self._led or now < self._again_at.get(name, 0.0):
                continue
            if await leadership.call(partial(_acquire, leader_name(name))):
                LOG.info("reactor_leads", reactor=name)
                run = self._made(name, store)
                self._led[name] = _Led(run, asyncio.create_task(run.run()))
                self._led[name].task.add_done_callback(lambda _task: self._attention.set())
        for name in [name for name in self._removed if name not in self._led]:
            if await leadership.call(partial(_acquire, leader_name(name))):
                await store.call(partial(_forget, name))
                await leadership.call(partial(_release, leader_name(name)))
            self._removed.discard(name)
        await leadership.call(Leadership.confirm)

    def _made(self, name: str, store: _InThread[ReactorStore]) -> LedRun:
        if (reactor := self._reactors.get(name)) is not None:
            return ReactorRun(reactor, store.call, self._sender, self._limits, self._wake)
        reference = self._followers[name]
        opening = partial(self._open_follower, reference, self._url)
        return FollowerRun(name, store.call, self._limits, opening)

    async def _find_followers(self, store: _InThread[ReactorStore]) -> None:
        """Read which followers of the library were added and removed; stop those that were removed."""
        after, limit = self._acts_until, self._limits.batch_events

        def read(store: ReactorStore) -> tuple[int, Sequence[AnyRecorded]]:
            until = store.head()
            return until, store.acts(after, until, limit) if after < until else ()

        until, acts = await store.call(read)
        self._acts_until = acts[-1].position if len(acts) == limit else max(until, after)
        for event in (act.event for act in acts):
            if event.reactor in self._reactors:
                continue
            if isinstance(event, FollowerAdded):
                self._followers[event.reactor] = event.follower
                self._removed.discard(event.reactor)
            elif isinstance(event, FollowerRemoved):
                self._followers.pop(event.reactor, None)
                self._removed.add(event.reactor)
            if isinstance(event, FollowerAdded | FollowerRemoved) and event.reactor in self._led:
                self._led[event.reactor].run.stop()

    async def _interrupted(self, name: str, error: BaseException | None, leadership: _InThread[Leadership]) -> None:
        if error is not None:
            if not isinstance(error, Exception):
                raise error  # the process is to end
            self._failures[name] = self._failures.get(name, 0) + 1
            wait_s = INTERRUPTED.wait_s(self._failures[name])
            self._again_at[name] = asyncio.get_running_loop().time() + wait_s
            LOG.warning("reactor_interrupted", reactor=name, error=summary(error), again_after_s=wait_s)
        # Where the session is lost, this raises, and everything is begun again.
        await leadership.call(partial(_release, leader_name(name)))

    def _wake(self) -> None:
        """Let the reactors look that come after the one whose checkpoint moved."""
        for led in self._led.values():
            led.run.wake()

    async def _react_everywhere(self, listening: _InThread[psycopg.Connection]) -> None:
        """Do what every process does. Events recorded before this process started are ignored."""
        if not self._everywhere:
            return
        reader, names = LogReader(self._codec), [self._codec.names[event_class] for event_class in self._everywhere]
        limit, seen = self._limits.batch_events, self._seen

        def read(connection: psycopg.Connection) -> tuple[int, Sequence[AnyRecorded]]:
            head = reader.head(connection)
            if not 0 <= seen < head:
                return head, ()
            return head, reader.read_next(connection, after=seen, until=head, names=names, limit=limit)

        while True:
            head, found = await listening.call(read)
            for recorded in found:
                await self._everywhere[type(recorded.event)](recorded)
            self._seen = seen = found[-1].position if len(found) == limit else head
            if len(found) < limit:
                return


def _acquire(name: str, leads: Leadership) -> bool:
    return leads.acquire(name)


def _release(name: str, leads: Leadership) -> None:
    leads.release(name)


def _forget(name: str, store: ReactorStore) -> None:
    store.forget(name)


class _InThread(Generic[S]):
    """Calls functions with something that only one thread may use."""

    def __init__(self, used: S, thread: ThreadPoolExecutor) -> None:
        self._used = used
        self.thread = thread

    async def call(self, function: Callable[[S], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, function, self._used)
