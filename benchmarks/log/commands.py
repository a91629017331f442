"""Full commands (read the stream, decide, append): `handle` on the log beside a stock eventsourcing application.

The same small aggregate on both sides: a counter with a limit, whose events carry the same text. Every counter has a
history before the clock starts, and is then asked for the same few commands on both sides, so that both read equally
long streams. A lost race is decided again on both sides, as often.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError

from application.gathering import Rules
from application.handler import MAX_TRIES, CommandEnvelope, handle
from application.ports import Append
from application.unit_of_work import StateCache
from benchmarks.log.appends import CONTEXT, library_settings
from benchmarks.log.work import drive, drive_threads, new_id, run_async
from domain.kernel import CommandBase, Decider, RuleBroken
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog

COUNTERS = 200
"""So many counters are in use at once; after their share of commands the next so many follow."""

HISTORY = 5
"""Events of a counter before its first command."""

COMMANDS_EACH = 3
LIMIT = 1_000
CREATED_AT_ONCE = 50
"""Counters of one stock save: large ones can hang."""

TEXT = "x" * 240
"""Beside its other fields this makes an event of about 300 bytes, as large as those of the other measurements."""


def in_turn(ids: Sequence[UUID]) -> list[UUID]:
    """Return the counters of the commands: every one of a group in turn, a few times, then the next group."""
    groups = [ids[start : start + COUNTERS] for start in range(0, len(ids), COUNTERS)]
    return [counter_id for group in groups for _ in range(COMMANDS_EACH) for counter_id in group]


def counters_for(commands: int) -> list[UUID]:
    return [UUID(new_id()) for _ in range(-(-commands // COMMANDS_EACH))]


# --- Ours -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRaised:
    """The counter went up."""

    amount: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseCounter(CommandBase):
    """Raise the counter."""

    ACTIVITY: ClassVar[str] = "benchmark"
    counter_id: str
    amount: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the counter decides on."""

    total: int = 0


def _decide(command: RaiseCounter, state: State) -> Sequence[CounterRaised]:
    if state.total + command.amount > LIMIT:
        raise RuleBroken("limit-reached", "This counter has reached its limit.")
    return [CounterRaised(amount=command.amount, text=command.text)]


def _evolve(state: State, raised: CounterRaised) -> State:
    return replace(state, total=state.total + raised.amount)


DECIDER: Decider[RaiseCounter, State, CounterRaised] = Decider(
    category="benchmark",
    key=("counter_id",),
    initial=State(),
    rules={RaiseCounter: _decide},
    evolve=_evolve,
    checked=False,
    events={"benchmark.counter-raised.v1": CounterRaised},
)
RULES = Rules(deciders={RaiseCounter: DECIDER}, readers={})


def ours(url: str, total: int, in_flight: int) -> float:
    """Return commands a second through `handle`, as tasks of one event loop."""
    ids = counters_for(total + in_flight)
    turns = iter(in_turn(ids))

    async def run() -> float:
        async with PostgresLog(url, Codec([DECIDER]), b"key") as log:
            for start in range(0, len(ids), COUNTERS):
                await log.append([_history(counter_id) for counter_id in ids[start : start + COUNTERS]])
        # Another one, as after a restart: it knows nothing of these streams yet.
        async with PostgresLog(url, Codec([DECIDER]), b"key") as log:
            cache = StateCache()

            async def work() -> None:
                await handle(_envelope(next(turns)), log, RULES, cache)

            await drive(work, in_flight, in_flight)
            return total / await drive(work, total, in_flight)

    return run_async(run())


def _history(counter_id: UUID) -> Append:
    stream = DECIDER.stream(str(counter_id))
    events = [CounterRaised(amount=1, text=TEXT)] * HISTORY
    return Append(stream=stream, events=events, expected={stream: 0}, context=CONTEXT)


def _envelope(counter_id: UUID) -> CommandEnvelope:
    command = RaiseCounter(
        at=CONTEXT.effective_at, by=CONTEXT.organisation_id, counter_id=str(counter_id), amount=1, text=TEXT
    )
    return CommandEnvelope(command=command, context=CONTEXT)


# --- Stock ----------------------------------------------------------------------------------------------------------


class Counter(Aggregate):
    """The same counter as the library's users write it."""

    def __init__(self) -> None:
        self.total = 0

    def raise_by(self, amount: int, text: str) -> None:
        if self.total + amount > LIMIT:
            raise ValueError("This counter has reached its limit.")
        self._raised(amount=amount, text=text)

    @event("Raised")
    def _raised(self, amount: int, text: str) -> None:  # noqa: ARG002 - the text is stored with the event
        self.total += amount


class Counters(Application[UUID]):
    """The library's own application, recording in its own tables."""

    def raise_by(self, counter_id: UUID, amount: int, text: str) -> None:
        for attempt in range(1, MAX_TRIES + 1):
            counter: Counter = self.repository.get(counter_id)
            counter.raise_by(amount, text)
            try:
                self.save(counter)
            except IntegrityError:
                if attempt == MAX_TRIES:
                    raise
            else:
                return


def stock(url: str, total: int, in_flight: int) -> float:
    """Return commands a second of a stock application, as threads with a connection each."""
    where = {f"POSTGRES_{name.upper()}": value for name, value in library_settings(url).items()}
    environment = {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_POOL_SIZE": str(in_flight), **where}
    with Counters(env=environment) as application:
        created = [_created() for _ in counters_for(total + in_flight)]
        for start in range(0, len(created), CREATED_AT_ONCE):
            application.save(*created[start : start + CREATED_AT_ONCE])
        turns = iter(in_turn([counter.id for counter in created]))

        def work() -> None:
            application.raise_by(next(turns), 1, TEXT)

        drive_threads(work, in_flight, in_flight)
        return total / drive_threads(work, total, in_flight)


def _created() -> Counter:
    counter = Counter()
    for _ in itertools.repeat(None, HISTORY - 1):
        counter.raise_by(1, TEXT)
    return counter
