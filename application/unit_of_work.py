"""The states for deciding commands: loaded once, and advanced by the decided events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.gathering import Gathered, Versioned
from application.ports import EventStore, StreamEvents
from domain.kernel import AnyDecider

MAX_STREAMS = 50_000
"""How many states a unit of work or a cache holds."""


@dataclass(slots=True)
class StateCache:
    """States that single commands were decided on, for the next ones: shared by all commands of a process.

    Any of them can be out of date, since others write to the log too. An append on them counts only if the log accepts
    it, and the log compares the version of every stream that was read for the decision.
    """

    max_streams: int = MAX_STREAMS
    states: OrderedDict[str, Versioned] = field(default_factory=OrderedDict)

    def keep(self, states: Mapping[str, Versioned]) -> None:
        """Keep states with their versions; the least recently used ones go."""
        for stream, state in states.items():
            self.states[stream] = state
            self.states.move_to_end(stream)
        while len(self.states) > self.max_streams:
            self.states.popitem(last=False)

    def forget(self, streams: Iterable[str]) -> None:
        for stream in streams:
            self.states.pop(stream, None)


@dataclass(slots=True)
class UnitOfWork:
    """The loaded states of a list of commands, advanced by the decided events.

    A caller with many lists, one after the other, can lend the same unit of work to each, so that no stream is read
    twice. After `max_streams` new streams, those that were not used since the last time this was reached go.
    """

    store: EventStore
    max_streams: int = MAX_STREAMS
    older: Mapping[str, Versioned] = field(default_factory=dict)
    states: dict[str, Versioned] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    advanced: set[str] = field(default_factory=set)
    """The streams that were decided on since the list of commands began."""

    _under: dict[str, list[str]] = field(default_factory=dict)
    _created: dict[str, list[str]] = field(default_factory=dict)

    def find(self, stream: str) -> Versioned | None:
        found = self.states.get(stream)
        if found is None and (found := self.older.get(stream)) is not None:
            self.states[stream] = found
        return found

    def find_under(self, prefix: str) -> Sequence[str] | None:
        return self._under.get(prefix)

    async def load(self, gathered: Iterable[Gathered]) -> None:
        """Read the missing states of some commands from the log: those of their facts, and their own."""
        missing: dict[str, AnyDecider] = {}
        missing_prefixes: dict[str, AnyDecider] = {}
        for each in gathered:
            missing.update(each.missing)
            if self.find(each.stream) is None:
                missing[each.stream] = each.decider
            missing_prefixes.update(each.missing_prefixes)
        if missing:
            streams = await self.store.read(list(missing))
            for stream, decider in missing.items():
                self._add(stream, decider, streams[stream])
        if missing_prefixes:
            by_prefix = await self.store.read_prefixes(list(missing_prefixes))
            for prefix, decider in missing_prefixes.items():
                found = self._under[prefix] = self._created.get(prefix, [])
                for stream, events in by_prefix[prefix].items():
                    self._add(stream, decider, events)
                    if stream not in found:
                        found.append(stream)

    def advance(self, decider: AnyDecider, stream: str, events: Sequence[object], at: datetime) -> None:
        """Go on from the state that events lead to, which took effect at an instant."""
        if not events:
            return
        version, state, _ = self.states[stream]
        if version == 0 and (owner := stream.partition("."))[1]:
            prefix = f"{owner[0]}."
            self._under.get(prefix, self._created.setdefault(prefix, [])).append(stream)
        self.states[stream] = Versioned(version + len(events), decider.fold(events, state), at)
        self.advanced.add(stream)

    def begin(self) -> None:
        """Begin a new list of commands; forget streams that were not used for long."""
        self.advanced.clear()
        if len(self.states) > self.max_streams:
            self.older, self.states = self.states, {}
            # The streams of a prefix are loaded together, or not at all.
            self._under, self._created, self.positions = {}, {}, {}

    def forget(self) -> None:
        self.states, self.older, self.positions = {}, {}, {}
        self._under, self._created = {}, {}

    def _add(self, stream: str, decider: AnyDecider, found: StreamEvents) -> None:
        # A stream that was decided on in this list is ahead of the log.
        if self.find(stream) is None:
            self.states[stream] = Versioned(found.version, decider.fold(found.events), found.last_at)
            self.positions[stream] = found.position
