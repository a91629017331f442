"""Where the connection to the database is lost, every append in flight is settled as it really went."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from application.ports import Conflict, Idempotency, Receipt, Taken
from domain.kernel import Claim
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogUnavailableError
from tests.infrastructure.cutting_proxy import Cut, CuttingProxy, cutting_proxy
from tests.infrastructure.sample_counter import DECIDER, append

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
RAISED = "test.counter-raised.v1"


def log_at(url: str, **more: Any) -> PostgresLog:
    return PostgresLog(url, CODEC, b"key", **more)


def in_the_log(database_url: str) -> list[tuple[int, str, int]]:
    with psycopg.connect(database_url) as connection:
        reader = LogReader(CODEC)
        events = list(reader.read(connection, after=0, until=reader.head(connection)))
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    return [(event.position, event.stream, event.version) for event in events]


CUTS = [
    [Cut.ANSWER],
    [Cut.REQUEST],
    [Cut.REQUEST, Cut.ANSWER],
    [Cut.ANSWER, Cut.ANSWER, Cut.REQUEST],
    [Cut.REQUEST, Cut.REQUEST, Cut.ANSWER, Cut.REQUEST],
    [Cut.REQUEST, Cut.NOTHING, Cut.ANSWER],
    [Cut.REQUEST, Cut.NOTHING, Cut.REQUEST, Cut.NOTHING, Cut.ANSWER],
]


@pytest.mark.parametrize("cuts", CUTS, ids="-then-".join)
async def test_each_append_in_flight_is_done_once_and_told_as_it_went(database_url: str, cuts: list[Cut]) -> None:
    async with cutting_proxy(database_url) as proxy, log_at(proxy.url) as log, log_at(database_url) as other:
        await log.append([append("counter-a", 1, at=0)])
        await other.append([append("counter-b", 1, at=0)])  # the head is not where `log` saw it last
        proxy.cut_next(*cuts)
        outcomes = await asyncio.gather(
            log.append([append("counter-a", 2, 3, at=1)]),
            log.append([append("counter-b", 2, at=0)]),
            log.append([append("counter-c", 4, at=0), append("counter-c", 5, at=1)]),
        )
        assert not proxy.cuts
    assert list(outcomes) == [
        [Receipt(stream="counter-a", version=3, position=4, events=(RAISED, RAISED))],
        [Conflict("counter-b")],
        [
            Receipt(stream="counter-c", version=1, position=5, events=(RAISED,)),
            Receipt(stream="counter-c", version=2, position=6, events=(RAISED,)),
        ],
    ]
    assert in_the_log(database_url)[2:] == [
        (3, "counter-a", 2),
        (4, "counter-a", 3),
        (5, "counter-c", 1),
        (6, "counter-c", 2),
    ]


async def test_a_claim_and_a_key_survive_a_lost_answer(database_url: str) -> None:
    key = Idempotency(organisation_id="organisation", key="k", fingerprint=b"1")
    async with cutting_proxy(database_url) as proxy, log_at(proxy.url) as log:
        proxy.cut_next(Cut.ANSWER)
        wish = append("counter-a", 1, at=0, claims=[Claim("label", "x")], idempotency=key)
        (receipt,) = await log.append([wish])
        assert isinstance(receipt, Receipt)
        assert (await log.append([wish])) == [receipt._replace(repeated=True)]
        assert await log.holder(Claim("label", "x")) == "counter-a"
        nothing = append("counter-a", at=1, idempotency=Idempotency(organisation_id="o", key="k", fingerprint=b"2"))
        proxy.cut_next(Cut.ANSWER)
        (repeated,) = await log.append([nothing])
        assert isinstance(repeated, Receipt)
        assert (repeated.position, repeated.events) == (1, ())
    assert in_the_log(database_url) == [(1, "counter-a", 1)]


async def test_a_request_that_arrives_late_writes_nothing_after_its_caller_was_told(database_url: str) -> None:
    claim = Claim("label", "x")
    async with cutting_proxy(database_url) as proxy, log_at(proxy.url) as log, log_at(database_url) as other:
        await other.append([append("counter-b", 1, at=0, claims=[claim])])
        proxy.cut_next(Cut.LATE)
        told = await log.append([append("counter-a", 1, at=0, claims=[claim]), append("counter-c", 1, at=1)])
        assert [type(outcome) for outcome in told] == [Taken, Conflict]
        # What the late request presumes becomes true now.
        release = Claim("label", "x", release=True)
        await other.append([append("counter-b", 2, at=1, claims=[release]), append("counter-c", 7, at=0)])
        proxy.deliver.set()
        await proxy.delivered.wait()
        (outcome,) = await log.append([append("counter-a", 1, at=0)])
        assert isinstance(outcome, Receipt)
    written = [stream for _, stream, _ in in_the_log(database_url)]
    assert written == ["counter-b", "counter-b", "counter-c", "counter-a"]


async def test_a_session_that_is_ended_is_replaced_before_anybody_notices(database_url: str) -> None:
    async with log_at(database_url) as log:
        await log.append([append("counter-a", 1, at=0)])
        await log.read(["counter-a"])
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        (outcome,) = await log.append([append("counter-a", 2, at=1)])
        assert isinstance(outcome, Receipt)
        assert (await log.read(["counter-a"]))["counter-a"].version == 2


async def test_a_database_that_stays_away_is_told_and_the_next_append_works(database_url: str) -> None:
    async with cutting_proxy(database_url) as proxy, log_at(proxy.url, reconnect_timeout_s=0.2) as log:
        proxy.cut_next(Cut.ANSWER)
        proxy.refusing = True
        with pytest.raises(LogUnavailableError):
            await _cut(proxy, log)
        proxy.refusing = False
        # Nobody knew it then, and nobody claimed to: it had been written.
        assert (await log.append([append("counter-a", 1, at=0)])) == [Conflict("counter-a")]
        (outcome,) = await log.append([append("counter-a", 2, at=1)])
        assert isinstance(outcome, Receipt)
    assert in_the_log(database_url) == [(1, "counter-a", 1), (2, "counter-a", 2)]


async def _cut(proxy: CuttingProxy, log: PostgresLog) -> None:
    proxy.refusing = False
    appending = asyncio.ensure_future(log.append([append("counter-a", 1, at=0)]))
    await proxy.cut.wait()
    proxy.refusing = True
    await appending


async def test_a_stream_that_another_process_created_meanwhile_refuses_only_its_own_append(database_url: str) -> None:
    async with log_at(database_url) as log, log_at(database_url) as other:
        await other.append([append("counter-a", 1, at=0)])
        refused, written = await log.append([append("counter-a", 2, at=0), append("counter-b", 1, at=0)])
    assert refused == Conflict("counter-a")
    assert isinstance(written, Receipt)
    assert in_the_log(database_url) == [(1, "counter-a", 1), (2, "counter-b", 1)]
