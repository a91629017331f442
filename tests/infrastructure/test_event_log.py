"""The log: one suite for the log in PostgreSQL and its twin in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from application.handler import handle, handle_many
from application.ports import Conflict, Idempotency, OtherContent, Receipt, Taken
from domain.kernel import Claim, Duplicate, InvalidValue, Refusal, RuleBroken, StaleVersion
from infrastructure.codec import Codec, UnknownEventError
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.log_statements import AS_APPEND
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogUnavailableError
from tests.infrastructure.sample_counter import (
    AT,
    CONTEXT,
    DECIDER,
    RULES,
    CloseCounter,
    CounterRaised,
    append,
    order,
    raise_counter,
)
from tests.memory_log import MemoryLog

pytestmark = pytest.mark.anyio
CODEC = Codec([DECIDER])
Log = PostgresLog | MemoryLog


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    if request.param == "memory":
        yield MemoryLog(CODEC)
    else:
        async with PostgresLog(request.getfixturevalue("emptied_database_url"), CODEC, b"claim key") as log:
            yield log


async def test_what_is_appended_is_read_back_in_order(log: Log) -> None:
    await log.append([append("counter-a", 1, 2, at=0), append("counter-b", 9, at=0), append("counter-a", 3, at=2)])
    found = await log.read(["counter-a", "counter-b", "counter-none"])
    assert [event.amount for event in found["counter-a"].events] == [1, 2, 3]
    assert (found["counter-a"].version, found["counter-a"].position) == (3, 4)
    assert (found["counter-b"].version, found["counter-b"].position) == (1, 3)
    assert (found["counter-none"].version, found["counter-none"].position) == (0, 0)


async def test_positions_are_dense_and_versions_count_from_one(log: Log) -> None:
    outcomes = await log.append([append("counter-a", 1, 2, at=0), append("counter-b", 1, at=0)])
    names = ("test.counter-raised.v1",)
    assert outcomes == [
        Receipt(stream="counter-a", version=2, position=2, events=names * 2),
        Receipt(stream="counter-b", version=1, position=3, events=names),
    ]


async def test_a_version_conflict_refuses_only_that_append(log: Log) -> None:
    outcomes = await log.append(
        [append("counter-a", 1, at=0), append("counter-a", 2, at=0), append("counter-b", 3, at=0)]
    )
    assert isinstance(outcomes[0], Receipt)
    assert outcomes[1] == Conflict("counter-a")
    assert isinstance(outcomes[2], Receipt)
    assert outcomes[2].position == 2


async def test_a_stream_that_was_only_read_must_not_have_moved(log: Log) -> None:
    await log.append([append("counter-read", 1, at=0)])
    stale = replace(append("counter-a", 1, at=0), expected={"counter-a": 0, "counter-read": 0})
    fresh = replace(append("counter-a", 1, at=0), expected={"counter-a": 0, "counter-read": 1})
    stale_outcome, fresh_outcome = await log.append([stale, fresh])
    assert stale_outcome == Conflict("counter-read")
    assert isinstance(fresh_outcome, Receipt)


async def test_a_claimed_value_belongs_to_one_stream_until_it_is_released(log: Log) -> None:
    claim = Claim("label", "x")
    outcomes = await log.append(
        [
            append("counter-a", 1, at=0, claims=[claim]),
            append("counter-b", 1, at=0, claims=[claim]),
            append("counter-a", 1, at=1, claims=[replace(claim, release=True)]),
            append("counter-b", 1, at=0, claims=[claim]),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Receipt, Taken, Receipt, Receipt]
    assert await log.holder(claim) == "counter-b"
    (again,) = await log.append([append("counter-c", 1, at=0, claims=[claim])])
    assert again == Taken(claim)


async def test_the_same_key_answers_twice_and_decides_once(log: Log) -> None:
    key = Idempotency(organisation_id="organisation", key="k", fingerprint=b"1")
    (first,) = await log.append([append("counter-a", 1, at=0, idempotency=key)])
    second, other = await log.append(
        [
            append("counter-a", 1, at=0, idempotency=key),
            append("counter-a", 2, at=1, idempotency=replace(key, fingerprint=b"2")),
        ]
    )
    assert isinstance(first, Receipt)
    assert second == first._replace(repeated=True)
    assert other == OtherContent("k")
    assert (await log.read(["counter-a"]))["counter-a"].version == 1
    elsewhere = replace(key, organisation_id="another")
    assert await log.receipts([key, elsewhere]) == {key: first}


async def test_streams_are_found_by_the_owners_part_of_their_name(log: Log) -> None:
    await log.append([append(f"counter-{name}", 1, at=0) for name in ("p.a", "p.b", "p2.a", "q.a")])
    found = await log.read_prefixes(["counter-p.", "counter-z."])
    assert sorted(found["counter-p."]) == ["counter-p.a", "counter-p.b"]
    assert found["counter-z."] == {}


# --- The handler on both logs ---------------------------------------------------------------------------------------


async def test_a_command_is_decided_on_the_folded_stream(log: Log) -> None:
    await handle(order(raise_counter("a", amount=5)), log, RULES)
    receipt = await handle(order(raise_counter("a", amount=2)), log, RULES)
    assert (receipt.version, receipt.position) == (2, 2)


async def test_each_command_of_many_sees_what_the_ones_before_it_did(log: Log) -> None:
    limited = raise_counter("a", amount=2, limit_from="limit")
    answers = await handle_many(
        [order(limited), order(raise_counter("limit", amount=3)), order(limited), order(limited)], log, RULES
    )
    assert [type(answer) for answer in answers] == [RuleBroken, Receipt, Receipt, RuleBroken]


async def test_what_was_decided_on_the_word_of_a_fallen_command_is_decided_again(log: Log) -> None:
    await handle(order(raise_counter("holder", unique="x")), log, RULES)
    closes_nothing = [order(raise_counter("a", unique="x")), order(raise_counter("b", limit_from="a", amount=1))]
    answers = await handle_many(closes_nothing, log, RULES)
    assert [answer.code for answer in answers if isinstance(answer, Refusal)] == ["label-taken", "limit-reached"]
    assert (await log.read(["counter-b"]))["counter-b"].version == 0


async def test_a_repeated_wish_says_nothing_new(log: Log) -> None:
    await handle(order(raise_counter("a")), log, RULES)
    close = CloseCounter(at=AT, by="organisation", counter_id="a")
    first = await handle(order(close), log, RULES)
    again = await handle(order(close), log, RULES)
    assert (again.version, again.position, again.events) == (first.version, first.position, ())


async def test_a_key_with_other_content_a_stale_version_and_a_taken_value_are_refused(log: Log) -> None:
    await handle(order(raise_counter("a", unique="x"), key="k"), log, RULES)
    with pytest.raises(InvalidValue, match="idempotency key"):
        await handle(order(raise_counter("a"), key="k", fingerprint=b"2"), log, RULES)
    with pytest.raises(StaleVersion):
        await handle(order(raise_counter("a"), version=0), log, RULES)
    with pytest.raises(Duplicate, match="only once"):
        await handle(order(raise_counter("b", unique="x")), log, RULES)
    assert (await log.read(["counter-a"]))["counter-a"].version == 1


async def test_a_wish_granted_before_gets_its_first_answer_even_where_it_would_be_refused_now(log: Log) -> None:
    first = await handle(order(raise_counter("a"), key="k"), log, RULES)
    await handle(order(CloseCounter(at=AT, by="organisation", counter_id="a")), log, RULES)
    assert await handle(order(raise_counter("a"), key="k"), log, RULES) == first._replace(repeated=True)
    with pytest.raises(RuleBroken):
        await handle(order(raise_counter("a"), key="another"), log, RULES)
    with pytest.raises(InvalidValue, match="idempotency key"):
        await handle(order(raise_counter("a", amount=2), key="k", fingerprint=b"2"), log, RULES)


async def test_a_repeated_wish_does_not_mislead_those_after_it(log: Log) -> None:
    raised = order(raise_counter("limit", amount=1), key="k")
    first = await handle(raised, log, RULES)
    # Decided anew, the repetition would raise the limit to two.
    answers = await handle_many([raised, order(raise_counter("a", amount=2, limit_from="limit"))], log, RULES)
    assert answers[0] == first._replace(repeated=True)
    assert [answer.code for answer in answers if isinstance(answer, Refusal)] == ["limit-reached"]


async def test_lost_races_are_decided_again(log: Log) -> None:
    receipts = await asyncio.gather(*(handle(order(raise_counter("a")), log, RULES) for _ in range(3)))
    assert sorted(receipt.version for receipt in receipts) == [1, 2, 3]


# --- PostgreSQL only ------------------------------------------------------------------------------------------------


async def test_context_bytes_and_times_are_kept_exactly(database_url: str) -> None:
    context = replace(
        CONTEXT,
        subject_id="subject",
        mandate_id="mandate",
        activity="why",
        command_id="command",
        correlation_id="correlation",
        causation_id="cause",
        trace="00-trace",
        effective_at=AT - timedelta(days=900, microseconds=1),
    )
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([replace(append("counter-a", 7, at=0), context=context)])
        await log.append([append("counter-a", 8, at=1)])
    with psycopg.connect(database_url) as connection:
        first, second = LogReader(CODEC).read(connection, after=0, until=2)
        row = connection.execute("SELECT payload FROM log.event WHERE position = 1").fetchone()
    assert first.context == context
    assert first.event == CounterRaised(amount=7)
    assert row == (b'{"amount":7,"label":""}',)
    assert first.recorded_at <= second.recorded_at


async def test_the_database_itself_refuses_to_change_history(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", 7, at=0)])
    for change in ("UPDATE log.event SET version = 2", "DELETE FROM log.event", "TRUNCATE log.event"):
        with (
            psycopg.connect(database_url) as connection,
            pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
        ):
            connection.execute(change)


async def test_claimed_values_cannot_be_read_from_the_database(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", 7, at=0, claims=[Claim("national-number", "85073003328")])])
    with psycopg.connect(database_url) as connection:
        rows: list[Any] = connection.execute("SELECT encode(digest, 'escape'), stream FROM log.claim").fetchall()
    assert len(rows) == 1
    assert "85073003328" not in repr(rows)


async def test_writers_on_one_stream_have_one_winner_for_each_version(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as one, PostgresLog(database_url, CODEC, b"key") as other:
        for version in range(10):
            outcomes = await asyncio.gather(
                *(log.append([append("counter-a", n, at=version)]) for n in range(16) for log in (one, other))
            )
            assert sum(isinstance(outcome[0], Receipt) for outcome in outcomes) == 1
        assert (await one.read(["counter-a"]))["counter-a"].version == 10


async def test_two_processes_on_one_log_leave_no_gap(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as one, PostgresLog(database_url, CODEC, b"key") as other:
        await asyncio.gather(
            *(log.append([append(f"counter-{id(log)}-{n}", 1, at=0)]) for n in range(200) for log in (one, other))
        )
    with psycopg.connect(database_url) as connection:
        events = list(LogReader(CODEC).read(connection, after=0, until=1000))
    assert [event.position for event in events] == list(range(1, 401))
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(events))


async def test_an_append_that_the_database_cannot_hold_falls_alone(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        outcomes = await asyncio.gather(
            *(
                log.append([append(stream, 1, at=0)])
                for stream in ("counter-a", "counter-\0", "counter-\ud800", "counter-b")
            ),
            return_exceptions=True,
        )
        assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, True, False]
        assert (await log.read(["counter-b"]))["counter-b"].position == 2


async def test_an_answer_counts_only_when_its_commit_has_been_answered_too(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "CREATE CONSTRAINT TRIGGER commit_fails AFTER INSERT ON log.commit DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION log.refuse_change()"
        )
        async with PostgresLog(database_url, CODEC, b"key") as log:
            with pytest.raises(psycopg.errors.RestrictViolation):
                await log.append([append("counter-a", 1, at=0)])
            assert (await log.read(["counter-a"]))["counter-a"].version == 0
            owner.execute("DROP TRIGGER commit_fails ON log.commit")
            (outcome,) = await log.append([append("counter-a", 1, at=0)])
            assert isinstance(outcome, Receipt)
            assert outcome.position == 1


async def test_the_log_goes_on_after_an_append_that_fell_while_the_log_was_held(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", 1, at=0)])
        for version in (1, 2):
            # The stale version makes the log look closer, in a transaction; that is then rolled back, since no index
            # holds a name as long as this.
            too_long = f"counter-{random.Random(version).randbytes(9_000).hex()}"
            with pytest.raises(LogUnavailableError):
                await log.append([append("counter-a", 2, at=7), append(too_long, 1, at=0)])
            (outcome,) = await log.append([append("counter-a", 2, at=version)])
            assert isinstance(outcome, Receipt)


async def test_an_event_that_cannot_be_read_stops_only_those_who_ask_for_its_stream(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        await log.append([append("counter-a", 1, at=0), append("counter-b", 2, at=0)])
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(AS_APPEND)
            connection.execute(
                "INSERT INTO log.event SELECT 3, recorded_at, effective_at, 2, stream, 'a.newer-event.v9', payload, "
                "'', '', '', '', '', '', '', '', '' FROM log.event WHERE stream = 'counter-a'"
            )
        unreadable, readable = await asyncio.gather(
            log.read(["counter-a"]), log.read(["counter-b"]), return_exceptions=True
        )
        assert isinstance(unreadable, UnknownEventError)
        assert not isinstance(readable, BaseException)
        assert readable["counter-b"].version == 1
        assert (await log.read(["counter-b"]))["counter-b"].version == 1


async def test_the_receipts_of_many_commands_are_kept_together(log: Log) -> None:
    keys = [Idempotency(organisation_id="organisation", key=f"k-{n}", fingerprint=b"1") for n in range(3)]
    amounts: list[list[int]] = [[1, 2], [], [3]]
    outcomes = await log.append(
        [append(f"counter-{n}", *amounts[n], at=0, idempotency=key) for n, key in enumerate(keys)]
    )
    assert await log.receipts(keys) == dict(zip(keys, outcomes, strict=True))
    assert [len(receipt.events) for receipt in outcomes if isinstance(receipt, Receipt)] == [2, 0, 1]


async def test_closing_serves_everyone_in_line_first(database_url: str) -> None:
    async with PostgresLog(database_url, CODEC, b"key") as log:
        waiting = [asyncio.ensure_future(log.append([append(f"counter-{n}", 1, at=0)])) for n in range(100)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting)
    assert sorted(receipt.position for (receipt,) in outcomes if isinstance(receipt, Receipt)) == list(range(1, 101))
    with pytest.raises(LogUnavailableError):
        await log.append([append("counter-z", 1, at=0)])


async def test_a_name_that_this_release_does_not_know_is_an_error() -> None:
    with pytest.raises(UnknownEventError, match="unknown"):
        CODEC.decode("unknown.v1", b"{}")
