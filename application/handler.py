"""The only way to change anything: read, decide, append.

Many commands at once are decided in their order, each on the state that the ones before it left behind, with one read
and one append for all of them; each stands or falls by itself. A lost race is decided again on the newer state.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from application.gathering import Gathered, Rules, Versioned, gather, own_stream
from application.ports import (
    Append,
    Conflict,
    Enriched,
    Erased,
    EventStore,
    Idempotency,
    OtherContent,
    Outcome,
    Receipt,
    Taken,
    Withdrawn,
)
from application.unit_of_work import StateCache, UnitOfWork
from domain.kernel import (
    Command,
    Context,
    Duplicate,
    InvalidValue,
    Refusal,
    RuleBroken,
    StaleVersion,
)

MAX_TRIES = 4
"""A first try and three more after lost races."""

MAX_FACT_ROUNDS = 5
"""How often facts may name further streams that have to be read before a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnvelope:
    """A command with its context; the caller's key for it and the versions that they would take, if any were given.

    With `creates`, the id of the command's stream was made for it, so nothing should be there yet. With `in_order`, its
    events may not take effect before those that its stream has.
    """

    command: Command
    context: Context
    idempotency: Idempotency | None = None
    expected_versions: Container[int] | None = None
    creates: bool = False
    in_order: bool = False


async def handle(
    envelope: CommandEnvelope, store: EventStore, rules: Rules, cache: StateCache | None = None
) -> Receipt:
    """Decide one command and append its events; raise the refusal if it is refused.

    With a cache, it is decided on cached states first, and on those of the log if the log does not accept that. Facts
    that are not in the log are looked up before.
    """
    envelope = await looked_up(envelope, rules)
    if cache is not None and (receipt := await _try_cached(envelope, store, rules, cache)) is not None:
        return receipt
    (answer,) = await handle_many([envelope], store, rules)
    if isinstance(answer, Refusal):
        raise answer
    return answer


async def _try_cached(envelope: CommandEnvelope, store: EventStore, rules: Rules, cache: StateCache) -> Receipt | None:
    """Decide on states that may be out of date; return the receipt only if the events were written on them."""
    unit = UnitOfWork(store, older=cache.states)
    if envelope.creates:
        decider, stream = own_stream(envelope.command, rules)
        unit.states[stream] = Versioned(0, decider.initial)
    gathered = await _gather(envelope, None, unit, rules)
    append = _decide(envelope, gathered, unit)
    if isinstance(append, Append) and append.events:
        (outcome,) = await store.append([append])
        if isinstance(outcome, Receipt):
            if is_written(outcome):
                unit.advance(gathered.decider, append.stream, append.events, append.context.effective_at)
                cache.keep({read: unit.states[read] for read in append.expected})
            return outcome
    cache.forget(_read(gathered))
    return None


async def handle_many(
    envelopes: Sequence[CommandEnvelope], store: EventStore, rules: Rules, unit: UnitOfWork | None = None
) -> Sequence[Receipt | Refusal]:
    """Decide the commands in their order; return for each its receipt or its refusal.

    A caller with many lists may lend the same unit of work from one call to the next, never to two at once. Its states
    can be out of date, so only what the log accepts on them counts.
    """
    envelopes = [await looked_up(envelope, rules) for envelope in envelopes]
    answers: dict[int, Receipt | Refusal] = {}
    waiting = list(range(len(envelopes)))
    if unit is not None:
        waiting = await _try_on_older_states(waiting, envelopes, unit, rules, answers)
    for _ in range(MAX_TRIES):
        if not waiting:
            break
        waiting = await _try(waiting, envelopes, UnitOfWork(store), rules, answers)
    for index in waiting:
        answers[index] = RuleBroken("too-much-contention", "Others keep changing this at the same time. Try again.")
    answers |= await _answered_before(envelopes, answers, store)
    return [answers[index] for index in range(len(envelopes))]


async def looked_up(envelope: CommandEnvelope, rules: Rules) -> CommandEnvelope:
    """Return a command with its facts that are not in the log."""
    lookup = rules.lookups.get(type(envelope.command))
    return envelope if lookup is None else replace(envelope, command=await lookup(envelope.command))


async def _try_on_older_states(
    indices: Sequence[int],
    envelopes: Sequence[CommandEnvelope],
    unit: UnitOfWork,
    rules: Rules,
    answers: dict[int, Receipt | Refusal],
) -> list[int]:
    """Decide on a lent unit of work; return the indices of commands whose events the log did not accept on it."""
    unit.begin()
    again: list[int] | None = None
    try:
        again = await _try(indices, envelopes, unit, rules, answers, only_written=True)
    finally:
        if again != []:
            unit.forget()
    return again


async def _try(
    indices: Sequence[int],
    envelopes: Sequence[CommandEnvelope],
    unit: UnitOfWork,
    rules: Rules,
    answers: dict[int, Receipt | Refusal],
    *,
    only_written: bool = False,
) -> list[int]:
    """Decide and append once; note the answers, and return the indices that have to be decided again.

    With `only_written`, an answer counts only if its events were written: a refusal may rest on states out of date.
    """
    decided = await decide_all(indices, envelopes, unit, rules)
    if only_written and decided.answers:
        # All are decided again in their order: once a later command of the list is written, it would count for these.
        return list(indices)
    outcomes = await unit.store.append(list(decided.appends.values())) if decided.appends else ()
    again: list[int] = []
    fallen: set[str] = set()
    for (index, append), outcome in zip(decided.appends.items(), outcomes, strict=True):
        stands = is_written(outcome)
        if not stands:
            fallen.add(append.stream)
        if isinstance(outcome, Conflict | Withdrawn) or (only_written and not stands):
            again.append(index)
        else:
            answers[index] = answer_of(outcome)
    for index, (answer, read) in decided.answers.items():
        # An answer that rests on events of a command that failed is decided again.
        if fallen.isdisjoint(read):
            answers[index] = answer
        else:
            again.append(index)
    return sorted(again)


def is_written(outcome: Outcome) -> bool:
    """Return whether these very events were written; a receipt may also be that of the same command sent before."""
    return isinstance(outcome, Receipt) and not outcome.repeated


async def _answered_before(
    envelopes: Sequence[CommandEnvelope], answers: Mapping[int, Receipt | Refusal], store: EventStore
) -> dict[int, Receipt | Refusal]:
    """Return the first answers of commands that are refused now, and were accepted before under the same key.

    The log itself answers a repeated key when it appends; only a command that never got that far is looked up.
    """
    refused = {index: envelopes[index].idempotency for index, answer in answers.items() if isinstance(answer, Refusal)}
    keys = {index: key for index, key in refused.items() if key is not None}
    receipts = await store.receipts(list(keys.values())) if keys else {}
    return {index: answer_of(_repeated(receipts[key])) for index, key in keys.items() if key in receipts}


def _repeated(known: Receipt | OtherContent) -> Receipt | OtherContent:
    return known._replace(repeated=True) if isinstance(known, Receipt) else known


def answer_of(outcome: Receipt | Taken | OtherContent | Erased) -> Receipt | Refusal:
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
class Decided:
    """The decisions on a list of commands: appends to write; answers that need none, with the streams they rest on."""

    appends: dict[int, Append] = field(default_factory=dict)
    answers: dict[int, tuple[Receipt | Refusal, AbstractSet[str]]] = field(default_factory=dict)


async def decide_all(
    indices: Sequence[int], envelopes: Sequence[CommandEnvelope], unit: UnitOfWork, rules: Rules
) -> Decided:
    ahead = {index: gather(envelopes[index].command, rules, unit) for index in indices}
    await unit.load(ahead.values())
    decided = Decided()
    for index in indices:
        gathered = await _gather(envelopes[index], ahead[index], unit, rules)
        append = _decide(envelopes[index], gathered, unit)
        if isinstance(append, Refusal):
            decided.answers[index] = (append, _read(gathered))
            continue
        unit.advance(gathered.decider, append.stream, append.events, append.context.effective_at)
        if append.events or append.idempotency:
            decided.appends[index] = append
        else:
            decided.answers[index] = (_nothing_new(append, unit), _read(gathered))
    return decided


def _nothing_new(append: Append, unit: UnitOfWork) -> Receipt:
    version, position = append.expected[append.stream], unit.positions.get(append.stream, 0)
    return Receipt(stream=append.stream, version=version, position=position, events=())


async def _gather(envelope: CommandEnvelope, ahead: Gathered | None, unit: UnitOfWork, rules: Rules) -> Gathered:
    """Return a command with all its facts and its own state loaded.

    Facts that were gathered ahead hold while none of their streams was decided on since.
    """
    if ahead is not None and ahead.complete and ahead.fact_streams.isdisjoint(unit.advanced):
        return ahead
    for _ in range(MAX_FACT_ROUNDS):
        gathered = gather(envelope.command, rules, unit)
        if gathered.complete and unit.find(gathered.stream) is not None:
            return gathered
        await unit.load([gathered])
    raise AssertionError(f"the facts of {type(envelope.command).__name__} name ever further streams")


def _read(gathered: Gathered) -> AbstractSet[str]:
    """Return the streams that a decision rests on."""
    return gathered.fact_streams | {gathered.stream}


def _decide(envelope: CommandEnvelope, gathered: Gathered, unit: UnitOfWork) -> Append | Refusal:
    try:
        return _append(envelope, gathered, unit)
    except Refusal as refusal:
        return refusal


def _append(envelope: CommandEnvelope, gathered: Gathered, unit: UnitOfWork) -> Append:
    command = gathered.enriched.command
    decider, stream = gathered.decider, gathered.stream
    version, state, last_at = unit.states[stream]
    expected = envelope.expected_versions
    stale = expected is not None and version not in expected
    # A stream that does not exist has no version: the refusal that it does not exist is the better answer.
    events = () if stale and version else decider.decide(command, state)
    if stale:
        raise StaleVersion("stale-version", "This has changed since you last read it. Read it again.")
    if envelope.in_order and events and last_at is not None and envelope.context.effective_at < last_at:
        raise RuleBroken("instant-runs-backwards", "An event of this stream took effect later already.")
    return Append(
        stream=stream,
        events=events,
        expected={read: unit.states[read].version for read in _read(gathered)},
        context=_context(envelope.context, gathered.enriched),
        claims=decider.claims(command, events) if events else (),
        idempotency=envelope.idempotency,
    )


def _context(context: Context, enriched: Enriched[Command]) -> Context:
    if not enriched.acting_id and not enriched.subject_id:
        return context
    return replace(
        context,
        acting_id=enriched.acting_id or context.acting_id,
        subject_id=enriched.subject_id,
        mandate_id=enriched.mandate_id,
    )
