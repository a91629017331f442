"""Follows the log and carries out the reactions to its events, in one process at a time.

The reactions about one person run in the order of the log: after a failure the later events of that person are
deferred behind the failed one, and those of other people go on. Where keys or log cannot be reached, nothing can be
done for anybody: the reactor keeps its position and tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog

from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError, summary
from infrastructure.reactors.reactions import Reactions, person_of
from infrastructure.reactors.reactor_store import ReactorStore

LOG = structlog.get_logger()

BATCH_EVENTS = 100
"""The position is saved at least once for this many events with reactions: no more are repeated after a crash."""

MAX_PEOPLE_AT_ONCE = 16
"""For how many people reactions run at once: each of them may take a connection of its own."""

SAVE_INTERVAL_EVENTS = 10_000
"""After this many positions without reactions the position is saved too."""

CHECK_INTERVAL_S = 1.0
"""How often to check whether the leader is gone, and whether a deferred event is ready."""

GATHER_S = 0.1
"""How long to let further events come after a notification: the log notifies of every commit."""

NOBODY_CAN = (KeysUnavailableError, LogUnavailableError, LogBusyError, psycopg.OperationalError)
"""Errors that concern everybody: going on with the next person would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to wait before the next try: `first_s`, then twice as long each time, up to `max_s`."""

    first_s: float = 1.0
    max_s: float = 300.0

    def wait_s(self, tries: int) -> float:
        """Return the seconds to wait after this many failures, from 1."""
        return min(self.max_s, self.first_s * 2.0 ** min(tries - 1, 30))


class Reactor:
    """Runs over a connection of its own at `url`, as the role of the writer, until `stop` is called.

    `reactions` run in the process that leads. `everywhere` runs in every process, for events that are recorded while it
    runs: each process must clear its own caches.
    """

    def __init__(
        self,
        url: str,
        codec: Codec,
        reactions: Reactions,
        *,
        everywhere: Reactions | None = None,
        retry: RetryPolicy | None = None,
        gather_s: float = GATHER_S,
        check_interval_s: float = CHECK_INTERVAL_S,
        open_store: Callable[[str, Codec], ReactorStore] = ReactorStore,
    ) -> None:
        self._url = url
        self._codec = codec
        self._reactions = reactions
        self._everywhere: Reactions = everywhere or {}
        self._retry = retry or RetryPolicy()
        self._gather_s = gather_s
        self._check_interval_s = check_interval_s
        self._open_store = open_store
        self._stop = asyncio.Event()
        self._seen = -1
        self._position = -1
        self._saved = -1
        self._deferred_people: set[str] = set()
        self._turns = asyncio.Semaphore(MAX_PEOPLE_AT_ONCE)

    def stop(self) -> None:
        """Ask it to end: it finishes the reactions that are running."""
        self._stop.set()

    async def run(self) -> None:
        """Run until stopped; reconnect where the connection is lost."""
        failures = 0
        while not self._stop.is_set():
            try:
                await self._follow()
                failures = 0
            except Exception as error:  # noqa: BLE001 - it never ends by itself: erasures would not be carried out
                failures += 1
                wait_s = self._retry.wait_s(failures)
                LOG.warning("keeper_interrupted", error=summary(error), again_after_s=wait_s)
                await self._rest(wait_s)

    async def _follow(self) -> None:
        store = await asyncio.to_thread(self._open_store, self._url, self._codec)
        leads = False
        try:
            subscription = await asyncio.to_thread(LogSubscription, store.connection)
            while not self._stop.is_set():
                if self._everywhere:
                    await self._react_everywhere(store)
                if not leads and (leads := await asyncio.to_thread(store.acquire_lead)):
                    LOG.info("keeper_leads")
                    self._position = self._saved = await asyncio.to_thread(store.position)
                    self._deferred_people = await asyncio.to_thread(store.deferred_people)
                if not (leads and await self._step(store)):
                    await subscription.wait_async(self._check_interval_s, self._stop)
                    await self._rest(self._gather_s)
        finally:
            await asyncio.to_thread(store.close)

    async def _react_everywhere(self, store: ReactorStore) -> None:
        """Run the reactions of every process. Events recorded before this process started are ignored."""
        head = await asyncio.to_thread(store.head)
        while 0 <= self._seen < head:
            found = await asyncio.to_thread(store.next, self._seen, head, list(self._everywhere), BATCH_EVENTS)
            for recorded in found:
                await _react(self._everywhere, recorded)
            self._seen = found[-1].position if len(found) == BATCH_EVENTS else head
        self._seen = head

    # --- Leading ----------------------------------------------------------------------------------------------------

    async def _step(self, store: ReactorStore) -> bool:
        """Retry the deferred events that are ready, and take the next batch; return whether there was anything."""
        ready = await asyncio.to_thread(store.ready, BATCH_EVENTS) if self._deferred_people else ()
        for position, tries in ready:
            await self._try_again(store, position, tries)
        head = await asyncio.to_thread(store.head)
        found: Sequence[AnyRecorded] = ()
        if self._position < head:
            found = await asyncio.to_thread(store.next, self._position, head, list(self._reactions), BATCH_EVENTS)
        if (error := await self._react_to_all(store, found)) is not None:
            LOG.warning("keeper_stands_still", after=self._position, error=summary(error))
            await asyncio.to_thread(store.note_error, summary(error))
            await self._rest(self._retry.first_s)
            return True
        self._position = found[-1].position if len(found) == BATCH_EVENTS else max(head, self._position)
        if found or self._position - self._saved >= SAVE_INTERVAL_EVENTS:
            await asyncio.to_thread(store.save, self._position)
            self._saved = self._position
        return bool(found or ready)

    async def _react_to_all(self, store: ReactorStore, found: Sequence[AnyRecorded]) -> Exception | None:
        """React to these events; return an error that concerns everybody, if there was one.

        The events of one person run in order, those of several people at once.
        """
        by_person: dict[str, list[AnyRecorded]] = {}
        for recorded in found:
            person_id = person_of(recorded.event)
            if person_id in self._deferred_people:
                await asyncio.to_thread(store.defer, recorded)
            else:
                by_person.setdefault(person_id, []).append(recorded)
        ends = await asyncio.gather(*map(self._react_in_order, by_person.values()))
        for_everybody: Exception | None = None
        for (person_id, events), (done, error) in zip(by_person.items(), ends, strict=True):
            if isinstance(error, NOBODY_CAN):
                for_everybody = error
            elif error is not None:
                await self._defer_failed(store, events[done], 0, error)
                for recorded in events[done + 1 :]:
                    await asyncio.to_thread(store.defer, recorded)
                self._deferred_people.add(person_id)
        return for_everybody

    async def _react_in_order(self, events: Sequence[AnyRecorded]) -> tuple[int, Exception | None]:
        """React to events of one person; return how many are done, and the error of the next one."""
        async with self._turns:
            for done, recorded in enumerate(events):
                try:
                    await _react(self._reactions, recorded)
                except Exception as error:  # noqa: BLE001 - every error is noted, and the event is tried again
                    return done, error
        return len(events), None

    async def _try_again(self, store: ReactorStore, position: int, tries: int) -> None:
        recorded = await asyncio.to_thread(store.at, position)
        _, error = await self._react_in_order([recorded])
        if error is not None:
            await self._defer_failed(store, recorded, tries, error)
            return
        await asyncio.to_thread(store.done, position)
        self._deferred_people = await asyncio.to_thread(store.deferred_people)
        LOG.info("duty_done_at_last", position=position, tries=tries + 1)

    async def _defer_failed(self, store: ReactorStore, recorded: AnyRecorded, tries: int, error: Exception) -> None:
        wait_s = self._retry.wait_s(tries + 1)
        LOG.error(
            "duty_failed",
            position=recorded.position,
            event_name=self._codec.names[type(recorded.event)],
            tries=tries + 1,
            error=summary(error),
            again_after_s=wait_s,
        )
        await asyncio.to_thread(store.defer, recorded, tries=tries + 1, error=summary(error), wait_s=wait_s)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


async def _react(reactions: Reactions, recorded: AnyRecorded) -> None:
    for reaction in reactions[type(recorded.event)]:
        await reaction(recorded)
