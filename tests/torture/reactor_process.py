"""A reactor in a process of its own, to be killed: each raise of a counter is entered in a ledger, and taken out again.

The ledger of a counter is another counter: it is raised by the position of the event, and then by less than nothing of
it. So each event has two effects on the log, which no rule keeps from being doubled. Some reactions fail between them,
some hang, and those of the counter `failing` fail until a file is there.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from application.reactor import ReactionRun, Reactor, RetryPolicy
from domain.kernel import Recorded
from domain.reactors import REACTOR
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.reactors.engine import ReactorEngine
from infrastructure.reactors.engine_limits import EngineLimits
from infrastructure.reactors.reaction_calls import CommandSender
from tests.infrastructure.sample_counter import AT, DECIDER, RULES, CounterRaised, RaiseCounter

NAME = "ledgers"
LEDGER = "ledger-"
STREAM_EVENTS = 50
"""After so many events a counter goes on under another number: a command reads all events of its stream."""
FAILING, HANGING = "failing", "hanging"
CODEC = Codec([DECIDER, REACTOR])
CLAIM_KEY = b"a key of the torture"
LIMITS = EngineLimits(gather_s=0.01, check_interval_s=0.5, save_interval_s=0.05, batch_events=20, open_events=60)
RETRY = RetryPolicy(first_s=0.01, max_s=0.2, tries=1_000_000, timeout_s=0.3)
"""As if an hour were some seconds: the pauses are 1,500 times shorter than those of the platform."""

FAILS, HANGS = 0.05, 0.2
"""How often a reaction fails between its effects, and how often one of the counter `hanging` does not end."""


def reactor(fault_ended: Path) -> Reactor:
    """Make the reactor; the counter `failing` fails until the file is there."""
    chance = random.Random()
    has_ended = fault_ended.exists

    async def enter(recorded: Recorded[CounterRaised], run: ReactionRun) -> None:
        if recorded.aggregate_id.startswith(LEDGER):
            return
        counter = name_of(recorded.aggregate_id)
        ledger = f"{LEDGER}{counter}-{recorded.position // (10 * STREAM_EVENTS)}"
        if counter == FAILING and not has_ended():
            raise ValueError("it fails for as long as it has to")
        for amount in (recorded.position, -recorded.position):
            if counter == HANGING and chance.random() < HANGS:
                await asyncio.Event().wait()
            await run.send(RaiseCounter(at=AT, by="platform", counter_id=ledger, amount=amount))
            if chance.random() < FAILS:
                raise ValueError("it fails now and then")

    return Reactor(name=NAME, reactions={CounterRaised: (enter,)}, key_of=_key, retry=RETRY)


def name_of(counter_id: str) -> str:
    """Return the name of a counter without its number."""
    return counter_id.rpartition("-")[0]


def _key(recorded: Recorded[CounterRaised]) -> str:
    return "" if recorded.aggregate_id.startswith(LEDGER) else name_of(recorded.aggregate_id)


def run_reactor(url: str, fault_ended: str) -> None:
    """Run the engine until the process is killed."""

    async def run() -> None:
        async with PostgresLog(url, CODEC, CLAIM_KEY) as log:
            sender = CommandSender(store=log, rules=RULES)
            await ReactorEngine(url, CODEC, [reactor(Path(fault_ended))], sender, limits=LIMITS).run()

    asyncio.run(run())
