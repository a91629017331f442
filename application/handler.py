"""The only way to change anything: read, decide, append.

Many commands at once are decided in their order, each on the state that the ones before it left behind, with one read
and one append for all of them; each stands or falls by itself. A lost race is decided again on the newer state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from application.memory import Memory, Recent
from application.ports import (
    Append,
    Conflict,
    Erased,
    EventStore,
    FactReader,
    Idempotency,
    Informed,
    OtherContent,
    Outcome,
    Receipt,
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
    """A command with its context; the caller's key for it and the version they decided on, if they gave any.

    With `creates`, the id of the command's stream was made for it, so nothing should be there yet.
    """

    command: Command
    context: Context
    idempotency: Idempotency | None = None
    expected_version: int | None = None
    creates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which decider decides a command, and how the command learns its facts."""

    deciders: Mapping[type[Command], Decider[Any, Any, Any]]
    readers: Mapping[type, FactReader]


async def handle(order: Order, store: EventStore, rules: Rules, recent: Recent | None = None) -> Receipt:
    """Decide one command and append its events; raise the refusal if it is refused.

    With `recent`, it is decided on what is known already, first, and on what the log holds if that does not stand.
    """
    if recent is not None and (receipt := await _try_recent(order, store, rules, recent)) is not None:
        return receipt
    (answer,) = await handle_many([order], store, rules)
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def _try_recent(order: Order, store: EventStore, rules: Rules, recent: Recent) -> Receipt | None:
    """Decide on states that may be out of date; return the receipt only if the events were written on them."""
    memory = Memory(store, older=recent.states)
    if order.creates:
        decider, stream = _own_stream(order.command, rules)
        memory.states_by_stream[stream] = (0, decider.initial)
    try:
        append = await _decide_one(order, None, memory, rules)
    except Refusal:
        append = None
    if append is not None and append.events:
        (outcome,) = await store.append([append])
        if isinstance(outcome, Receipt):
            if _stands(outcome):
                memory.advance(_own_stream(order.command, rules)[0], append.stream, append.events)
                recent.keep({read: memory.states_by_stream[read] for read in append.expected})
            return outcome
    recent.forget(memory.touched)
    return None


async def handle_many(
    orders: Sequence[Order], store: EventStore, rules: Rules, memory: Memory | None = None
) -> Sequence[Receipt | Refusal]:
    """Decide the commands in their order; return for each what it did or why it was refused.

    A caller who sends much may lend a memory of their own from one call to the next, never to two at once: what it
    remembers is not read again. It can be out of date, so only what the log accepts on it counts.
    """
    answers: dict[int, Receipt | Refusal] = {}
    waiting = list(range(len(orders)))
    if memory is not None:
        waiting = await _try_from_memory(waiting, orders, memory, rules, answers)
    for _ in range(MAX_TRIES):
        if not waiting:
            break
        waiting = await _try(waiting, orders, Memory(store), rules, answers)
    for index in waiting:
        answers[index] = RuleBroken("too-much-contention", "Others keep changing this at the same time. Try again.")
    answers |= await _asked_before(orders, answers, store)
    return [answers[index] for index in range(len(orders))]


async def _try_from_memory(
    indices: Sequence[int],
    orders: Sequence[Order],
    memory: Memory,
    rules: Rules,
    answers: dict[int, Receipt | Refusal],
) -> list[int]:
    """Decide on what is remembered; whatever the log did not write then is decided again, on what the log holds."""
    memory.age()
    again: list[int] | None = None
    try:
        again = await _try(indices, orders, memory, rules, answers, only_written=True)
    finally:
        if again != []:
            memory.forget()
    return again


async def _try(
    indices: Sequence[int],
    orders: Sequence[Order],
    memory: Memory,
    rules: Rules,
    answers: dict[int, Receipt | Refusal],
    *,
    only_written: bool = False,
) -> list[int]:
    """Decide and append once; note the answers, and return the indices that have to be decided again.

    With `only_written`, an answer counts only if its events were written: a refusal may rest on states out of date.
    """
    decided = await _decide(indices, orders, memory, rules)
    outcomes = await memory.store.append(list(decided.appends.values())) if decided.appends else ()
    again: list[int] = []
    fallen: set[str] = set()
    for (index, append), outcome in zip(decided.appends.items(), outcomes, strict=True):
        stands = _stands(outcome)
        if not stands:
            fallen.add(append.stream)
        if isinstance(outcome, Conflict) or (only_written and not stands):
            again.append(index)
        else:
            answers[index] = _answer(outcome)
    for index, (answer, touched) in decided.answers.items():
        # What was answered on the word of a command that fell in the end has to be asked again.
        if fallen.isdisjoint(touched) and not only_written:
            answers[index] = answer
        else:
            again.append(index)
    return sorted(again)


def _stands(outcome: Outcome) -> bool:
    """Return whether these very events were written; a receipt may also be that of the same wish sent before."""
    return isinstance(outcome, Receipt) and not outcome.repeated


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


def _answer(outcome: Receipt | Taken | OtherContent | Erased) -> Receipt | Refusal:
    match outcome:
        case Receipt():
            return outcome
        case Taken():
            return Duplicate(f"{outcome.claim.kind}-taken", "This is registered already, and it can exist only once.")
        case OtherContent():
            return InvalidValue("idempotency-key-reused", "This idempotency key was used before for other content.")
        case Erased():
            return RuleBroken("person-erased", "The personal data of this person was erased; no more may be kept.")


# --- Deciding -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Decided:
    """What came of a list of orders: appends to write; answers that need none, with the streams they rest on."""

    appends: dict[int, Append] = field(default_factory=dict)
    answers: dict[int, tuple[Receipt | Refusal, frozenset[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A command with facts that still hold while none of the streams they were read from was decided on since."""

    informed: Informed[Command]
    touched: set[str]
    read: frozenset[str]


async def _decide(indices: Sequence[int], orders: Sequence[Order], memory: Memory, rules: Rules) -> _Decided:
    informed_ahead = {index: _inform_ahead(orders[index], memory, rules) for index in indices}
    await memory.load()
    decided = _Decided()
    for index in indices:
        try:
            append = await _decide_one(orders[index], informed_ahead[index], memory, rules)
        except Refusal as refusal:
            decided.answers[index] = (refusal, frozenset(memory.touched))
            continue
        memory.advance(rules.deciders[type(orders[index].command)], append.stream, append.events)
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


def _inform_ahead(order: Order, memory: Memory, rules: Rules) -> _Ahead | None:
    """Find out what has to be read for a command; return its facts if they were all there."""
    memory.touched, memory.lacking = set(), False
    informed = _facts(order, memory, rules)
    ahead = None if memory.lacking else _Ahead(informed, memory.touched, frozenset(memory.touched))
    _own_state(order, memory, rules)
    return ahead


async def _decide_one(order: Order, ahead: _Ahead | None, memory: Memory, rules: Rules) -> Append:
    if ahead is not None and ahead.read.isdisjoint(memory.advanced):
        memory.touched = ahead.touched
        return _append(order, ahead.informed, memory, rules)
    for _ in range(MAX_FACT_ROUNDS):
        memory.touched, memory.lacking = set(), False
        informed = _facts(order, memory, rules)
        _own_state(order, memory, rules)
        if not memory.lacking:
            return _append(order, informed, memory, rules)
        await memory.load()
    raise AssertionError(f"the facts of {type(order.command).__name__} name ever further streams")


def _facts(order: Order, memory: Memory, rules: Rules) -> Informed[Command]:
    reader = rules.readers.get(type(order.command))
    return Informed(order.command) if reader is None else reader(order.command, memory)


def _own_state(order: Order, memory: Memory, rules: Rules) -> None:
    command = order.command
    decider = rules.deciders[type(command)]
    memory.state(decider, decider.commands[type(command)](command))


def _own_stream(command: Command, rules: Rules) -> tuple[Decider[Any, Any, Any], str]:
    decider = rules.deciders[type(command)]
    return decider, decider.stream(decider.commands[type(command)](command))


def _append(order: Order, informed: Informed[Command], memory: Memory, rules: Rules) -> Append:
    command = informed.command
    decider, stream = _own_stream(command, rules)
    version, state = memory.states_by_stream[stream]
    stale = order.expected_version not in (None, version)
    # Of what does not exist there is no version: that it does not exist is the better answer.
    events = () if stale and version else decider.decide(command, state)
    if stale:
        raise StaleVersion("stale-version", "This has changed since you last read it. Read it again.")
    expected = {touched: memory.states_by_stream[touched][0] for touched in memory.touched}
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
