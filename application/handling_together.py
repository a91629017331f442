"""Many commands whose events are written together with one more append: in one transaction, or not at all.

The last append is made of all answers, refusals too. So whoever keeps in it what became of the commands finds after a
crash either nothing written, or what was decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import uuid4

from application.gathering import Rules
from application.handler import MAX_TRIES, CommandEnvelope, Decided, answer_of, decide_all, is_written, looked_up
from application.ports import (
    Append,
    Conflict,
    EventStore,
    Idempotency,
    OtherContent,
    Outcome,
    Receipt,
    Taken,
    Withdrawn,
)
from application.unit_of_work import UnitOfWork
from domain.kernel import Refusal

Answer: TypeAlias = int | Refusal
"""How many events a command led to, or why it was refused."""

LastAppend: TypeAlias = Callable[[Sequence[Answer]], Append]
"""Makes the last append of the answers to all commands, in their order."""


async def handle_together(
    envelopes: Sequence[CommandEnvelope], last_append: LastAppend, rules: Rules, unit: UnitOfWork
) -> Append | None:
    """Decide the commands in their order and write their events with the last append, which is returned.

    Return None, with nothing written, if the stream of the last append has moved on, or others change the streams of
    the commands again and again. The unit of work is lent as to `handle_many`.
    """
    envelopes = [await looked_up(envelope, rules) for envelope in envelopes]
    final = await _answered_before(envelopes, unit.store)
    # Each round settles the first command that only the log could refuse, or loses a race.
    for _ in range(len(envelopes) + MAX_TRIES):
        written: Append | None = None
        unit.begin()
        try:
            decided = await decide_all([it for it in range(len(envelopes)) if it not in final], envelopes, unit, rules)
            answers = final | _answers(decided, envelopes)
            last = _resting_on(last_append([answers[it] for it in range(len(envelopes))]), decided, unit)
            group = uuid4().hex
            appends = [replace(append, group=group) for append in (*decided.appends.values(), last)]
            *outcomes, of_last = await unit.store.append(appends)
            written = last if isinstance(of_last, Receipt) else None
        finally:
            if written is None:
                unit.forget()
        if written is not None or of_last == Conflict(last.stream):
            return written
        final |= _settled(decided, outcomes)
    return None


async def _answered_before(envelopes: Sequence[CommandEnvelope], store: EventStore) -> dict[int, Answer]:
    """Return the answers to commands whose keys the log knows."""
    keys = {index: key for index, it in enumerate(envelopes) if (key := it.idempotency) is not None}
    known = await store.receipts(list(keys.values())) if keys else {}
    return {index: _answer(known[key]) for index, key in keys.items() if key in known}


def _answers(decided: Decided, envelopes: Sequence[CommandEnvelope]) -> dict[int, Answer]:
    """Return the answers that were decided: how many events would be written, or a refusal.

    A command that is refused for what an earlier one with its key does is answered as that one.
    """
    answers: dict[int, Answer] = {index: len(append.events) for index, append in decided.appends.items()}
    by_key: dict[tuple[str, str], int] = {}
    for index, append in decided.appends.items():
        if (key := append.idempotency) is not None:
            by_key.setdefault((key.organisation_id, key.key), index)
    for index, (answer, _) in decided.answers.items():
        answers[index] = answer if isinstance(answer, Refusal) else len(answer.events)
        key = envelopes[index].idempotency
        first = None if key is None else by_key.get((key.organisation_id, key.key))
        if isinstance(answer, Refusal) and key is not None and first is not None and first < index:
            answers[index] = answers[first] if envelopes[first].idempotency == key else _other_content(key)
    return answers


def _resting_on(last: Append, decided: Decided, unit: UnitOfWork) -> Append:
    """Return the last append on condition that what refusals rest on is as it was read, or is written before it."""
    read = {stream for _, streams in decided.answers.values() for stream in streams}
    return replace(last, expected={**last.expected, **{stream: unit.states[stream].version for stream in read}})


def _settled(decided: Decided, outcomes: Sequence[Outcome]) -> Mapping[int, Answer]:
    """Return the answers that the log gave, and would give again.

    What rests on a stream of a command that fell is decided again, and so is a claim that such a one may yet free.
    """
    frees = any(claim.release for append in decided.appends.values() for claim in append.claims)
    settled: dict[int, Answer] = {}
    fallen: set[str] = set()
    conflict = False
    for (index, append), outcome in zip(decided.appends.items(), outcomes, strict=True):
        if isinstance(outcome, Withdrawn) or is_written(outcome):
            continue
        rests = not fallen.isdisjoint(append.expected)
        fallen.add(append.stream)
        if isinstance(outcome, Conflict):
            conflict = True
        elif not rests and not (conflict and frees and isinstance(outcome, Taken)):
            settled[index] = _answer(outcome)
    return settled


def _answer(outcome: Outcome) -> Answer:
    assert not isinstance(outcome, Conflict | Withdrawn)
    answer = answer_of(outcome)
    return answer if isinstance(answer, Refusal) else len(answer.events)


def _other_content(key: Idempotency) -> Answer:
    return _answer(OtherContent(key.key))
