"""Who is at work while the torture of the read models kills them: workers, rebuilds, and somebody who appends."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from application.ports import Append, Conflict, Receipt
from domain import operation
from domain.kernel import Context
from infrastructure.database.addresses import DatabaseRole, acting_as
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogUnavailableError
from tests.infrastructure.projector_process import Processes, children, lives
from tests.infrastructure.sample_counter import AT, CONTEXT, CounterClosed, CounterRaised
from tests.infrastructure.sample_models import CODEC, SOUND, sound
from tests.waiting import wait_until

WORKERS = 2
RESTS_WITHIN_S = 120.0
_PAUSE_S = 0.05

# Small steps: whatever is killed, it was in the middle of something.
LIMITS: Mapping[str, Any] = {
    "batch_events": 100,
    "wait_s": 0.3,
    "chunk_events": 2_000,
    "long_stream_events": 300,
    "process_events": 1_000,
    "build_interval_s": 0.5,
}
ORDERS = (
    *[operation.RequestRebuild] * 4,
    *[operation.UndoTakeover] * 2,
    operation.RequestVerification,
    operation.CancelRebuild,
    operation.DropPreviousRows,
)
APPENDED_AT_ONCE = 40
ORDER_EVERY = 25
STREAMS = 3_000
"""Some of them are chosen much more often than others, so that they become too long to be folded at once."""


@dataclass(slots=True)
class Fleet:
    """Workers, a rebuild now and then, and somebody who appends; whoever ends is started again."""

    url: str
    processes: Processes
    chance: random.Random
    workers: list[int] = field(default_factory=list)
    _rebuild: int = 0
    _rests: threading.Event = field(default_factory=threading.Event)
    _at_rest: threading.Event = field(default_factory=threading.Event)
    _ends: threading.Event = field(default_factory=threading.Event)

    def rebuilds(self) -> Sequence[int]:
        return [self._rebuild] if self._rebuild and lives(self._rebuild) else []

    def fillers(self) -> Sequence[int]:
        return [filler for parent in [*self.workers, *self.rebuilds()] for filler in children(parent)]

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let nobody append or begin a rebuild; the workers go on."""
        self._at_rest.clear()
        self._rests.set()
        assert self._at_rest.wait(RESTS_WITHIN_S), "somebody appends for ever"
        wait_until(lambda: not self.rebuilds(), "a rebuild does not end", RESTS_WITHIN_S)
        try:
            yield
        finally:
            self._rests.clear()

    def end(self) -> None:
        self._ends.set()

    def supervise(self) -> None:
        while not self._ends.wait(_PAUSE_S):
            self.workers[:] = [it for it in self.workers if lives(it)]
            while len(self.workers) < WORKERS:
                self.workers.append(self.processes.worker(as_projector(self.url), sound().reference, **LIMITS))
            if not self.rebuilds() and not self._rests.is_set() and self.chance.random() < 0.2:
                names = self.chance.sample([projection.name for projection in SOUND], k=2)
                self._rebuild = self.processes.rebuild(as_projector(self.url), sound().reference, names, **LIMITS)

    def append(self) -> None:
        asyncio.run(self._append())

    async def _append(self) -> None:
        number = 0
        while not self._ends.is_set():
            with suppress(LogUnavailableError):
                async with PostgresLog(self.url, CODEC, b"key") as log:
                    while not self._ends.is_set():
                        if self._rests.is_set():
                            self._at_rest.set()
                            await asyncio.sleep(_PAUSE_S)
                            continue
                        number += 1
                        await self._append_some(log, with_order=number % ORDER_EVERY == 0)
                        await asyncio.sleep(_PAUSE_S)
            await asyncio.sleep(_PAUSE_S)

    async def _append_some(self, log: PostgresLog, *, with_order: bool) -> None:
        names = {f"counter-c{int(STREAMS * self.chance.random() ** 3)}" for _ in range(APPENDED_AT_ONCE)}
        events: dict[str, Any] = {
            name: CounterClosed() if self.chance.random() < 0.05 else CounterRaised(amount=self.chance.randrange(1, 9))
            for name in sorted(names)
        }
        contexts: dict[str, Context] = {}
        if with_order:
            projection = self.chance.choice(SOUND).name
            wish: Any = self.chance.choice(ORDERS)(at=AT, by="platform", projection=projection, why="torture")
            stream = operation.OPERATION.stream(projection)
            (events[stream],) = operation.OPERATION.decide(wish, operation.Operation())
            contexts[stream] = Context(acting_id="torture", organisation_id="platform", effective_at=AT)
        known = await log.read(list(events))
        wishes = [
            Append(
                stream=name,
                events=[event],
                expected={name: len(known[name].events)},
                context=contexts.get(name, CONTEXT),
            )
            for name, event in events.items()
        ]
        for outcome in await log.append(wishes):
            # What was written by an attempt whose answer was lost is no news to the next read.
            assert isinstance(outcome, (Receipt, Conflict)), outcome


@contextmanager
def at_work(url: str, seed: int) -> Iterator[Fleet]:
    with Processes() as processes:
        fleet = Fleet(url, processes, random.Random(seed + 1))
        threads = [threading.Thread(target=work) for work in (fleet.supervise, fleet.append)]
        for thread in threads:
            thread.start()
        try:
            yield fleet
        finally:
            fleet.end()
            for thread in threads:
                thread.join()


def as_projector(url: str) -> str:
    return acting_as(url, DatabaseRole.PROJECTOR)
