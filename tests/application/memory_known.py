"""A log in memory for tests: it informs commands by the real readers of facts, decides them, and keeps the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from application.ports import Enriched
from application.registry import READERS
from domain import identity, organisations
from domain.kernel import Command, Decider

S = TypeVar("S")

DECIDERS: Mapping[type[Command], Decider[Any, Any, Any]] = {
    command: decider for decider in (*organisations.DECIDERS, *identity.DECIDERS) for command in decider.rules
}


@dataclass
class MemoryKnown:
    streams: dict[str, list[Any]] = field(default_factory=dict)

    def state(self, decider: Decider[Any, S, Any], aggregate_id: str) -> S:
        return decider.fold(self.streams.get(decider.stream(aggregate_id), []))

    def under(self, decider: Decider[Any, S, Any], owner_id: str) -> Mapping[str, S]:
        return {key: state for key, state in self.all(decider).items() if key.startswith(f"{owner_id}.")}

    def all(self, decider: Decider[Any, S, Any]) -> Mapping[str, S]:
        begin = decider.stream("")
        ids = [stream.removeprefix(begin) for stream in self.streams if stream.startswith(begin)]
        return {aggregate_id: self.state(decider, aggregate_id) for aggregate_id in ids}

    def inform(self, command: Command) -> Enriched[Any]:
        reader = READERS.get(type(command))
        return Enriched(command) if reader is None else reader(command, self)

    def carry_out(self, command: Command) -> Sequence[Any]:
        """Inform and decide one command, and keep what it did; raise the refusal if it is refused."""
        decider = DECIDERS[type(command)]
        aggregate_id = decider.aggregate_id(command)
        events: Sequence[Any] = decider.decide(self.inform(command).command, self.state(decider, aggregate_id))
        self.streams.setdefault(decider.stream(aggregate_id), []).extend(events)
        return events
