"""The acts of administrators on one reactor, read from the log in their order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.reactors.reactor_store import ReactorStore

T = TypeVar("T")


class StoreCall(Protocol):
    """Calls a function with the store, in the thread of its connection."""

    def __call__(self, function: Callable[[ReactorStore], T], /) -> Awaitable[T]: ...


class ActReader:
    """Reads the acts after `position`, at most `limit` of all reactors at once."""

    def __init__(self, name: str, store: StoreCall, limit: int) -> None:
        self._name = name
        self._store = store
        self._limit = limit
        self.position = 0

    async def new(self) -> Sequence[AnyRecorded]:
        """Return the new acts on the reactor."""
        after, limit = self.position, self._limit

        def read(store: ReactorStore) -> tuple[int, Sequence[AnyRecorded]]:
            until = store.head()
            return until, store.acts(after, until, limit) if after < until else ()

        until, acts = await self._store(read)
        self.position = acts[-1].position if len(acts) == limit else max(until, after)
        return [act for act in acts if act.event.reactor == self._name]
