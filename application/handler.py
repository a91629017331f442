"""The only way to change anything: read, decide, append.

Many commands at once are decided in their order, each on the state that the ones before it left behind, with one read
and one append for all of them; each stands or falls by itself. A lost race is decided again on the newer state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from application.ports import (
    Append,
    Conflict,
    EventStore,
    FactReader,
    Idempotency,
    Informed,
    OtherContent,
    Outcome,
    Receipt,
    StreamEvents,
    Taken,
)
from domain.kernel import (
    Command,
    Context,
    Decider,
    Duplicate,
    InvalidValue,
    Refusal,
    RuleBroken,
    StaleVersion,
)

S = TypeVar("S")

MAX_TRIES = 4
"""A first try and three more after lost races."""

MAX_FACT_ROUNDS = 5
"""How often facts may name further streams that have to be read before a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command with its context; the caller's key for it and the version they decided on, if they gave any."""

    command: Command
    context: Context
    idempotency: Idempotency | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which decider decides a command, and how the command learns its facts."""

    deciders: Mapping[type[Command], Decider[Any, Any, Any]]
    readers: Mapping[type, FactReader]


async def handle(order: Order, store: EventStore, rules: Rules) -> Receipt:
    """Decide one command and append its events; raise the refusal if it is refused."""
    (answer,) = await handle_many([order], store, rules)
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def handle_many(orders: Sequence[Order], store: EventStore, rules: Rules) -> Sequence[Receipt | Refusal]:
    """Decide the commands in their order; return for each what it did or why it was refused."""
    answers: dict[int, Receipt | Refusal] = {}
    waiting = list(range(len(orders)))
    for _ in range(MAX_TRIES):
        if not waiting:
            break
        waiting = await _try(waiting, orders, store, rules, answers)
    for index in waiting:
        answers[index] = RuleBroken("too-much-contention", "Others keep changing this at the same time. Try again.")
    answers |= await _asked_before(orders, answers, store)
    return [answers[index] for index in range(len(orders))]


async def _try(
    indices: Sequence[int],
    orders: Sequence[Order],
    store: EventStore,
    rules: Rules,
    answers: dict[int, Receipt | Refusal],
) -> list[int]:
    """Decide and append once; note the answers, and return the indices that have to be decided again."""
    decided = await _decide(indices, orders, store, rules)
    outcomes = await store.append(list(decided.appends.values())) if decided.appends else ()
    again: list[int] = []
    fallen: set[str] = set()
    for (index, append), outcome in zip(decided.appends.items(), outcomes, strict=True):
        if not _stands(append, outcome):
            fallen.add(append.stream)
        if isinstance(outcome, Conflict):
            again.append(index)
        else:
            answers[index] = _answer(outcome)
    for index, (answer, touched) in decided.answers.items():
        # What was answered on the word of a command that fell in the end has to be asked again.
        if fallen.isdisjoint(touched):
            answers[index] = answer
        else:
            again.append(index)
    return sorted(again)


def _stands(append: Append, outcome: Outcome) -> bool:
    """Return whether these very events were written; a receipt may also be that of the same wish sent before."""
    return isinstance(outcome, Receipt) and outcome.version == append.expected[append.stream] + len(append.events)


async def _asked_before(
    orders: Sequence[Order], answers: Mapping[int, Receipt | Refusal], store: EventStore
) -> dict[int, Receipt | Refusal]:
    """Return the first answers of wishes that were refused now because the same wish had been granted before.

    The log itself answers a repeated key when it appends; only a wish that never got that far has to be looked up.
    """
    refused = {index: orders[index].idempotency for index, answer in answers.items() if isinstance(answer, Refusal)}
    keys = {index: key for index, key in refused.items() if key is not None}
    known = await store.receipts(list(keys.values())) if keys else {}
    return {index: _answer(known[key]) for index, key in keys.items() if key in known}


def _answer(outcome: Receipt | Taken | OtherContent) -> Receipt | Refusal:
    match outcome:
        case Receipt():
            return outcome
        case Taken():
            return Duplicate(f"{outcome.claim.kind}-taken", "This is registered already, and it can exist only once.")
        case OtherContent():
            return InvalidValue("idempotency-key-reused", "This idempotency key was used before for other content.")


# --- Deciding -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Decided:
    """What came of a list of orders: appends to write; answers that need none, with the streams they rest on."""

    appends: dict[int, Append] = field(default_factory=dict)
    answers: dict[int, tuple[Receipt | Refusal, frozenset[str]]] = field(default_factory=dict)


async def _decide(indices: Sequence[int], orders: Sequence[Order], store: EventStore, rules: Rules) -> _Decided:
    memory = _Memory(store)
    for index in indices:
        _inform(orders[index], memory, rules)
    await memory.load()
    decided = _Decided()
    for index in indices:
        try:
            append = await _decide_one(orders[index], memory, rules)
        except Refusal as refusal:
            decided.answers[index] = (refusal, frozenset(memory.touched))
            continue
        if append.events or append.idempotency:
            decided.appends[index] = append
        else:
            nothing_new = Receipt(
                stream=append.stream,
                version=append.expected[append.stream],
                position=memory.positions.get(append.stream, 0),
                events=(),
            )
            decided.answers[index] = (nothing_new, frozenset(memory.touched))
    return decided


async def _decide_one(order: Order, memory: _Memory, rules: Rules) -> Append:
    for _ in range(MAX_FACT_ROUNDS):
        memory.touched.clear()
        informed = _inform(order, memory, rules)
        if not memory.missing:
            return _append(order, informed, memory, rules)
        await memory.load()
    raise AssertionError(f"the facts of {type(order.command).__name__} name ever further streams")


def _inform(order: Order, memory: _Memory, rules: Rules) -> Informed[Command]:
    command = order.command
    decider = rules.deciders[type(command)]
    memory.state(decider, decider.commands[type(command)](command))
    reader = rules.readers.get(type(command))
    return Informed(command) if reader is None else reader(command, memory)


def _append(order: Order, informed: Informed[Command], memory: _Memory, rules: Rules) -> Append:
    command = informed.command
    decider = rules.deciders[type(command)]
    stream = decider.stream(decider.commands[type(command)](command))
    version, state = memory.states_by_stream[stream]
    stale = order.expected_version not in (None, version)
    # Of what does not exist there is no version: that it does not exist is the better answer.
    events = () if stale and version else decider.decide(command, state)
    if stale:
        raise StaleVersion("stale-version", "This has changed since you last read it. Read it again.")
    expected = {touched: memory.states_by_stream[touched][0] for touched in memory.touched}
    memory.advance(decider, stream, events)
    return Append(
        stream=stream,
        events=events,
        expected=expected,
        context=_context(order.context, informed),
        claims=decider.claims(command, events) if events else (),
        idempotency=order.idempotency,
    )


def _context(context: Context, informed: Informed[Command]) -> Context:
    if not informed.acting_id and not informed.subject_id:
        return context
    return replace(
        context,
        acting_id=informed.acting_id or context.acting_id,
        subject_id=informed.subject_id,
        mandate_id=informed.mandate_id,
    )


@dataclass(slots=True)
class _Memory:
    """The states read for a list of orders, advanced by what was decided on them: the handler's `Known`.

    What is asked for and not there yet is noted as missing; the asker sees the initial state and is asked again.
    """

    store: EventStore
    states_by_stream: dict[str, tuple[int, Any]] = field(default_factory=dict)
    streams_by_prefix: dict[str, list[str]] = field(default_factory=dict)
    created: dict[str, list[str]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    missing: dict[str, Decider[Any, Any, Any]] = field(default_factory=dict)
    missing_prefixes: dict[str, Decider[Any, Any, Any]] = field(default_factory=dict)

    def state(self, decider: Decider[Any, S, Any], aggregate_id: str) -> S:
        stream = decider.stream(aggregate_id)
        self.touched.add(stream)
        if (known := self.states_by_stream.get(stream)) is not None:
            state: S = known[1]
            return state
        self.missing[stream] = decider
        return decider.initial

    def states(self, decider: Decider[Any, S, Any], id_prefix: str) -> Mapping[str, S]:
        assert id_prefix.endswith("."), "streams are found by the owner's part of a composite id: `owner.`"
        prefix = decider.stream(id_prefix)
        if (streams := self.streams_by_prefix.get(prefix)) is None:
            self.missing_prefixes[prefix] = decider
            return {}
        self.touched.update(streams)
        start = len(decider.category) + 1
        return {stream[start:]: self.states_by_stream[stream][1] for stream in streams}

    async def load(self) -> None:
        """Read everything that was found missing."""
        if self.missing:
            found = await self.store.read(list(self.missing))
            for stream, decider in self.missing.items():
                self._remember(stream, decider, found[stream])
            self.missing = {}
        if self.missing_prefixes:
            by_prefix = await self.store.read_prefixes(list(self.missing_prefixes))
            for prefix, decider in self.missing_prefixes.items():
                streams = self.streams_by_prefix[prefix] = self.created.get(prefix, [])
                for stream, events in by_prefix[prefix].items():
                    self._remember(stream, decider, events)
                    streams.append(stream)
            self.missing_prefixes = {}

    def advance(self, decider: Decider[Any, Any, Any], stream: str, events: Sequence[Any]) -> None:
        if not events:
            return
        version, state = self.states_by_stream[stream]
        if version == 0 and (owner := stream.partition("."))[1]:
            prefix = f"{owner[0]}."
            self.streams_by_prefix.get(prefix, self.created.setdefault(prefix, [])).append(stream)
        self.states_by_stream[stream] = (version + len(events), decider.fold(events, state))

    def _remember(self, stream: str, decider: Decider[Any, Any, Any], found: StreamEvents) -> None:
        # A stream that was decided on in this round is ahead of what the log holds.
        if stream not in self.states_by_stream:
            self.states_by_stream[stream] = (found.version, decider.fold(found.events))
            self.positions[stream] = found.position
