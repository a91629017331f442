"""Limits and used ids that all processes on a database keep together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import psycopg
import pytest

from api.web.shared_buckets import LEASES_PER_MINUTE, SharedBuckets
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.postgres.failures import LogUnavailableError
from infrastructure.postgres.shared_limits import SharedLimits
from infrastructure.tokens.used_ids import UsedIds
from tests.databases import gone
from tests.waiting import until

pytestmark = pytest.mark.anyio

PER_MINUTE = 600


def keyed_hash(content: bytes) -> bytes:
    return content.rjust(32)[::-1]


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[Sequence[SharedLimits]]:
    """What two processes have of the limits."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(SharedLimits(database_url, keyed_hash)) for _ in range(2)]


def buckets(processes: Sequence[SharedLimits], per_minute: int = PER_MINUTE) -> list[SharedBuckets]:
    """Return the limit of each process, where the time of leases stands still."""
    return [SharedBuckets("requests", per_minute, shared.lease, lambda: 0.0) for shared in processes]


async def exhausted(limits: Sequence[SharedBuckets], name: str, tokens: int = 1) -> int:
    """Ask the processes in turn until one refuses; return how many tokens were granted."""
    granted = 0
    while True:
        for limit in limits:
            if not (await limit.grant(name, tokens)).granted:
                return granted
            granted += tokens


async def test_processes_keep_one_limit(processes: Sequence[SharedLimits]) -> None:
    limits = buckets(processes)
    spent = await exhausted(limits, "org-a")
    share = PER_MINUTE // LEASES_PER_MINUTE
    # One of them may hold a lease when the other is refused; the shared bucket fills as time goes on.
    assert PER_MINUTE - 2 * share <= spent <= PER_MINUTE + 5 * share
    assert (await limits[0].grant("org-b")).granted


@pytest.mark.parametrize("per_minute", [1, 5])
async def test_a_low_limit_is_exact(processes: Sequence[SharedLimits], per_minute: int) -> None:
    limits = buckets(processes, per_minute)
    assert await exhausted(limits, "org-a") == per_minute
    refused = [await limit.grant("org-a") for limit in limits]
    assert [(it.granted, it.left) for it in refused] == [(False, 0)] * 2
    assert all(0 < it.enough_in_s <= 60 // per_minute for it in refused)


async def test_many_requests_at_once_take_no_more_than_there_is(processes: Sequence[SharedLimits]) -> None:
    limits = buckets(processes, 50)
    granted = await asyncio.gather(*(limits[n % 2].grant("org-a") for n in range(200)))
    assert sum(it.granted for it in granted) in range(50, 53)


async def test_many_first_requests_at_once_share_a_lease(processes: Sequence[SharedLimits]) -> None:
    one, other = buckets(processes, 60_000)
    assert all(it.granted for it in await asyncio.gather(*(one.grant("org-a") for _ in range(200))))
    assert (await other.grant("org-a")).left > 57_000


async def test_tokens_that_are_given_back_serve_another_process(processes: Sequence[SharedLimits]) -> None:
    (one, _) = buckets(processes, 5)
    assert await exhausted([one], "org-a") == 5
    one.give_back("org-a", 5)

    async def are_there() -> bool:
        (_, other) = buckets(processes, 5)
        return (await other.grant("org-a", 3)).granted

    await until(are_there, "the tokens do not come back")


async def test_a_request_under_a_high_limit_waits_for_nothing(processes: Sequence[SharedLimits]) -> None:
    asked = 0

    async def counted(name: str, per_minute: int, least: int, wanted: int) -> tuple[int, int] | None:
        nonlocal asked
        asked += 1
        return await processes[0].lease(name, per_minute, least, wanted)

    limit = SharedBuckets("requests", 60_000, counted, lambda: 0.0)
    for _ in range(5_000):
        assert (await limit.grant("org-a")).granted
        if asked > 1:
            await asyncio.sleep(0)
    assert asked <= 10


async def test_without_the_database_each_process_keeps_the_limit_by_itself(
    postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with SharedLimits(database_url, keyed_hash) as shared:
        (limit,) = buckets([shared], 5)
        assert (await limit.grant("org-a")).granted
        with gone(postgres, database_url):
            assert await exhausted([limit], "org-a") == 5


async def test_an_id_is_used_once_whatever_process_sees_it(processes: Sequence[SharedLimits]) -> None:
    one, other = (UsedIds(elsewhere=shared.is_first_use) for shared in processes)
    assert [await used.is_first_anywhere("key", "id", now=0, until=60) for used in (one, one, other)] == [
        True,
        False,
        False,
    ]
    at_once = [used.is_first_anywhere("key", "other", now=0, until=60) for used in (one, other)]
    assert sorted(await asyncio.gather(*at_once)) == [False, True]


async def test_without_the_database_no_id_is_taken(postgres: EmbeddedPostgres, database_url: str) -> None:
    async with SharedLimits(database_url, keyed_hash, reconnect_timeout_s=0.1) as shared:
        with gone(postgres, database_url), pytest.raises(LogUnavailableError):
            await UsedIds(elsewhere=shared.is_first_use).is_first_anywhere("key", "id", now=0, until=60)


async def test_what_is_over_is_forgotten(processes: Sequence[SharedLimits], database_url: str) -> None:
    shared = processes[0]
    digests = [os.urandom(16) for _ in range(3)]
    assert [await shared.is_first_use(digest, seconds) for digest, seconds in zip(digests, (0, 60, 0), strict=True)]
    for number in range(5):
        await shared.lease(f"requests org-{number}", 60, 1, 1)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "UPDATE limits.bucket SET at = at - interval '61 seconds' WHERE key = (SELECT min(key) FROM limits.bucket)"
        )
        owner.execute("SELECT limits.clean(3)")
        assert owner.execute("SELECT count(*) FROM limits.bucket").fetchone() == (3,)
        assert owner.execute("SELECT digest FROM limits.used_id").fetchall() == [(digests[1],)]
    # An id whose time is over may be used again.
    assert await shared.is_first_use(digests[0], 60)
