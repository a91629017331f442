"""What falls due is carried out once, whoever is killed and whatever clocks say; and its rows follow the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import psycopg
import pytest

from application.ports import Append
from domain.bus import TRANSACTION, TransactionAnswered
from domain.kernel import PersonalText
from domain.mailbox.message.model import MessagePublished, MessageSent
from domain.mailbox.message.rules import MESSAGE
from domain.mailbox.values import MessageChannel
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.deadlines.due import late_deadlines, read_due
from infrastructure.deadlines.leading import LIMITS, DeadlineLeader
from infrastructure.deadlines.trusted_clock import TrustedClock
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.leadership import leaders
from infrastructure.projector.rebuild.awaited import rebuild
from infrastructure.read_models.reading import ReadModels
from projections.deadlines.pending import READ_MODEL
from tests.infrastructure.deadline_leaders import (
    CONTEXT,
    Host,
    Leaders,
    deadlines_alone,
    leader_of,
    libfaketime,
    log_at,
    projecting,
    transactions_due,
    utc_now,
)
from tests.infrastructure.examples import example
from tests.infrastructure.sample_counter import DECIDER as COUNTER
from tests.infrastructure.sample_counter import CounterRaised
from tests.lengths import runs_longer, sized
from tests.waiting import until

pytestmark = pytest.mark.anyio

QUICK = replace(LIMITS, interval_s=0.05, batch=20, most=60, share=3)
TIMED_OUT = "bus.transaction-timed-out.v1"
EXPIRED, ALERTED = "mailbox.message-expired.v1", "mailbox.message-expiry-alerted.v1"
HOUR = timedelta(hours=1)
HOSTS: Sequence[Host] = ((0.0,), (300.0,), (-300.0,), (0.0, 3_600.0, 0.0, -3_600.0))


@dataclass
class Clock:
    """The platform's and the database's clock, set forward or back together or each alone."""

    platform: timedelta = timedelta()
    database: timedelta = timedelta()

    def set_both(self, by: timedelta) -> None:
        self.platform = self.database = by

    def platform_now(self) -> datetime:
        return utc_now() + self.platform

    def database_now(self, at: datetime) -> datetime:
        return at + self.database


@dataclass
class Site:
    """A platform in which deadlines are carried out while a leader runs."""

    addresses: Addresses
    log: PostgresLog
    reads: ReadModels
    owner: psycopg.Connection
    clock: Clock = field(default_factory=Clock)

    def leader(self, hold_s: float = 60.0) -> DeadlineLeader:
        return leader_of(
            self.addresses,
            self.log,
            self.reads,
            self.clock.platform_now,
            limits=QUICK,
            clock=TrustedClock(hold_s=hold_s),
            database_now=self.clock.database_now,
        )

    @asynccontextmanager
    async def led(self, hold_s: float = 60.0) -> AsyncIterator[DeadlineLeader]:
        leader = self.leader(hold_s)
        running = asyncio.create_task(leader.run())
        try:
            yield leader
        finally:
            leader.stop()
            await running

    @asynccontextmanager
    async def led_by_another(self) -> AsyncIterator[None]:
        """Lead by the clock of the machine until the block ends."""
        leader = leader_of(self.addresses, self.log, self.reads, limits=QUICK)
        running = asyncio.create_task(leader.run())
        try:
            yield
        finally:
            leader.stop()
            await running

    async def requests(self, number: int, due_at: datetime, *, source: str = "source", first: int = 0) -> None:
        await transactions_due(self.log, [(f"{source}-{it}", due_at, source) for it in range(first, first + number)])
        await self.shown()

    def events(self, *names: str) -> Counter[tuple[str, str]]:
        rows = self.owner.execute("SELECT stream, name FROM log.event WHERE name = ANY (%s)", (list(names),)).fetchall()
        return Counter((str(stream), str(name)) for stream, name in rows)

    def timed_out(self) -> int:
        found = self.events(TIMED_OUT)
        assert set(found.values()) <= {1}, "a deadline was carried out twice"
        return len(found)

    def pending(self) -> int:
        (row,) = self.owner.execute(f"SELECT count(*) FROM read.{READ_MODEL.table.name}").fetchall()  # noqa: S608
        return int(row[0])

    async def shown(self) -> None:
        """Wait until the rows are where the log is."""
        head = await self.log.head()

        async def caught_up() -> bool:
            place = (await self.reads.places())[READ_MODEL.table.name]
            return place.built and place.position >= head

        await until(caught_up, "the rows stay behind")


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    addresses = Addresses.at(database_url)
    async with AsyncExitStack() as stack:
        reads = await stack.enter_async_context(aclosing(ReadModels(addresses.reader, [READ_MODEL])))
        log = await stack.enter_async_context(log_at(addresses))
        owner = stack.enter_context(psycopg.connect(database_url, autocommit=True))
        stack.enter_context(projecting(addresses))
        here = Site(addresses, log, reads, owner)
        await here.shown()
        yield here


async def test_what_is_due_is_carried_out_and_its_row_goes(site: Site) -> None:
    stream = MESSAGE.stream("letter")
    expires_at = utc_now() + timedelta(seconds=1)
    sent = replace(
        example(MessageSent),
        expires_at=expires_at,
        channel=MessageChannel.DIGITAL,
        payment=None,
        subject=PersonalText(""),
    )
    context = replace(CONTEXT, effective_at=utc_now() - timedelta(days=30))
    await site.log.append(
        [Append(stream=stream, events=[sent, example(MessagePublished)], expected={stream: 0}, context=context)]
    )
    await site.requests(3, utc_now() - HOUR)
    await site.requests(1, utc_now() + HOUR, source="later")
    assert site.pending() == 6
    async with site.led():
        await until(lambda: site.pending() == 1, "something stays due")
    assert site.timed_out() == 3
    assert site.events(EXPIRED, ALERTED) == {(stream, EXPIRED): 1, (stream, ALERTED): 1}
    (acting, organisation, at) = site.owner.execute(
        "SELECT acting_id, organisation_id, effective_at FROM log.event WHERE name = %s", (EXPIRED,)
    ).fetchall()[0]
    assert (acting, organisation) == ("clock", "platform")
    assert expires_at <= at < expires_at + timedelta(seconds=10)


async def test_an_answer_in_time_leaves_nothing_to_do(site: Site) -> None:
    await site.requests(1, utc_now() + timedelta(seconds=0.5))
    stream = TRANSACTION.stream("source-0")
    answered = example(TransactionAnswered)
    await site.log.append([Append(stream=stream, events=[answered], expected={stream: 1}, context=CONTEXT)])
    async with site.led():
        await until(lambda: site.pending() == 0, "the row stays")
    assert site.timed_out() == 0


async def test_a_deadline_that_cannot_be_carried_out_holds_up_no_other(site: Site) -> None:
    await site.requests(5, utc_now() - HOUR)
    stream = TRANSACTION.stream("source-2")
    async with PostgresLog(site.addresses.writer, Codec([COUNTER]), b"key") as other:
        unknown = Append(stream=stream, events=[CounterRaised(amount=1)], expected={stream: 1}, context=CONTEXT)
        await other.append([unknown])
    async with site.led():
        await until(lambda: site.timed_out() == 4, "the others wait")
    assert site.pending() == 1


async def test_no_kind_or_organisation_waits_for_the_backlog_of_another(site: Site) -> None:
    now = utc_now()
    await site.requests(40, now - 2 * HOUR, source="large")
    await site.requests(2, now - HOUR, source="small")
    first = await read_due(site.reads.engine, now, {}, share=2, most=4)
    assert Counter(it.organisation_id for it in first) == {"large": 2, "small": 2}
    places = {(it.kind, it.organisation_id): it for it in first}
    following = await read_due(site.reads.engine, now, places, share=50, most=100)
    assert Counter(it.organisation_id for it in following) == {"large": 38}
    assert not {it.key for it in first} & {it.key for it in following}
    late = await late_deadlines(site.reads.engine, now - HOUR, most=10)
    assert (late.late, late.oldest_due_at) == (10, now - 2 * HOUR)


async def test_what_is_refused_waits_and_holds_up_nothing(site: Site) -> None:
    """The row of a stream that does not exist stands for one whose command is refused again and again."""
    site.owner.execute(
        f"INSERT INTO read.{READ_MODEL.table.name} VALUES ('bus-timeout', 'nowhere', '', %s, 'time-out-transaction',"  # noqa: S608
        " 'transaction-nowhere', 'source', '', '{}', '', '', %s)",
        (utc_now() - 3 * HOUR, utc_now()),
    )
    await site.requests(5, utc_now() - HOUR)
    async with site.led():
        await until(lambda: site.pending() == 1, "a refusal holds up the others")
    assert site.timed_out() == 5


async def test_a_clock_that_steps_back_does_nothing_twice(site: Site) -> None:
    await site.requests(5, utc_now() - timedelta(minutes=1))
    async with site.led() as leader:
        await until(lambda: site.pending() == 0, "something stays due")
        site.clock.set_both(-HOUR)
        await site.requests(3, utc_now() - timedelta(minutes=1), source="back")
        await until(lambda: leader.clock.status.jumped_s < -3_000, "the step is not noticed")
        await site.shown()
        assert (site.timed_out(), site.pending()) == (5, 3), "by the clock they are not due"
        site.clock.set_both(timedelta())
        await until(lambda: leader.clock.status.jumped_s > 3_000, "the way back is not noticed")
    async with site.led():
        await until(lambda: site.pending() == 0, "something is lost")
    assert site.timed_out() == 8


async def test_a_clock_that_jumps_forward_is_reported_before_it_counts(site: Site) -> None:
    await site.requests(5, utc_now() + HOUR / 2)
    async with site.led(hold_s=1.0) as leader:
        await until(lambda: leaders(site.owner), "nobody leads")
        site.clock.set_both(HOUR)
        await until(lambda: leader.clock.status.waits, "the jump is not noticed")
        assert site.timed_out() == 0
        await until(lambda: site.pending() == 0, "the time stands still")
    assert site.timed_out() == 5


@pytest.mark.parametrize("apart", [HOUR, -HOUR])
async def test_a_process_whose_clock_differs_gives_up_the_lead_until_it_is_set_right(
    site: Site, apart: timedelta, capsys: pytest.CaptureFixture[str]
) -> None:
    await site.requests(2, utc_now() + HOUR / 2)
    await site.requests(1, utc_now() - HOUR, source="due")
    async with site.led() as leader:
        await until(lambda: site.pending() == 2, "what is due waits")
        site.clock.platform = apart
        await until(lambda: not leaders(site.owner), "it leads on")
        assert round(leader.clock.status.ahead_s) == apart.total_seconds()
        await site.requests(1, utc_now() - HOUR, source="later")
        async with site.led_by_another():
            await until(lambda: site.pending() == 2, "another process does not take over")
        await until(lambda: not leaders(site.owner), "the other does not end")
        await site.requests(1, utc_now() - HOUR, source="last")
        site.clock.platform = timedelta()
        await until(lambda: site.pending() == 2, "what is due waits for more than the clock")
    assert site.timed_out() == 3
    assert capsys.readouterr().out.count("deadlines_given_up") == 1


async def test_a_rebuild_makes_the_same_rows(site: Site, database_url: str) -> None:
    await site.requests(5, utc_now() - HOUR)
    await site.requests(4, utc_now() + HOUR, source="later")
    async with site.led():
        await until(lambda: site.pending() == 4, "something stays due")
    await site.shown()
    (result,) = rebuild(Addresses.at(database_url).projector, deadlines_alone(), [READ_MODEL])
    assert result.equal
    assert site.pending() == 4


@runs_longer
@pytest.mark.timeout(3_600)
async def test_each_is_carried_out_once_whoever_is_killed_on_hosts_whose_clocks_differ(
    site: Site, database_url: str
) -> None:
    """The clocks of two hosts are five minutes off; that of another steps by an hour, forward and back.

    A long run has libfaketime set the clocks of whole processes; the short one sets what their leaders read.
    """
    number, kills = sized(600, long=100_000), sized(5, long=200)
    first_due_at, within_s = utc_now() + timedelta(seconds=2), sized(1, long=60)
    due = [(f"due-{it}", first_due_at + timedelta(seconds=within_s * it / number), "source") for it in range(number)]
    await transactions_due(site.log, due)
    await site.shown()
    environment = libfaketime() if sized(False, long=True) else {}
    with Leaders(database_url, HOSTS, environment) as running:
        while running.kills < kills:
            await asyncio.to_thread(running.kill_the_leader, site.owner)
            await asyncio.sleep(0.2)
        async with site.led():
            await until(lambda: site.pending() == 0, "something is lost", within_s=sized(60, long=600))
    assert site.timed_out() == number
    (early,) = site.owner.execute(
        "SELECT count(*) FROM log.event WHERE name = %s AND recorded_at < effective_at", (TIMED_OUT,)
    ).fetchall()
    assert early == (0,), "none before its time by the clock of the database"
