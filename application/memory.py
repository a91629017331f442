"""What the handler knows of streams while it decides: their states, read once and advanced by its own decisions.

And what it still knows of them from before (`Recent`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from application.ports import EventStore, StreamEvents
from domain.kernel import Decider

S = TypeVar("S")

MAX_REMEMBERED = 50_000
"""After so many new streams, those not used since the last time this was reached are forgotten."""

MAX_RECENT = 50_000
"""How many streams a process knows the last state of."""


@dataclass(slots=True)
class Recent:
    """States that single commands read for their decisions, for the next ones: shared by all commands of a process.

    Any of them can be out of date, since others write to the log too. What is decided on them counts only if the log
    accepts it, and the log compares the version of every stream that was read for the decision.
    """

    states: OrderedDict[str, tuple[int, Any]] = field(default_factory=OrderedDict)

    def keep(self, states: Mapping[str, tuple[int, Any]]) -> None:
        """Remember states with their versions; those that were not used for longest go."""
        for stream, state in states.items():
            self.states[stream] = state
            self.states.move_to_end(stream)
        while len(self.states) > MAX_RECENT:
            self.states.popitem(last=False)

    def forget(self, streams: Iterable[str]) -> None:
        for stream in streams:
            self.states.pop(stream, None)


@dataclass(slots=True)
class Memory:
    """The states read for a list of orders, advanced by what was decided on them: the handler's `Known`.

    What is asked for and not there yet is noted as missing; the asker sees the initial state and is asked again.
    """

    store: EventStore
    states_by_stream: dict[str, tuple[int, Any]] = field(default_factory=dict)
    older: Mapping[str, tuple[int, Any]] = field(default_factory=dict)
    streams_by_prefix: dict[str, list[str]] = field(default_factory=dict)
    created: dict[str, list[str]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    advanced: set[str] = field(default_factory=set)
    """The streams that were decided on since the list of orders began."""

    lacking: bool = False
    """Whether anything that was asked for since this was last set to false was missing."""

    missing: dict[str, Decider[Any, Any, Any]] = field(default_factory=dict)
    missing_prefixes: dict[str, Decider[Any, Any, Any]] = field(default_factory=dict)

    def state(self, decider: Decider[Any, S, Any], aggregate_id: str) -> S:
        stream = decider.stream(aggregate_id)
        self.touched.add(stream)
        if (known := self._known(stream)) is not None:
            state: S = known[1]
            return state
        self.missing[stream] = decider
        self.lacking = True
        return decider.initial

    def states(self, decider: Decider[Any, S, Any], id_prefix: str) -> Mapping[str, S]:
        assert id_prefix.endswith("."), "streams are found by the owner's part of a composite id: `owner.`"
        prefix = decider.stream(id_prefix)
        if (streams := self.streams_by_prefix.get(prefix)) is None:
            self.missing_prefixes[prefix] = decider
            self.lacking = True
            return {}
        self.touched.update(streams)
        start = len(decider.category) + 1
        return {stream[start:]: self.states_by_stream[stream][1] for stream in streams}

    async def load(self) -> None:
        """Read everything that was found missing."""
        if self.missing:
            found = await self.store.read(list(self.missing))
            for stream, decider in self.missing.items():
                self._remember(stream, decider, found[stream])
            self.missing = {}
        if self.missing_prefixes:
            by_prefix = await self.store.read_prefixes(list(self.missing_prefixes))
            for prefix, decider in self.missing_prefixes.items():
                streams = self.streams_by_prefix[prefix] = self.created.get(prefix, [])
                for stream, events in by_prefix[prefix].items():
                    self._remember(stream, decider, events)
                    if stream not in streams:
                        streams.append(stream)
            self.missing_prefixes = {}

    def advance(self, decider: Decider[Any, Any, Any], stream: str, events: Sequence[Any]) -> None:
        if not events:
            return
        version, state = self.states_by_stream[stream]
        if version == 0 and (owner := stream.partition("."))[1]:
            prefix = f"{owner[0]}."
            self.streams_by_prefix.get(prefix, self.created.setdefault(prefix, [])).append(stream)
        self.states_by_stream[stream] = (version + len(events), decider.fold(events, state))
        self.advanced.add(stream)

    def age(self) -> None:
        """Begin a new list of orders; forget the streams that were not used for long."""
        self.advanced.clear()
        if len(self.states_by_stream) > MAX_REMEMBERED:
            self.older, self.states_by_stream = self.states_by_stream, {}
            # What begins with a prefix is remembered whole or not at all.
            self.streams_by_prefix, self.created, self.positions = {}, {}, {}

    def forget(self) -> None:
        self.states_by_stream, self.older, self.positions = {}, {}, {}
        self.streams_by_prefix, self.created = {}, {}

    def _known(self, stream: str) -> tuple[int, Any] | None:
        found = self.states_by_stream.get(stream)
        if found is None and (found := self.older.get(stream)) is not None:
            self.states_by_stream[stream] = found
        return found

    def _remember(self, stream: str, decider: Decider[Any, Any, Any], found: StreamEvents) -> None:
        # A stream that was decided on in this round is ahead of what the log holds.
        if self._known(stream) is None:
            self.states_by_stream[stream] = (found.version, decider.fold(found.events))
            self.positions[stream] = found.position
