"""Runs the reactions to one event: within their time, and with each command carried out once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import NAMESPACE_URL, uuid5

from application.gathering import Rules, own_stream
from application.handler import CommandEnvelope, handle
from application.ports import EventStore, Idempotency, Receipt
from application.reactor import Reactor
from domain.kernel import Command, Context
from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.postgres.failures import ValueFreeError

PLATFORM = "platform"
"""The organisation for which the platform itself acts."""


class ReactionTimeoutError(ValueFreeError):
    """A reaction did not end within its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSender:
    """Carries out the commands of reactions. `organisation_id` is the one for which the platform itself acts."""

    store: EventStore
    rules: Rules
    organisation_id: str = PLATFORM

    async def send(self, command: Command, reactor: str, cause: AnyRecorded, key: str) -> Receipt:
        """Carry out a command for an event; a second one with this key gets the receipt of the first."""
        context = Context(
            acting_id=reactor,
            organisation_id=self.organisation_id,
            activity=command.ACTIVITY,
            command_id=str(uuid5(NAMESPACE_URL, key)),
            correlation_id=cause.context.correlation_id,
            causation_id=str(cause.position),
            effective_at=command.at,
        )
        # Another command under the same key is refused: it never gets the receipt of this one.
        _, stream = own_stream(command, self.rules)
        fingerprint = f"{type(command).__name__} {stream}".encode()
        idempotency = Idempotency(organisation_id=f"reactor:{reactor}", key=key, fingerprint=fingerprint)
        envelope = CommandEnvelope(command=command, context=context, idempotency=idempotency)
        return await handle(envelope, self.store, self.rules)


@dataclass(slots=True, kw_only=True)
class EventRun:
    """A run of the reactions to one event (`application.reactor.ReactionRun`)."""

    reactor: str
    recorded: AnyRecorded
    sender: CommandSender
    _sent: int = field(default=0)

    @property
    def effect_id(self) -> str:
        return f"{self.reactor}/{self.recorded.position}"

    @property
    def organisation_id(self) -> str:
        return self.sender.organisation_id

    async def send(self, command: Command) -> Receipt:
        self._sent += 1
        return await self.sender.send(command, self.reactor, self.recorded, f"{self.effect_id}/{self._sent}")


Failed: TypeAlias = Exception | None
"""Why an event was not reacted to; None if it was."""


class ReactionCaller:
    """Calls the reactions of one reactor."""

    def __init__(self, reactor: Reactor, sender: CommandSender, cancel_s: float) -> None:
        self._reactor = reactor
        self._sender = sender
        self._cancel_s = cancel_s

    async def call(self, recorded: AnyRecorded) -> tuple[Failed, asyncio.Task[None] | None]:
        """React to an event; return the error, and the task of a reaction that does not end although it has to."""
        task = asyncio.create_task(self._react(recorded))
        try:
            await asyncio.wait({task}, timeout=self._reactor.retry.timeout_s)
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=self._cancel_s)
                late = ReactionTimeoutError(f"did not end within {self._reactor.retry.timeout_s:g} s")
                return late, None if task.done() else task
        except asyncio.CancelledError:
            task.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait({task}, timeout=self._cancel_s)
            raise
        if task.cancelled():
            return ReactionTimeoutError("was cancelled"), None
        error = task.exception()
        if error is not None and not isinstance(error, Exception):
            raise error  # the process is to end
        return error, None

    async def _react(self, recorded: AnyRecorded) -> None:
        run = EventRun(reactor=self._reactor.name, recorded=recorded, sender=self._sender)
        for reaction in self._reactor.reactions[type(recorded.event)]:
            await reaction(recorded, run)
