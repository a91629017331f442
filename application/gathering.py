"""The input of a decision: the command with its facts, and the streams that were read for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from application.ports import Enriched, FactReader
from domain.kernel import AnyDecider, Command, DeciderOf

S = TypeVar("S")


class Versioned(NamedTuple):
    """The version of a stream, the state folded from its events up to there, and when the last of them took effect.

    Without events, `last_at` is None.
    """

    version: int
    state: Any
    last_at: datetime | None = None


NOTHING: Mapping[str, AnyDecider] = MappingProxyType({})


Lookup: TypeAlias = Callable[[Command], Awaitable[Command]]
"""Fills in the facts of a command that are not in the log, such as the state of a read model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which decider decides a command, and how the command learns its facts: from the log, or by a look-up elsewhere.

    Without its look-up, a command is decided on facts that are not known.
    """

    deciders: Mapping[type[Command], AnyDecider]
    readers: Mapping[type, FactReader]
    lookups: Mapping[type[Command], Lookup] = field(default_factory=dict)


class LoadedStates(Protocol):
    """States that are in memory. Stream names are `category-id`."""

    def find(self, stream: str) -> Versioned | None:
        """Return the state of a stream, None if it is not loaded."""

    def find_under(self, prefix: str) -> Sequence[str] | None:
        """Return the streams whose name begins with a prefix, None if they are not loaded."""


class Gathered(NamedTuple):
    """A command with its facts, as far as their states are loaded; `stream` is its own one.

    `fact_streams` are the streams that the facts were read from; `missing` and `missing_prefixes` have to be loaded
    first, unless both are empty.
    """

    enriched: Enriched[Command]
    decider: AnyDecider
    stream: str
    fact_streams: AbstractSet[str] = frozenset()
    missing: Mapping[str, AnyDecider] = NOTHING
    missing_prefixes: Mapping[str, AnyDecider] = NOTHING

    @property
    def complete(self) -> bool:
        return not (self.missing or self.missing_prefixes)


def gather(command: Command, rules: Rules, loaded: LoadedStates) -> Gathered:
    """Read the facts of a command from loaded states. The function is pure: its result names the streams it read."""
    decider, stream = own_stream(command, rules)
    reader = rules.readers.get(type(command))
    if reader is None:
        return Gathered(Enriched(command), decider, stream)
    reading = _Reading(loaded)
    enriched = reader(command, reading)
    return Gathered(enriched, decider, stream, reading.read, reading.missing, reading.missing_prefixes)


def own_stream(command: Command, rules: Rules) -> tuple[AnyDecider, str]:
    """Return the decider of a command, and the stream that its events go to."""
    decider = rules.deciders[type(command)]
    return decider, decider.stream(decider.aggregate_id(command))


@dataclass(slots=True)
class _Reading:
    """The states for one reader of facts: a state that is not loaded is the initial one, and noted as missing."""

    loaded: LoadedStates
    read: set[str] = field(default_factory=set)
    missing: dict[str, AnyDecider] = field(default_factory=dict)
    missing_prefixes: dict[str, AnyDecider] = field(default_factory=dict)

    def state(self, decider: DeciderOf[S], aggregate_id: str) -> S:
        stream = decider.stream(aggregate_id)
        self.read.add(stream)
        if (found := self.loaded.find(stream)) is None:
            self.missing[stream] = decider
            return decider.initial
        state: S = found.state
        return state

    def under(self, decider: DeciderOf[S], owner_id: str) -> Mapping[str, S]:
        prefix = decider.stream(f"{owner_id}.")
        if (streams := self.loaded.find_under(prefix)) is None:
            self.missing_prefixes[prefix] = decider
            return {}
        start = len(decider.category) + 1
        return {stream[start:]: self.state(decider, stream[start:]) for stream in streams}
