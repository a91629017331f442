"""Turns at something scarce, such as connections, shared fairly by organisations."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

WIDENED = 0.5
"""By so many turns an organisation may hold more after one that was not long."""


class BusyError(Exception):
    """No turn came in time: ask again after so many seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"busy for {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Turns(Protocol):
    """Gives turns, one organisation after the other; no organisation has more than its share at once."""

    def of(self, organisation_id: str) -> AbstractAsyncContextManager[None]:
        """Wait for a turn and hold it; raises BusyError where none comes in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """How many turns there are, how many one organisation holds at most, and how many of its requests wait how long.

    The turns above a share stay free for other organisations, so that these need not wait for the end of a long turn.
    With `long_s`, an organisation whose turns last longer than that holds ever fewer, at least `long_share`: many long
    reads at once would take the processors of the database from everybody's short ones.
    """

    turns: int
    share: int
    waiting: int = 100
    wait_s: float = 3.0
    long_s: float = math.inf
    long_share: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for limits under which nobody would ever have a turn."""
        if not 1 <= self.long_share <= self.share <= self.turns or self.waiting < 0 or self.wait_s <= 0:
            raise ValueError("a share is at least one turn and at most all, and a wait has a length")

    def after(self, window: float, lasted_s: float) -> float:
        """Return how many turns an organisation may hold after one: half of them after a long one, else some more."""
        if lasted_s > self.long_s:
            return max(window / 2, self.long_share)
        return min(window + WIDENED, self.share)


class FairTurns:
    """Gives each organisation that waits one turn after the other, in the order in which its requests came.

    It belongs to one event loop. Whoever is cancelled while waiting leaves the queue.
    """

    def __init__(self, limits: TurnLimits, waited: Callable[[float], None] | None = None) -> None:
        """Call `waited` with the seconds that a request waited for its turn, of those that had to wait."""
        self.limits = limits
        self._waited = waited
        self._free = limits.turns
        # One that is not known begins with few, unless no turn is too long.
        few = limits.share if limits.long_s == math.inf else 2 * limits.long_share
        self._window_of_new = float(min(few, limits.share))
        self._organisations: dict[str, _Organisation] = {}
        # Those that wait and hold less than their share, in the order of their next turns.
        self._next: OrderedDict[str, _Organisation] = OrderedDict()

    @property
    def held(self) -> int:
        """How many turns are held."""
        return self.limits.turns - self._free

    @property
    def waiting(self) -> int:
        """How many requests wait for a turn."""
        return sum(len(organisation.waiting) for organisation in self._organisations.values())

    def of(self, organisation_id: str) -> AbstractAsyncContextManager[None]:
        return _Turn(self, organisation_id)

    async def take(self, organisation_id: str) -> None:
        """Wait for a turn, which `give_back` ends; raises BusyError where none comes in time."""
        organisation = self._organisations.get(organisation_id)
        if organisation is None:
            organisation = self._organisations[organisation_id] = _Organisation(window=self._window_of_new)
        # A turn is free only where nobody waits who may have it.
        if self._free and organisation.may_hold_more:
            self._free -= 1
            organisation.held += 1
            return
        if len(organisation.waiting) >= self.limits.waiting:
            raise self._busy()
        await self._wait(organisation_id, organisation)

    def give_back(self, organisation_id: str, lasted_s: float = 0.0) -> None:
        organisation = self._organisations[organisation_id]
        organisation.window = self.limits.after(organisation.window, lasted_s)
        organisation.held -= 1
        self._free += 1
        if organisation.waiting and organisation.may_hold_more:
            self._next.setdefault(organisation_id, organisation)
        elif not organisation.held and not organisation.waiting:
            del self._organisations[organisation_id]
        while self._free and self._next:
            self._give()

    async def _wait(self, organisation_id: str, organisation: _Organisation) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        organisation.waiting.append(turn)
        if organisation.may_hold_more:
            self._next.setdefault(organisation_id, organisation)
        timer = loop.call_later(self.limits.wait_s, self._give_up, turn)
        began = loop.time()
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # The turn came, and its request was cancelled at the same time.
                self.give_back(organisation_id)
            else:
                self._leave(organisation_id, organisation, turn)
            raise
        finally:
            timer.cancel()
            if self._waited is not None:
                self._waited(loop.time() - began)

    def _give(self) -> None:
        """Give a free turn to the request that has waited longest of the organisation that comes next."""
        organisation_id, organisation = self._next.popitem(last=False)
        while organisation.waiting:
            turn = organisation.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._free -= 1
                organisation.held += 1
                break
        if organisation.waiting and organisation.may_hold_more:
            self._next[organisation_id] = organisation

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            turn.set_exception(self._busy())

    def _leave(self, organisation_id: str, organisation: _Organisation, turn: asyncio.Future[None]) -> None:
        if turn in organisation.waiting:
            organisation.waiting.remove(turn)
        if not organisation.waiting:
            self._next.pop(organisation_id, None)
            if not organisation.held and self._organisations.get(organisation_id) is organisation:
                del self._organisations[organisation_id]

    def _busy(self) -> BusyError:
        return BusyError(math.ceil(self.limits.wait_s))


@dataclass(slots=True)
class _Organisation:
    """The turns that an organisation holds, how many it may hold, and its requests that wait for one."""

    window: float
    held: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def may_hold_more(self) -> bool:
        return self.held < int(self.window)


class _Turn:
    """One turn, while it is held."""

    __slots__ = ("_began", "_organisation_id", "_turns")

    def __init__(self, turns: FairTurns, organisation_id: str) -> None:
        self._turns = turns
        self._organisation_id = organisation_id
        self._began = 0.0

    async def __aenter__(self) -> None:
        await self._turns.take(self._organisation_id)
        self._began = time.monotonic()

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._turns.give_back(self._organisation_id, time.monotonic() - self._began)
