"""Calls that wait: bounded, executed together, and none waits behind more than one large append."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from application.ports import Append, Receipt
from infrastructure.codec import Codec
from infrastructure.event_log import log_statements as sql
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogBusyError
from infrastructure.postgres.group_calls import (
    MAX_BATCH_BYTES,
    MAX_PENDING_CALLS,
    MAX_RETRY_AFTER_S,
    MAX_SMALL_CALL_BYTES,
    GroupCallQueue,
)
from tests.infrastructure.sample_counter import CONTEXT, DECIDER, CounterRaised, append
from tests.infrastructure.sessions import until_blocked
from tests.waiting import until

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
MEGABYTE = 1 << 20


class HeldLog:
    """Somebody else who holds the lock of the log, so that appends wait."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def hold(self) -> None:
        self._connection.execute(sql.LOCK)

    def release(self) -> None:
        self._connection.rollback()


@pytest.fixture
def held(database_url: str) -> Iterator[HeldLog]:
    with psycopg.connect(database_url) as connection:
        yield HeldLog(connection)


def large(stream: str, size: int = 2 * MAX_SMALL_CALL_BYTES) -> Append:
    events = [CounterRaised(amount=1, label="x" * size)]
    return Append(stream=stream, events=events, expected={stream: 0}, context=CONTEXT)


async def test_a_full_queue_refuses_further_appends_and_writes_those_in_it(database_url: str, held: HeldLog) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        held.hold()
        first = asyncio.ensure_future(log.append([append("counter-first", 1, at=0)]))
        await until_blocked(database_url)  # it is being written while the others come
        waiting = [
            asyncio.ensure_future(log.append([append(f"counter-{n}", 1, at=0)])) for n in range(MAX_PENDING_CALLS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(LogBusyError) as busy:
            await log.append([append("counter-late", 1, at=0)])
        assert 1 <= busy.value.retry_after_s <= MAX_RETRY_AFTER_S
        held.release()
        outcomes = await asyncio.gather(first, *waiting)
        positions = [receipt.position for (receipt,) in outcomes if isinstance(receipt, Receipt)]
        assert sorted(positions) == list(range(1, MAX_PENDING_CALLS + 2))
        assert (await log.read(["counter-late"]))["counter-late"].version == 0
        (outcome,) = await log.append([append("counter-late", 1, at=0)])
        assert isinstance(outcome, Receipt)


async def test_memory_is_bounded_by_bytes_too(database_url: str, held: HeldLog) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        held.hold()
        waiting = [asyncio.ensure_future(log.append([large(f"counter-{n}", MEGABYTE)])) for n in range(100)]
        await until_blocked(database_url)
        busy = [each for each in waiting if each.done() and isinstance(each.exception(), LogBusyError)]
        assert 30 <= len(busy) <= 40
        held.release()
        outcomes = await asyncio.gather(*(each for each in waiting if each not in busy))
        assert all(isinstance(outcome, Receipt) for (outcome,) in outcomes)


async def test_one_call_alone_may_hold_more_than_the_queue(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        outcomes = await log.append([large(f"counter-{n}", 10 * MEGABYTE) for n in range(7)])
        assert [outcome.position for outcome in outcomes if isinstance(outcome, Receipt)] == list(range(1, 8))


async def test_small_appends_wait_behind_one_large_one_at_most(database_url: str, held: HeldLog) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        held.hold()
        order: list[str] = []

        async def send(one: Append) -> None:
            await log.append([one])
            order.append(one.stream)

        first = asyncio.ensure_future(send(append("counter-first", 1, at=0)))
        await until_blocked(database_url)  # it is being written while the others come
        sending = [asyncio.ensure_future(send(large(f"counter-large-{n}", 3 * MEGABYTE // 2))) for n in range(4)]
        sending += [asyncio.ensure_future(send(append(f"counter-small-{n}", 1, at=0))) for n in range(50)]
        await asyncio.sleep(0)
        held.release()
        await asyncio.gather(first, *sending)
    large_before_small = [name for name in order[: order.index("counter-small-49")] if "large" in name]
    assert len(large_before_small) <= 1
    assert "large" in order[-1]


async def connected_at_once() -> Any:
    """Make no connection: for calls that ask no database."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_large_appends_are_not_starved_by_small_ones(workers: int) -> None:
    """Each second batch is one of large appends for as long as any wait, however fast small ones come back."""
    batches: list[str] = []
    done = asyncio.Event()

    async def execute(_: object, calls: Sequence[int], __: bool) -> Sequence[int]:
        batches.append("large" if calls[0] > MAX_SMALL_CALL_BYTES else "small")
        await asyncio.sleep(0)
        return calls

    async def keep_busy() -> None:
        while not done.is_set():
            await queue.call(1)

    queue = GroupCallQueue[int, int](connected_at_once, [execute] * workers, reconnect_timeout_s=1)
    queue.start()
    busy = [asyncio.ensure_future(keep_busy()) for _ in range(8)]
    await until(lambda: batches, "nothing is executed")
    before = len(batches)
    async with asyncio.timeout(30):
        await asyncio.gather(*(queue.call(MAX_BATCH_BYTES, MAX_BATCH_BYTES) for _ in range(5)))
    until_served = batches[before:]
    assert before > 0
    done.set()
    await asyncio.gather(*busy)
    await queue.close()
    assert until_served.count("large") == 5
    assert until_served.count("small") <= 5 + workers
