"""Follows the log and carries out what is due, in one process at a time; what fails holds up one person only.

What is due for one person is done in the order of the log: where something fails, what follows for the same person
waits with it, and everybody else's goes on. Where nothing can be done for anybody, since the keys or the log cannot be
reached, the keeper stays where it is and tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from domain.kernel import Recorded
from infrastructure.codec import Codec
from infrastructure.event_log import LogBusyError, LogUnavailableError
from infrastructure.keys import KeysUnavailableError
from infrastructure.postgres.failures import summary
from infrastructure.reactors.reactions import Duties, person_of
from infrastructure.reactors.reactor_store import Desk

LOG = structlog.get_logger()

BATCH_EVENTS = 100
"""How far the keeper is, is noted after so many events at the latest: no more are seen to again after a crash."""

PEOPLE_AT_ONCE = 16
"""Of how many people events are seen to at once: any duty may take a connection of its own."""

NOTE_EVERY_EVENTS = 10_000
"""How far it is, is noted after so many events that are nothing to it."""

LOOK_EVERY_S = 1.0
"""How often to look whether the leader is gone, and whether it is time to try something again."""

OF_EVERYBODY = (KeysUnavailableError, LogUnavailableError, LogBusyError, psycopg.OperationalError)
"""What is wrong then is wrong for everybody: to go on with the next person would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait before trying again: twice as long each time, up to the most.

    When the log told of something, more is let come for `gather_s` seconds: it tells of every commit.
    """

    first_s: float = 1.0
    most_s: float = 300.0
    gather_s: float = 0.1

    def after(self, tries: int) -> float:
        """Return the seconds to wait after so many failures, from 1."""
        return min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 30))


class Keeper:
    """Works over a connection of its own at `url`, as the role of the writer, until told to stop.

    `duties` are the leader's. `everywhere` is due in every process, whoever leads, for what comes in while it runs:
    what a process knows by heart it has to forget itself.
    """

    def __init__(
        self, url: str, codec: Codec, duties: Duties, *, everywhere: Duties | None = None, pace: Pace | None = None
    ) -> None:
        self._url = url
        self._codec = codec
        self._duties = duties
        self._everywhere: Duties = everywhere or {}
        self._pace = pace or Pace()
        self._stop = asyncio.Event()
        self._woken = asyncio.Event()
        self._seen = -1
        self._position = -1
        self._noted = -1
        self._waiting: set[str] = set()
        self._turns = asyncio.Semaphore(PEOPLE_AT_ONCE)

    def stop(self) -> None:
        """Ask it to end: it finishes the duty that it is at."""
        self._stop.set()
        self._woken.set()

    async def run(self) -> None:
        """Keep on until told to stop, over a new connection where one is lost."""
        failures = 0
        while not self._stop.is_set():
            try:
                await self._work()
                failures = 0
            except Exception as error:  # noqa: BLE001 - it never ends by itself: erasures would not be carried out
                failures += 1
                LOG.warning("keeper_interrupted", error=summary(error), again_after_s=self._pace.after(failures))
                await self._rest(self._pace.after(failures))

    async def _work(self) -> None:
        desk = await asyncio.to_thread(Desk.open, self._url, self._codec)
        leads = False
        try:
            while not self._stop.is_set():
                if self._everywhere:
                    await self._forget_here(desk)
                if not leads and (leads := await asyncio.to_thread(desk.take_lead)):
                    LOG.info("keeper_leads")
                    await self._take_up(desk)
                if not (leads and await self._step(desk)):
                    await self._wait(desk)
        finally:
            await asyncio.to_thread(desk.close)

    async def _take_up(self, desk: Desk) -> None:
        self._position = self._noted = await asyncio.to_thread(desk.position)
        self._waiting = await asyncio.to_thread(desk.waiting_people)

    async def _forget_here(self, desk: Desk) -> None:
        """Do what is due in every process; what was before it began is nothing to it."""
        head = await asyncio.to_thread(desk.head)
        while 0 <= self._seen < head:
            found = await asyncio.to_thread(desk.next, self._seen, head, list(self._everywhere), BATCH_EVENTS)
            for recorded in found:
                await _carry_out(self._everywhere, recorded)
            self._seen = found[-1].position if len(found) == BATCH_EVENTS else head
        self._seen = head

    # --- Leading ----------------------------------------------------------------------------------------------------

    async def _step(self, desk: Desk) -> bool:
        """Do what waits and is due again, and what is next in the log; return whether there was anything."""
        due = await asyncio.to_thread(desk.due, BATCH_EVENTS) if self._waiting else ()
        for position, tries in due:
            await self._try_again(desk, position, tries)
        head = await asyncio.to_thread(desk.head)
        found: Sequence[Recorded[Any]] = ()
        if self._position < head:
            found = await asyncio.to_thread(desk.next, self._position, head, list(self._duties), BATCH_EVENTS)
        if (stuck := await self._see_to(desk, found)) is not None:
            await self._stand_still(desk, stuck)
            return True
        self._position = found[-1].position if len(found) == BATCH_EVENTS else max(head, self._position)
        if found or self._position - self._noted >= NOTE_EVERY_EVENTS:
            await asyncio.to_thread(desk.move, self._position)
            self._noted = self._position
        return bool(found or due)

    async def _see_to(self, desk: Desk, found: Sequence[Recorded[Any]]) -> Exception | None:
        """Carry out what is due for these events; return what stood in the way of everybody, if anything.

        Of one person in order, of several at once: where each waits for others to hear of it, all wait together.
        """
        by_person: dict[str, list[Recorded[Any]]] = {}
        for recorded in found:
            person_id = person_of(recorded.event)
            if person_id in self._waiting:
                await asyncio.to_thread(desk.put_by, recorded)
            else:
                by_person.setdefault(person_id, []).append(recorded)
        ends = await asyncio.gather(*map(self._all_of, by_person.values()))
        stuck: Exception | None = None
        for (person_id, events), (done, error) in zip(by_person.items(), ends, strict=True):
            if isinstance(error, OF_EVERYBODY):
                stuck = error
            elif error is not None:
                await self._put_by(desk, events[done], 0, error)
                for recorded in events[done + 1 :]:
                    await asyncio.to_thread(desk.put_by, recorded)
                self._waiting.add(person_id)
        return stuck

    async def _all_of(self, events: Sequence[Recorded[Any]]) -> tuple[int, Exception | None]:
        async with self._turns:
            return await _carry_out_all(self._duties, events)

    async def _try_again(self, desk: Desk, position: int, tries: int) -> None:
        recorded = await asyncio.to_thread(desk.at, position)
        try:
            await _carry_out(self._duties, recorded)
        except Exception as error:  # noqa: BLE001 - as below
            await self._put_by(desk, recorded, tries, error)
        else:
            await asyncio.to_thread(desk.done, position)
            self._waiting = await asyncio.to_thread(desk.waiting_people)
            LOG.info("duty_done_at_last", position=position, tries=tries + 1)

    async def _put_by(self, desk: Desk, recorded: Recorded[Any], tries: int, error: Exception) -> None:
        after_s = self._pace.after(tries + 1)
        name = self._codec.names[type(recorded.event)]
        LOG.error(
            "duty_failed",
            position=recorded.position,
            event_name=name,
            tries=tries + 1,
            error=summary(error),
            again_after_s=after_s,
        )
        await asyncio.to_thread(desk.put_by, recorded, tries=tries + 1, error=summary(error), after_s=after_s)

    async def _stand_still(self, desk: Desk, error: Exception) -> None:
        LOG.warning("keeper_stands_still", after=self._position, error=summary(error))
        await asyncio.to_thread(desk.stuck, summary(error))
        await self._rest(self._pace.first_s)

    # --- Waiting ----------------------------------------------------------------------------------------------------

    async def _wait(self, desk: Desk) -> None:
        """Wait until the log tells of something, or until it is time to look; no thread is held meanwhile."""
        if await asyncio.to_thread(desk.told):
            await self._rest(self._pace.gather_s)
            return
        loop, handle = asyncio.get_running_loop(), desk.connection.fileno()
        self._woken.clear()
        loop.add_reader(handle, self._woken.set)
        try:
            if not self._stop.is_set():
                await _within(LOOK_EVERY_S, self._woken)
        finally:
            loop.remove_reader(handle)
        await self._rest(self._pace.gather_s)

    async def _rest(self, seconds: float) -> None:
        await _within(seconds, self._stop)


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _carry_out_all(duties: Duties, events: Sequence[Recorded[Any]]) -> tuple[int, Exception | None]:
    """Carry out what is due for events of one person; return for how many it is done, and what failed at the next."""
    for done, recorded in enumerate(events):
        try:
            await _carry_out(duties, recorded)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept, told and tried again
            return done, error
    return len(events), None


async def _carry_out(duties: Duties, recorded: Recorded[Any]) -> None:
    for duty in duties[type(recorded.event)]:
        await duty(recorded)
