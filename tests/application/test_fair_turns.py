"""Organisations take turns: never more than there are, never more than a share for one, and everybody comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.fair_turns import BusyError, FairTurns, TurnLimits

pytestmark = pytest.mark.anyio


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Requests:
    """Requests that each hold a turn until it is ended; they are named by their organisation and a number."""

    def __init__(self, turns: int, share: int, waiting: int = 100, wait_s: float = 60) -> None:
        self.turns = FairTurns(TurnLimits(turns=turns, share=share, waiting=waiting, wait_s=wait_s))
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ends: dict[str, asyncio.Event] = {}
        self.held: list[str] = []
        self.came: list[str] = []

    async def begin(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._hold(name))
            await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
            await settled()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self.tasks[name].cancel()
        await settled()

    async def _hold(self, name: str) -> None:
        async with self.turns.of(name[0]):
            self.held.append(name)
            self.came.append(name)
            try:
                await self.ends[name].wait()
            finally:
                self.held.remove(name)


@asynccontextmanager
async def requests(turns: int, share: int, **more: float) -> AsyncIterator[Requests]:
    made = Requests(turns, share, int(more.get("waiting", 100)), more.get("wait_s", 60))
    yield made
    await made.cancel(*made.tasks)
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)
    # Nothing is left: all turns can be taken again.
    await made.begin(*(f"{chr(ord('a') + place)}-last" for place in range(turns)))
    assert len(made.held) == turns
    await made.cancel(*made.tasks)
    await asyncio.gather(*made.tasks.values(), return_exceptions=True)


async def test_turns_above_a_share_stay_free_for_others() -> None:
    async with requests(turns=4, share=2) as made:
        await made.begin("a1", "a2", "a3", "b1")
        assert made.held == ["a1", "a2", "b1"]
        await made.end("a1")
        assert made.held == ["a2", "b1", "a3"]


async def test_organisations_come_one_after_the_other_and_requests_of_one_in_order() -> None:
    async with requests(turns=1, share=1) as made:
        await made.begin("a1", "a2", "a3", "b1", "b2", "c1")
        await made.end("a1", "b1", "c1", "a2", "b2", "a3")
        assert made.came == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_who_finds_too_many_of_its_own_waiting_is_busy_at_once_and_others_are_not() -> None:
    async with requests(turns=1, share=1, waiting=1) as made:
        await made.begin("a1", "a2", "a3", "b1")
        with pytest.raises(BusyError):
            await made.tasks["a3"]
        await made.end("a1", "a2", "b1")
        assert sorted(made.came) == ["a1", "a2", "b1"]


async def test_who_waits_too_long_is_busy_and_leaves_the_queue() -> None:
    async with requests(turns=1, share=1, waiting=1, wait_s=0.01) as made:
        await made.begin("a1", "a2")
        with pytest.raises(BusyError) as raised:
            await made.tasks["a2"]
        assert raised.value.retry_after_s == 1
        await made.begin("a3")
        await made.end("a1")
        assert made.came == ["a1", "a3"]


async def test_who_is_cancelled_while_waiting_leaves_the_queue() -> None:
    async with requests(turns=1, share=1) as made:
        await made.begin("a1", "a2", "a3", "b1")
        await made.cancel("a2", "b1")
        await made.end("a1")
        assert made.held == ["a3"]


async def test_a_turn_that_comes_at_the_moment_of_a_cancel_goes_to_the_next() -> None:
    async with requests(turns=1, share=1) as made:
        await made.begin("a1", "a2", "a3")
        made.ends["a1"].set()
        made.tasks["a2"].cancel()
        await settled()
        assert made.held == ["a3"]


async def test_a_turn_given_to_one_that_is_cancelled_before_it_runs_goes_to_the_next() -> None:
    turns = FairTurns(TurnLimits(turns=1, share=1))
    await turns.take("a")
    waits = [asyncio.create_task(turns.take("a")) for _ in range(2)]
    await settled()
    turns.give_back("a")
    waits[0].cancel()
    await settled()
    assert [wait.done() and not wait.cancelled() for wait in waits] == [False, True]


@pytest.mark.parametrize(
    ("turns", "share", "waiting", "wait_s"), [(0, 0, 1, 1), (2, 3, 1, 1), (2, 0, 1, 1), (1, 1, 1, 0)]
)
def test_limits_under_which_nobody_comes_are_refused(turns: int, share: int, waiting: int, wait_s: float) -> None:
    with pytest.raises(ValueError, match="share"):
        TurnLimits(turns=turns, share=share, waiting=waiting, wait_s=wait_s)


async def test_who_holds_turns_for_long_holds_fewer_and_more_again_after_short_ones() -> None:
    limits = TurnLimits(turns=8, share=4, long_s=0.05, long_share=1)
    turns = FairTurns(limits)

    async def held_at_once(lasted_s: float) -> int:
        """Take what is there for the taking, and give it back after so long."""
        waits = [asyncio.create_task(turns.take("a")) for _ in range(8)]
        await settled()
        held = sum(wait.done() for wait in waits)
        for _ in waits:
            turns.give_back("a", lasted_s)
            await settled()
        return held

    assert await held_at_once(0.01) == 2, "an organisation begins with few"
    turns = FairTurns(limits)
    await turns.take("a")
    seen = [await held_at_once(lasted_s) for lasted_s in (0.01, 0.01, 0.2, 0.2, 0.01, 0.01)]
    assert seen == [1, 3, 3, 0, 0, 3], "with the one that is held all the time"


# --- At random ------------------------------------------------------------------------------------------------------


async def _at_random(made: Requests, random: Random, organisations: Sequence[str], steps: int) -> None:
    acts: Sequence[Callable[[str], Awaitable[None]]] = (made.begin, made.begin, made.end, made.cancel)
    for number in range(steps):
        act = random.choice(acts)
        some = [name for name, task in made.tasks.items() if not task.done()]
        if act == made.begin:
            await made.begin(f"{random.choice(organisations)}{number}")
        elif some:
            await act(random.choice(some))
        _check(made)


def _check(made: Requests) -> None:
    limits, held = made.turns.limits, Counter(name[0] for name in made.held)
    assert held.total() <= limits.turns
    assert all(count <= limits.share for count in held.values())
    waiting = {name[0] for name, task in made.tasks.items() if not task.done() and name not in made.held}
    # Nobody waits who may have a turn that is free.
    assert held.total() == limits.turns or all(held[organisation] == limits.share for organisation in waiting)


@settings(max_examples=100)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32))
def test_at_random_no_turn_is_given_twice_or_lost_and_nobody_waits_in_vain(
    turns: int, share: int, organisations: int, seed: int
) -> None:
    async def play() -> None:
        async with requests(turns, min(share, turns)) as made:
            await _at_random(made, Random(seed), "abcd"[:organisations], steps=60)

    asyncio.run(play())


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 30))
def test_one_that_sends_much_does_not_keep_others_waiting(turns: int, many: int) -> None:
    async def play() -> None:
        async with requests(turns, turns) as made:
            await made.begin(*(f"a{number}" for number in range(turns + many)), "b")
            # However many wait, the next turn but one is b's at the latest.
            await made.end(*made.held[:1])
            await made.end(*made.held[:1])
            assert "b" in made.came

    asyncio.run(play())
