"""Sends the sample history through the command path, in chunks that are each written whole or not at all."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from typing import Protocol

from application.gathering import Rules
from application.gc_tuning import rare_collections
from application.handler import CommandEnvelope, handle_many
from application.ports import EventStore, Idempotency, Receipt
from application.unit_of_work import UnitOfWork
from domain.kernel import Duplicate
from sample.generators.world import PLATFORM
from sample.history import commands
from sample.plan.scale import scale_of

COMMANDS_AT_SCALE_1 = 852_000
COMMANDS_AT_ANY_SCALE = 4_000
"""About how many commands the history has: for a progress bar, not for anything else."""

CHUNK_COMMANDS = 1_000
_KEYS_AT_ONCE = 1_000
MAX_CHUNKS = 1_000_000


class SampleRefusedError(RuntimeError):
    """A command of the sample was refused: the plan and the rules of the domain disagree."""


class NotThisSampleError(RuntimeError):
    """The log holds events, and they are not those of this sample: nothing was written."""


class SampleLog(EventStore, Protocol):
    """A log into which a sample can be written."""

    async def head(self) -> int:
        """Return the position of the last event; 0 if the log is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProgress:
    """How far the sample is: the commands sent, of about how many, and the month reached."""

    commands: int
    expected_commands: int
    month: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """The outcome of a run. Nothing was sent if the history was there already."""

    commands: int = 0
    skipped_commands: int = 0
    events: int = 0
    seconds: float = 0
    complete_before: bool = False


async def run_sample(
    log: SampleLog,
    rules: Rules,
    *,
    seed: int,
    scale: float | Fraction = 1,
    progress: Callable[[SampleProgress], None] = lambda _: None,
) -> SampleReport:
    """Send the missing commands; a run that was cut off goes on where the log ends.

    Raises NotThisSampleError, with nothing written, if the log holds events but no part of this sample.
    """
    started, factor = time.monotonic(), scale_of(scale)
    begin, first, end = (_key(seed, factor, part) for part in ("begin", "0", "end"))
    # A log of an earlier release has no key at its beginning.
    known = await log.receipts([begin, first, end])
    if not known and await log.head():
        raise NotThisSampleError(
            f"The log already holds events that are not of the sample with seed {seed} and scale {factor}: a sample is "
            "written into an empty log only, and a sample that is cut off goes on with its own seed and scale."
        )
    if end in known:
        report = SampleReport(complete_before=True)
    else:
        with rare_collections():
            report = await _send_missing(log, rules, seed, factor, progress)
    return replace(report, seconds=time.monotonic() - started)


async def _send_missing(
    log: EventStore, rules: Rules, seed: int, scale: Fraction, progress: Callable[[SampleProgress], None]
) -> SampleReport:
    done = await _chunks_done(log, seed, scale)
    unit = UnitOfWork(log)
    sent = skipped = events = 0
    expected = COMMANDS_AT_ANY_SCALE + int(COMMANDS_AT_SCALE_1 * scale)
    for number, chunk in enumerate(chunks(seed, scale)):
        if number < done:
            skipped += len(chunk)
            continue
        events += await _send(chunk, unit, rules, may_be_there=number == done)
        sent += len(chunk)
        progress(
            SampleProgress(
                commands=skipped + sent,
                expected_commands=max(skipped + sent, expected),
                month=chunk[-1].command.at.strftime("%Y-%m"),
            )
        )
    return SampleReport(commands=sent, skipped_commands=skipped, events=events)


async def _send(chunk: Sequence[CommandEnvelope], unit: UnitOfWork, rules: Rules, *, may_be_there: bool) -> int:
    """Send a chunk; return how many events it wrote."""
    answers = await handle_many(chunk, unit.store, rules, unit)
    events = 0
    for envelope, answer in zip(chunk, answers, strict=True):
        if isinstance(answer, Receipt):
            events += len(answer.events)
        elif not (may_be_there and isinstance(answer, Duplicate)):
            name, at = type(envelope.command).__name__, envelope.command.at.isoformat()
            raise SampleRefusedError(f"{name} at {at} was refused: {answer.code}: {answer}")
    return events


async def _chunks_done(log: EventStore, seed: int, scale: Fraction) -> int:
    """Count the chunks that are in the log: they were written in order."""
    for first in range(0, MAX_CHUNKS, _KEYS_AT_ONCE):
        keys = [_key(seed, scale, str(number)) for number in range(first, first + _KEYS_AT_ONCE)]
        known = await log.receipts(keys)
        if len(known) < _KEYS_AT_ONCE:
            return first + len(known)
    raise AssertionError("a sample has fewer chunks than this")


def chunks(seed: int, scale: Fraction) -> Iterator[Sequence[CommandEnvelope]]:
    """Cut the history into chunks; the first command, and the last one of each chunk, carry keys of the sample.

    With the key of the first command, the log is known to hold this sample from its first event on.
    """
    every = commands(seed, scale)
    first = replace(next(every), idempotency=_key(seed, scale, "begin"))
    every = chain((first,), every)
    number, chunk = 0, list(islice(every, CHUNK_COMMANDS))
    while chunk:
        following = list(islice(every, CHUNK_COMMANDS))
        key = _key(seed, scale, str(number) if following else "end")
        chunk[-1] = replace(chunk[-1], idempotency=key)
        yield chunk
        number, chunk = number + 1, following


def _key(seed: int, scale: Fraction, part: str) -> Idempotency:
    key = f"sample:{seed}:{scale}:{part}"
    return Idempotency(organisation_id=PLATFORM, key=key, fingerprint=hashlib.sha256(key.encode()).digest())
