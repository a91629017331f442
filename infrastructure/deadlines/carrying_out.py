"""Carries out deadlines: the command of each is decided and appended, many together, each at most once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Histogram

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.ports import EventStore, Idempotency, Receipt
from application.unit_of_work import UnitOfWork
from domain.kernel import Command, Context, Refusal
from infrastructure.deadlines.due import DueDeadline
from infrastructure.postgres.failures import summary
from infrastructure.reactors.reactor_run import NOBODY_CAN
from projections.deadlines.deadline import Deadline

LOG = structlog.get_logger()

CARRIED_OUT = Metric("kroniek_deadlines_carried_out_total", "Deadlines whose command was accepted.", ["kind"])
REFUSED = Metric("kroniek_deadlines_refused_total", "Deadlines whose command was refused.", ["kind", "code"])
FAILED = Metric("kroniek_deadlines_failed_total", "Deadlines whose command failed with an error.", ["kind"])
LATENESS = Histogram(
    "kroniek_deadline_lateness_seconds",
    "How long after it fell due a deadline was carried out.",
    buckets=(0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400),
)

ACTING = "clock"

MAX_REMEMBERED = 20_000
"""The most deadlines that are remembered because their command was refused, failed, or changed nothing."""

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0
"""How long a deadline that was refused or failed waits before it is tried again: twice as long each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    tries: int
    again_s: float


@dataclass(slots=True, kw_only=True)
class Executor:
    """Sends the commands of due deadlines as the platform's organisation, `by`.

    `monotonic` counts seconds; by it a deadline whose command was refused waits longer each time.
    """

    store: EventStore
    rules: Rules
    deadlines: Mapping[str, Deadline]
    by: str
    monotonic: Callable[[], float]
    _waiting: OrderedDict[str, _Waiting] = field(default_factory=OrderedDict)

    def ready(self, due: Sequence[DueDeadline]) -> Sequence[DueDeadline]:
        """Leave out deadlines that were refused and wait, and those of kinds that this release does not know."""
        now = self.monotonic()
        return [
            it
            for it in due
            if it.kind in self.deadlines
            and ((waiting := self._waiting.get(it.idempotency_key)) is None or waiting.again_s <= now)
        ]

    async def carry_out(self, due: Sequence[DueDeadline], at: datetime) -> int:
        """Send the commands, in their order, as of an instant; return the position up to which rows will tell of it."""
        answers = await self._answers(due, at)
        position = 0
        refused: Counter[tuple[str, str]] = Counter()
        for deadline, answer in zip(due, answers, strict=True):
            match answer:
                case Receipt():
                    position = max(position, answer.position)
                    self._note(deadline, answer, at)
                case Refusal():
                    refused[deadline.kind, answer.code] += 1
                    self._wait(deadline)
                case _:
                    FAILED.labels(deadline.kind).inc()
                    LOG.error("deadline_failed", kind=deadline.kind, key=deadline.key, error=summary(answer))
                    self._wait(deadline)
        for (kind, code), number in refused.items():
            REFUSED.labels(kind, code).inc(number)
            LOG.warning("deadlines_refused", kind=kind, code=code, number=number)
        return position

    async def _answers(self, due: Sequence[DueDeadline], at: datetime) -> Sequence[Receipt | Refusal | Exception]:
        """Send the commands together; where that fails, in halves, until it is known which one is to blame.

        Raises what concerns every command: the log or the keys cannot be reached.
        """
        envelopes = [self._envelope(it, at) for it in due]
        sent = handle_many(envelopes, self.store, self.rules, UnitOfWork(self.store))
        # One deadline that cannot be carried out, whatever the error, holds up no other.
        (answers,) = await asyncio.gather(sent, return_exceptions=True)
        if not isinstance(answers, BaseException):
            return answers
        if isinstance(answers, NOBODY_CAN) or not isinstance(answers, Exception):
            raise answers
        if len(due) == 1:
            return [answers]
        half = len(due) // 2
        return [*await self._answers(due[:half], at), *await self._answers(due[half:], at)]

    def _note(self, deadline: DueDeadline, receipt: Receipt, at: datetime) -> None:
        if receipt.repeated or not receipt.events:
            # Its row goes when the read model has caught up; one that stays is not asked about all the time.
            self._wait(deadline)
            return
        self._waiting.pop(deadline.idempotency_key, None)
        CARRIED_OUT.labels(deadline.kind).inc()
        LATENESS.observe(max(0.0, (at - deadline.due_at).total_seconds()))

    def _wait(self, deadline: DueDeadline) -> None:
        key = deadline.idempotency_key
        tries = 1 if (known := self._waiting.pop(key, None)) is None else known.tries + 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 30))
        self._waiting[key] = _Waiting(tries=tries, again_s=self.monotonic() + wait_s)
        while len(self._waiting) > MAX_REMEMBERED:
            self._waiting.popitem(last=False)

    def _envelope(self, due: DueDeadline, at: datetime) -> CommandEnvelope:
        deadline = self.deadlines[due.kind]
        given: dict[str, str] = dict(zip(deadline.needs, (due.key, due.part), strict=False))
        make: Callable[..., Command] = deadline.command
        command = make(at=at, by=self.by, **given)
        key = due.idempotency_key
        return CommandEnvelope(
            command=command,
            context=Context(
                acting_id=ACTING,
                organisation_id=self.by,
                activity=command.ACTIVITY,
                command_id=str(uuid4()),
                effective_at=at,
            ),
            idempotency=Idempotency(
                organisation_id=self.by, key=key, fingerprint=hashlib.sha256(key.encode()).digest()
            ),
        )
