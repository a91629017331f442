"""Single commands share what they read of other streams: it spares reading, and changes no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from application.handler import CommandEnvelope, handle
from application.ports import Receipt, StreamEvents
from application.unit_of_work import StateCache
from domain.kernel import Duplicate, InvalidValue, RuleBroken, StaleVersion
from infrastructure.codec import Codec
from tests.infrastructure.sample_counter import DECIDER, RULES, CounterRaised, append, order, raise_counter
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio


class WatchedLog(MemoryLog):
    """Notes what is read."""

    def __init__(self) -> None:
        super().__init__(Codec([DECIDER]))
        self.was_read: list[str] = []

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        self.was_read += streams
        return await super().read(streams)


@pytest.fixture
def log() -> WatchedLog:
    return WatchedLog()


@pytest.fixture
def cache() -> StateCache:
    return StateCache()


def _limited(counter_id: str, **more: int) -> CommandEnvelope:
    return order(raise_counter(counter_id, limit_from="limit", **more))


async def test_what_many_decisions_rest_on_is_read_once(log: WatchedLog, cache: StateCache) -> None:
    await log.append([append("counter-limit", 3, at=0)])
    for counter_id in ("a", "b", "c"):
        await handle(_limited(counter_id), log, RULES, cache)
    assert sorted(log.was_read) == ["counter-a", "counter-b", "counter-c", "counter-limit"]


async def test_what_is_created_is_not_looked_for(log: WatchedLog, cache: StateCache) -> None:
    receipt = await handle(replace(order(raise_counter("a")), creates=True), log, RULES, cache)
    assert (receipt.version, log.was_read) == (1, [])


async def test_what_is_created_and_is_there_already_is_decided_on_as_it_is(log: WatchedLog, cache: StateCache) -> None:
    await log.append([append("counter-a", 1, at=0)])
    receipt = await handle(replace(order(raise_counter("a")), creates=True), log, RULES, cache)
    assert receipt.version == 2


async def test_what_others_wrote_meanwhile_counts(log: WatchedLog, cache: StateCache) -> None:
    await log.append([append("counter-limit", 3, at=0)])
    await handle(_limited("a"), log, RULES, cache)
    await log.append([append("counter-limit", -2, at=1)])
    with pytest.raises(RuleBroken):
        await handle(_limited("b", amount=2), log, RULES, cache)
    assert [row.stream for row in log.rows] == ["counter-limit", "counter-a", "counter-limit"]


async def test_a_refusal_never_rests_on_what_is_remembered(log: WatchedLog, cache: StateCache) -> None:
    await log.append([append("counter-limit", 1, at=0)])
    await handle(_limited("a"), log, RULES, cache)
    await log.append([append("counter-limit", 2, at=1)])
    assert isinstance(await handle(_limited("a", amount=2), log, RULES, cache), Receipt)


async def test_what_misled_once_is_read_again_only_once(log: WatchedLog, cache: StateCache) -> None:
    await log.append([append("counter-limit", 1, at=0)])
    await handle(_limited("a"), log, RULES, cache)
    await log.append([append("counter-limit", 9, at=1)])
    for counter_id in ("b", "c", "d"):
        await handle(_limited(counter_id), log, RULES, cache)
    assert log.was_read.count("counter-limit") == 3  # first; when it had moved; for the next, which is kept


async def test_a_command_sees_what_the_one_before_it_did(log: WatchedLog, cache: StateCache) -> None:
    for version in (1, 2, 3):
        assert (await handle(order(raise_counter("a")), log, RULES, cache)).version == version


async def test_a_repeated_wish_gets_the_first_answer_and_leaves_no_wrong_state(
    log: WatchedLog, cache: StateCache
) -> None:
    wish = order(raise_counter("a", amount=5), key="k")
    first = await handle(replace(wish, creates=True), log, RULES, cache)
    later = replace(wish, command=raise_counter("a", amount=1), creates=True)
    assert await handle(later, log, RULES, cache) == first._replace(repeated=True)
    await handle(order(raise_counter("b", amount=5, limit_from="a")), log, RULES, cache)
    assert [row.name for row in log.rows] == ["test.counter-raised.v1"] * 2
    assert (await log.read(["counter-b"]))["counter-b"].events == (CounterRaised(amount=5),)


async def test_the_log_refuses_as_it_does_without_memory(log: WatchedLog, cache: StateCache) -> None:
    await handle(order(raise_counter("a", unique="x"), key="k"), log, RULES, cache)
    with pytest.raises(Duplicate):
        await handle(order(raise_counter("b", unique="x")), log, RULES, cache)
    with pytest.raises(InvalidValue):
        await handle(order(raise_counter("a"), key="k", fingerprint=b"2"), log, RULES, cache)
    with pytest.raises(StaleVersion):
        await handle(order(raise_counter("a"), version=7), log, RULES, cache)


async def test_only_so_many_streams_are_remembered(log: WatchedLog) -> None:
    cache = StateCache(max_streams=2)
    for name in ("l", "m", "n"):
        await log.append([append(f"counter-{name}", 3, at=0)])
        await handle(order(raise_counter("a", limit_from=name)), log, RULES, cache)
    assert set(cache.states) == {"counter-a", "counter-n"}
