"""A tiny aggregate and read model for tests of the machinery: a counter that goes up, never above its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from application.gathering import Rules
from application.handler import CommandEnvelope
from application.ports import Append, Enriched, Idempotency, States
from domain.kernel import Claim, Command, CommandBase, Context, Decider, Recorded, RuleBroken, fact
from infrastructure.projector.rows.definitions import Definitions, definitions
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add, change, drop, put

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
    key=("counter_id",),
    initial=Counter(),
    rules={RaiseCounter: decide, CloseCounter: decide},
    evolve=evolve,
    checked=False,
    events={"test.counter-raised.v1": CounterRaised, "test.counter-closed.v1": CounterClosed},
    claims=_claims,
)


def _limit(command: RaiseCounter, states: States) -> Enriched[RaiseCounter]:
    """The limit of a counter is the total of another one."""
    if not command.limit_from:
        return Enriched(command)
    return Enriched(replace(command, limit=states.state(DECIDER, command.limit_from).total))


RULES = Rules(deciders=dict.fromkeys((RaiseCounter, CloseCounter), DECIDER), readers={RaiseCounter: _limit})


class CounterRow(RowBase):
    counter_id: Key[str]
    last_amount: Col[int]
    status: Col[str]


class SumRow(RowBase):
    amount: Key[int]
    events: Col[int]
    total: Col[int]


def _raised(recorded: Recorded[CounterRaised]) -> Effects[CounterRow]:
    counter_id, amount = recorded.aggregate_id, recorded.event.amount
    if recorded.version == 1:
        yield put(CounterRow(counter_id=counter_id, last_amount=amount, status="open"))
    else:
        yield change(CounterRow, CounterRow.counter_id.to(counter_id), CounterRow.last_amount.to(amount))


def _closed(recorded: Recorded[CounterClosed]) -> Effects[CounterRow]:
    # A counter that was closed as its first act was never seen; one that was used disappears when it closes late.
    counter = CounterRow.counter_id.to(recorded.aggregate_id)
    if recorded.version > 3:
        yield drop(CounterRow, counter)
    else:
        yield change(CounterRow, counter, CounterRow.status.to("closed"))


def _sum(recorded: Recorded[CounterRaised]) -> Effects[SumRow]:
    amount = recorded.event.amount
    yield add(SumRow, SumRow.amount.to(amount), SumRow.events.to(1))
    yield add(SumRow, SumRow.amount.to(amount), SumRow.total.to(amount))


COUNTERS = ReadModel(
    name="test_counters", version=1, row=CounterRow, rules={CounterRaised: _raised, CounterClosed: _closed}
)
COUNTER_SUMS = ReadModel(name="test_sums", version=1, row=SumRow, rules={CounterRaised: _sum})
TABLE, SUMS = COUNTERS.table, COUNTER_SUMS.table


COUNTED = "tests.infrastructure.sample_counter:counted"


def counted() -> Definitions:
    """Return the definitions, also to processes that help in a rebuild."""
    return definitions(COUNTED, [DECIDER], [COUNTERS, COUNTER_SUMS])


def order(command: Command, key: str = "", fingerprint: bytes = b"1", version: int | None = None) -> CommandEnvelope:
    idempotency = Idempotency(organisation_id="organisation", key=key, fingerprint=fingerprint) if key else None
    return CommandEnvelope(
        command=command,
        context=CONTEXT,
        idempotency=idempotency,
        expected_versions=None if version is None else {version},
    )


def raise_counter(counter_id: str, **more: Any) -> RaiseCounter:
    return RaiseCounter(at=AT, by="organisation", counter_id=counter_id, **more)


def append(stream: str, *amounts: int, at: int, **more: Any) -> Append:
    events = [CounterRaised(amount=amount) for amount in amounts]
    return Append(stream=stream, events=events, expected={stream: at}, context=CONTEXT, **more)
