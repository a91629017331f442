"""A tiny aggregate and read model for tests of the machinery: a counter that goes up, never above its limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Text

from application.gathering import Rules
from application.handler import CommandEnvelope
from application.ports import Append, Enriched, Idempotency, States
from domain.kernel import Claim, Command, CommandBase, Context, Decider, Recorded, RuleBroken, fact
from infrastructure.projector import Definitions, definitions
from projections.effects import Add, Drop, Effect, Projection, Put, Set, read_table

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
CONTEXT = Context(acting_id="tester", organisation_id="organisation", effective_at=AT)


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRaised:
    amount: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterClosed:
    pass


Event = CounterRaised | CounterClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseCounter(CommandBase):
    ACTIVITY: ClassVar[str] = "test"
    counter_id: str
    amount: int = 1
    limit_from: str = ""
    unique: str = ""
    limit: int = fact(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCounter(CommandBase):
    ACTIVITY: ClassVar[str] = "test"
    counter_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    total: int = 0
    closed: bool = False


def decide(command: RaiseCounter | CloseCounter, state: Counter) -> Sequence[Event]:
    if isinstance(command, CloseCounter):
        return [] if state.closed else [CounterClosed()]
    if state.closed:
        raise RuleBroken("counter-closed", "This counter is closed.")
    if command.limit_from and state.total + command.amount > command.limit:
        raise RuleBroken("limit-reached", "This counter has reached its limit.")
    return [CounterRaised(amount=command.amount, label=command.unique)]


def evolve(state: Counter, event: Event) -> Counter:
    if isinstance(event, CounterClosed):
        return replace(state, closed=True)
    return replace(state, total=state.total + event.amount)


def _claims(command: RaiseCounter | CloseCounter, _events: Sequence[Event]) -> Sequence[Claim]:
    return [Claim("label", command.unique)] if isinstance(command, RaiseCounter) and command.unique else []


DECIDER: Decider[RaiseCounter | CloseCounter, Counter, Event] = Decider(
    category="counter",
    initial=Counter(),
    decide=decide,
    evolve=evolve,
    commands=(RaiseCounter, CloseCounter),
    aggregate_id=lambda command: command.counter_id,
    events={"test.counter-raised.v1": CounterRaised, "test.counter-closed.v1": CounterClosed},
    claims=_claims,
)


def _limit(command: RaiseCounter, states: States) -> Enriched[RaiseCounter]:
    """The limit of a counter is the total of another one."""
    if not command.limit_from:
        return Enriched(command)
    return Enriched(replace(command, limit=states.state(DECIDER, command.limit_from).total))


RULES = Rules(deciders=dict.fromkeys((RaiseCounter, CloseCounter), DECIDER), readers={RaiseCounter: _limit})

TABLE = read_table(
    "test_counters",
    1,
    Column("counter_id", Text, primary_key=True),
    Column("last_amount", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
)
SUMS = read_table(
    "test_sums",
    1,
    Column("amount", BigInteger, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
)


def _row(recorded: Recorded[CounterRaised]) -> Iterable[Effect]:
    if recorded.version == 1:
        yield Put((recorded.aggregate_id,), {"last_amount": recorded.event.amount, "status": "open"})
    else:
        yield Set((recorded.aggregate_id,), {"last_amount": recorded.event.amount})


def _closed(recorded: Recorded[CounterClosed]) -> Iterable[Effect]:
    # A counter that was closed as its first act was never seen; one that was used disappears when it closes late.
    if recorded.version > 3:
        yield Drop((recorded.aggregate_id,))
    else:
        yield Set((recorded.aggregate_id,), {"status": "closed"})


def _sum(recorded: Recorded[CounterRaised]) -> Iterable[Effect]:
    yield Add((recorded.event.amount,), {"events": 1})
    yield Add((recorded.event.amount,), {"total": recorded.event.amount})


COUNTERS = Projection(name="test_counters", version=1, table=TABLE, rules={CounterRaised: _row, CounterClosed: _closed})
COUNTER_SUMS = Projection(name="test_sums", version=1, table=SUMS, rules={CounterRaised: _sum})


COUNTED = "tests.infrastructure.sample_counter:counted"


def counted() -> Definitions:
    """Return the definitions, also to processes that help in a rebuild."""
    return definitions(COUNTED, [DECIDER], [COUNTERS, COUNTER_SUMS])


def order(command: Command, key: str = "", fingerprint: bytes = b"1", version: int | None = None) -> CommandEnvelope:
    idempotency = Idempotency(organisation_id="organisation", key=key, fingerprint=fingerprint) if key else None
    return CommandEnvelope(command=command, context=CONTEXT, idempotency=idempotency, expected_version=version)


def raise_counter(counter_id: str, **more: Any) -> RaiseCounter:
    return RaiseCounter(at=AT, by="organisation", counter_id=counter_id, **more)


def append(stream: str, *amounts: int, at: int, **more: Any) -> Append:
    events = [CounterRaised(amount=amount) for amount in amounts]
    return Append(stream=stream, events=events, expected={stream: at}, context=CONTEXT, **more)
