"""What a reactor is: which events it reacts to, in what order, and how it is tried again. The engine runs it.

Commands that a reaction sends are carried out once, however often the event is reacted to: the key of a command is made
of the reactor, the position of the event, and how many commands the reaction sent before. Effects outside the log
happen at least once: `ReactionRun.effect_id` is the same each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from application.ports import Receipt
from domain.kernel import Command, Recorded

AnyEvent: TypeAlias = Recorded[Any]
"""A recorded event of any class."""


class ReactionRun(Protocol):
    """One run of the reactions to one event."""

    @property
    def effect_id(self) -> str:
        """The same in each run for this event: an id for effects outside the log, such as a message."""

    @property
    def organisation_id(self) -> str:
        """The organisation for which the platform itself acts."""

    async def send(self, command: Command) -> Receipt:
        """Carry out a command, once for all runs; raise its refusal.

        All runs for one event send the same commands in the same order, or leave out those at the end.
        """


Reaction: TypeAlias = Callable[[AnyEvent, ReactionRun], Awaitable[None]]
"""Reacts to one event. It may be called again for the same event, and then does what is still missing."""

Reactions: TypeAlias = Mapping[type, Sequence[Reaction]]
"""The reactions to each class of event, in order; each one runs only after the one before it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How a reaction is bounded and tried again.

    The next try comes after `first_s`, then twice as long each time, up to `max_s`, each up to `jitter` of it earlier.
    After `tries` failures, about an hour, the key is parked. A reaction that has not ended after `timeout_s` has
    failed.
    """

    first_s: float = 1.0
    max_s: float = 300.0
    jitter: float = 0.2
    tries: int = 20
    timeout_s: float = 60.0

    def wait_s(self, failures: int, chance: float = 0.0) -> float:
        """Return the seconds to wait after this many failures, from 1. `chance` is a random number from 0 to 1."""
        whole_s = min(self.max_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole_s * (1.0 - self.jitter * chance)


def of_stream(recorded: AnyEvent) -> str:
    """Order the events of one stream, and no others."""
    return recorded.stream


def of_person(recorded: AnyEvent) -> str:
    """Order the events that name one person as `person_id`."""
    return str(recorded.event.person_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactor:
    """Reactions with a checkpoint of their own.

    Events of one key are reacted to in the order of the log, those of different keys side by side. An event whose key
    is empty is in order with those of its stream only. `after` names reactors that come first: an event waits until
    they are done with it and with all before it, or with those of its key where others wait. Without `from_start`, a
    reactor that is new to a log ignores what was recorded before.
    """

    name: str
    reactions: Reactions
    key_of: Callable[[AnyEvent], str] = of_stream
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    after: tuple[str, ...] = ()
    from_start: bool = True

    def key(self, recorded: AnyEvent) -> str:
        """Return the key of an event, never empty."""
        return self.key_of(recorded) or recorded.stream


def commands(rule: Callable[[AnyEvent, str], Sequence[Command]]) -> Sequence[Reaction]:
    """Make the reaction of a rule: it returns the commands, of the event and the platform's organisation."""

    async def react(recorded: AnyEvent, run: ReactionRun) -> None:
        for command in rule(recorded, run.organisation_id):
            await run.send(command)

    return (react,)
