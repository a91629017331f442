"""The sample history through the command path: the figures that follow from its events, and runs that were cut off."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any

import psycopg
import pytest

from application.gathering import Rules
from application.handler import handle_many
from application.ports import Append, Idempotency, Outcome
from application.registry import BY_COMMAND, READERS
from domain import access, operation, reactors
from domain.bus import TransactionAccepted
from domain.contexts import DECIDERS
from domain.erasure.rules import ERASURE
from domain.identity.session import AuthenticationRefused, AuthenticationSucceeded, OpenSession, ServiceAccessed
from domain.identity.values import Means
from domain.invoicing.model import InvoiceReceived
from domain.kernel import Jurisdiction, Recorded
from domain.mailbox.message.model import MessageOpened, MessagePublished, MessageSent
from infrastructure.codec import Codec
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.event_log.resolve import EventRow
from projections import consents, enrolments, open_rates, service_use, services
from projections.effects import Add
from projections.figures.index import ServiceLife, chain
from projections.figures.period import Period
from projections.read_model import ReadModel
from projections.registry import PROJECTIONS
from projections.words import civil_month
from sample.history import commands
from sample.runner import NotThisSampleError, SampleProgress, SampleRefusedError, chunks, run_sample
from tests.memory_keys import MemoryKeys
from tests.memory_log import MemoryLog
from tests.memory_rows import MemoryRows
from tests.sample_expectations import ExpectedFigure, expected_figures, expected_index, expected_open_rates

pytestmark = pytest.mark.anyio

SEED = 7
SCALE = Fraction(1, 100)
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
Events = Sequence[Recorded[Any]]


@pytest.fixture(scope="module")
async def events() -> Events:
    log = MemoryLog(Codec(DECIDERS))
    await run_sample(log, RULES, seed=SEED, scale=SCALE)
    return list(log.recorded())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


# --- What follows from the events -----------------------------------------------------------------------------------


def _rows(projection: ReadModel, events: Events) -> list[dict[str, Any]]:
    memory = MemoryRows(projection)
    for event in events:
        memory.apply(event)
    keys = [column.name for column in projection.table.columns if column.primary_key]
    return [{**dict(zip(keys, key, strict=True)), **row} for key, row in memory.rows.items()]


async def test_the_key_of_each_row_names_the_stream_or_the_position_of_its_event(events: Events) -> None:
    """A trace cannot tell whether a field of the event repeats the stream's id, as a rebuild by streams needs it."""
    owned, others = set(), []
    for recorded in events:
        for read_model in PROJECTIONS:
            rule = read_model.rules.get(type(recorded.event))
            for effect in () if rule is None else rule(recorded):
                if isinstance(effect, Add):
                    continue
                owned.add(read_model.name)
                if not {recorded.aggregate_id, recorded.position} & set(effect.key):
                    others.append((read_model.name, type(recorded.event).__name__))
    assert others == []
    assert owned >= {"keys", "mandates", "consents", "messages", "invoices", "bus_transactions", "organisations"}


def _during(events: Events, kind: type[Any], jurisdiction: Jurisdiction, period: str) -> Events:
    months = Period.parse(period).months
    return [
        it
        for it in events
        if isinstance(it.event, kind)
        and it.event.jurisdiction is jurisdiction
        and civil_month(it.context.effective_at) in months
    ]


def _standing(rows: Sequence[dict[str, Any]], jurisdiction: str, begun: str, ended: str, at: datetime) -> list[Any]:
    return [
        row
        for row in rows
        if row["jurisdiction"] == jurisdiction and row[begun] <= at and (row[ended] is None or row[ended] > at)
    ]


def _count(events: Events, figure: ExpectedFigure, period: str) -> int:  # noqa: PLR0911 - one for each figure
    jurisdiction, at = figure.jurisdiction, Period.parse(period).last_instant
    match figure.definition:
        case "authentications":
            found = _during(events, AuthenticationSucceeded, jurisdiction, period)
            return sum(not figure.means or it.event.means in figure.means for it in found)
        case "messages_sent":
            return len(_during(events, MessageSent, jurisdiction, period))
        case "sending_organisations":
            return len({it.event.sender_id for it in _during(events, MessageSent, jurisdiction, period)})
        case "messages_to_active_mailboxes":
            months = Period.parse(period).months
            publications = [it.event.publication for it in events if isinstance(it.event, MessagePublished)]
            return sum(
                it.jurisdiction is jurisdiction and civil_month(it.published_at) in months for it in publications
            )
        case "bus_transactions":
            return len(_during(events, TransactionAccepted, jurisdiction, period))
        case "invoices_received":
            return len(_during(events, InvoiceReceived, jurisdiction, period))
        case "active_consents" | "unique_mailbox_users":
            grants = _standing(_rows(consents.READ_MODEL, events), jurisdiction, "granted_at", "withdrawn_at", at)
            users = {row["person_id"] for row in grants}
            return len(grants if figure.definition == "active_consents" else users)
        case "connected_services":
            return len(_standing(_rows(services.READ_MODEL, events), jurisdiction, "registered_at", "closed_at", at))
        case "senders_connected" | "invoice_receivers":
            role = {"senders_connected": "mailbox_sender", "invoice_receivers": "invoice_receiver"}[figure.definition]
            rows = _standing(_rows(enrolments.READ_MODEL, events), jurisdiction, "enrolled_at", "ended_at", at)
            return len({row["organisation_id"] for row in rows if row["enrolment"] == role})
    raise AssertionError(figure.definition)


async def test_every_figure_counts_what_the_plan_says(events: Events) -> None:
    for figure in expected_figures(SCALE):
        assert _count(events, figure, figure.period) == figure.count, figure
        if figure.previous is not None:
            before = str(Period.parse(figure.period).year_before())
            assert _count(events, figure, before) == figure.previous, figure


async def test_every_row_of_the_open_rate_table_counts_what_the_plan_says(events: Events) -> None:
    rows = _rows(open_rates.READ_MODEL, events)
    for expected in expected_open_rates(SCALE):
        found = [
            row
            for row in rows
            if (row["jurisdiction"], row["period"][:4], row["sender_type"])
            == ("nl", str(expected.year), expected.kind.value)
        ]
        counts = [sum(row[name] for row in found) for name in ("published", "opened_3_weeks", "opened_6_weeks")]
        assert counts == [expected.cohort.messages, expected.cohort.within_3, expected.cohort.within_6], expected


async def test_the_chained_index_is_the_printed_one(events: Events) -> None:
    lives = [
        (
            row["audience"],
            ServiceLife(service_id=row["service_id"], registered_at=row["registered_at"], closed_at=row["closed_at"]),
        )
        for row in _rows(services.READ_MODEL, events)
        if row["jurisdiction"] == "be"
    ]
    uses: dict[str, dict[str, dict[str, int]]] = {}
    for row in _rows(service_use.READ_MODEL, events):
        if row["jurisdiction"] == "be":
            uses.setdefault(row["audience"], {}).setdefault(row["month"], {})[row["service_id"]] = row["uses"]
    period = Period.parse("2017-09/2017-10")
    for audience, printed in expected_index().items():
        of_audience = [life for kind, life in lives if kind == audience.value]
        series = chain(audience.value, uses[audience.value], of_audience, events[-1].context.effective_at)
        point = series.at(period)
        assert point is not None
        assert point.period == period
        assert f"{point.shown:.2f}" == printed


async def test_the_history_is_varied(events: Events) -> None:
    kinds = Counter(type(it.event).__name__ for it in events)
    # It tells of those who use the platform: not of those who run it, look at it or leave it.
    others = (operation.OPERATION, *reactors.DECIDERS, ERASURE, *access.DECIDERS)
    told = [decider for decider in DECIDERS if decider not in others]
    missing = {event.__name__ for decider in told for event in decider.events.values() if event.__name__ not in kinds}
    # Too rare to come up in a hundredth of the history; all of them are in the whole.
    assert missing <= {
        "InvoiceResponseOverdue",  # of what falls due, which a client that plays history does not wait for
        "SessionExpired",
        "KeyUseFound",
        "SoleTraderDeclared",  # the enterprises of the history are companies
        "KeyExpired",
        "KeySuspended",
        "KeyResumed",
        "KeyRevoked",
        "MandateSuspended",
        "MandateResumed",
        "MandateRejected",
        "NotificationAddressRemoved",
    }
    reasons = {it.event.reason for it in events if isinstance(it.event, AuthenticationRefused)}
    assert len(reasons) >= 2
    assert any(isinstance(it.event, ServiceAccessed) for it in events)
    assert {it.event.publication.notification_only for it in events if isinstance(it.event, MessageOpened)} == {
        True,
        False,
    }
    assert len({it.event.service_family for it in events if isinstance(it.event, TransactionAccepted)}) > 20


async def test_events_happened_in_order_of_time_and_say_who_acted(events: Events) -> None:
    assert all(a.context.effective_at <= b.context.effective_at for a, b in pairwise(events))
    assert all(it.context.acting_id and it.context.organisation_id and it.context.activity for it in events)


async def test_messages_go_to_accounts_not_in_use_from_the_tax_administration_only() -> None:
    log = MemoryLog(Codec(DECIDERS))
    await run_sample(log, RULES, seed=SEED, scale=Fraction(3, 100))
    idle = {
        it.event.publication.sender_type
        for it in log.recorded()
        if isinstance(it.event, MessagePublished)
        and it.event.publication.jurisdiction is Jurisdiction.NL
        and not it.event.publication.mailbox_taken_into_use
    }
    assert idle == {"tax_administration"}


# --- Running --------------------------------------------------------------------------------------------------------


async def test_the_same_seed_gives_the_same_orders_and_another_one_others() -> None:
    small = Fraction(1, 1000)
    assert list(commands(SEED, small)) == list(commands(SEED, small))
    assert next(commands(SEED, small)) != next(commands(SEED + 1, small))


class CutOff(Exception):  # noqa: N818 - what happens, not an error of the platform
    pass


class FailingLog(MemoryLog):
    """A log whose process is stopped at an append, before or after it was written."""

    def __init__(self) -> None:
        super().__init__(Codec(DECIDERS))
        self.appends_left = -1
        self.after_writing = False

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        self.appends_left -= 1
        if self.appends_left == 0 and not self.after_writing:
            raise CutOff
        outcomes = await super().append(appends)
        if self.appends_left == 0:
            raise CutOff
        return outcomes


def unsealed(row: EventRow) -> EventRow:
    """Return a row without what its personal texts are sealed to: no two are alike."""
    return row._replace(payload=re.sub(rb'"sealed:[^"]*"', b'"sealed"', row.payload))


async def test_a_run_that_was_cut_off_goes_on_where_the_log_ends() -> None:
    small, whole, cut = Fraction(1, 1000), MemoryLog(Codec(DECIDERS)), FailingLog()
    await run_sample(whole, RULES, seed=SEED, scale=small)
    rng = random.Random(1)
    for _ in range(3):
        cut.appends_left, cut.after_writing = rng.randint(1, 3), not cut.after_writing
        with pytest.raises(CutOff):
            await run_sample(cut, RULES, seed=SEED, scale=small)
    await run_sample(cut, RULES, seed=SEED, scale=small)
    assert [unsealed(row) for row in cut.rows] == [unsealed(row) for row in whole.rows]
    again = await run_sample(cut, RULES, seed=SEED, scale=small)
    assert again.complete_before
    assert len(cut.rows) == len(whole.rows)


async def test_commands_that_were_carried_out_before_their_chunk_was_noted_are_not_repeated() -> None:
    """The first commands are in the log, the key of their chunk is not: they are duplicates, and nothing doubles."""
    small, log, whole = Fraction(1, 1000), MemoryLog(Codec(DECIDERS)), MemoryLog(Codec(DECIDERS))
    await run_sample(whole, RULES, seed=SEED, scale=small)
    with pytest.raises(CutOff):
        await run_sample(CutShortLog(log, appends=5), RULES, seed=SEED, scale=small)
    assert 0 < await log.head() < 10
    await run_sample(log, RULES, seed=SEED, scale=small)
    sent, expected = map(unsealed, log.rows), map(unsealed, whole.rows)
    assert sorted((row.stream, row.version, row.payload) for row in sent) == sorted(
        (row.stream, row.version, row.payload) for row in expected
    )


class CutShortLog:
    """A log of which the first append is cut short: only so many commands of it are written."""

    def __init__(self, log: MemoryLog, *, appends: int) -> None:
        self._log, self._appends = log, appends

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        await self._log.append(appends[: self._appends])
        raise CutOff


# --- One history for each log ---------------------------------------------------------------------------------------


async def refused(log: MemoryLog, *, seed: int = SEED, scale: Fraction) -> str:
    """Send a sample that the log does not take; return the sentence. Nothing may be written."""
    before = list(log.rows)
    with pytest.raises(NotThisSampleError) as error:
        await run_sample(log, RULES, seed=seed, scale=scale)
    assert log.rows == before
    return str(error.value)


async def test_a_log_with_other_events_takes_no_sample() -> None:
    small, log = Fraction(1, 1000), MemoryLog(Codec(DECIDERS))
    await handle_many(list(islice(commands(SEED, small), 1)), log, RULES)
    assert "seed 7 and scale 1/1000" in await refused(log, scale=small)


async def test_a_sample_takes_no_other_sample_whole_or_cut_off() -> None:
    small, log = Fraction(1, 1000), FailingLog()
    for appends_left in (3, 0):
        log.appends_left = appends_left
        with suppress(CutOff):
            await run_sample(log, RULES, seed=SEED, scale=small)
        await refused(log, seed=SEED + 1, scale=small)
        await refused(log, scale=Fraction(1, 500))


async def test_a_sample_of_an_earlier_release_goes_on_and_is_known_as_one(database_url: str) -> None:
    """Its first command has no key of the sample; the keys of its chunks have stayed the same."""
    small = Fraction(1, 1000)
    async with PostgresLog(database_url, Codec(DECIDERS), b"claim key", keys=MemoryKeys()) as log:
        await run_sample(log, RULES, seed=SEED, scale=small)
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("DELETE FROM log.receipt WHERE key LIKE 'sample:%:begin'")
        again = await run_sample(log, RULES, seed=SEED, scale=small)
    assert again.complete_before
    assert sample_in(database_url) == "7:1/1000"


async def test_a_log_says_that_it_holds_a_sample_from_its_first_event_on(database_url: str) -> None:
    assert sample_in(database_url) is None
    (first,) = islice(chunks(SEED, Fraction(1, 1000)), 1)
    async with PostgresLog(database_url, Codec(DECIDERS), b"claim key", keys=MemoryKeys()) as log:
        await handle_many(first[:1], log, RULES)
    assert sample_in(database_url) == "7:1/1000"


async def test_a_key_of_a_caller_is_never_that_of_a_sample(database_url: str) -> None:
    (command,) = islice(commands(SEED, Fraction(1, 1000)), 1)
    key = Idempotency(organisation_id="platform", key="sample:7:1:begin", fingerprint=b"keyed digest of the content")
    async with PostgresLog(database_url, Codec(DECIDERS), b"claim key", keys=MemoryKeys()) as log:
        await handle_many([replace(command, idempotency=key)], log, RULES)
    assert sample_in(database_url) is None


def sample_in(url: str) -> str | None:
    with psycopg.connect(Addresses.at(url).reader) as reader:
        row = reader.execute("SELECT log.sample()").fetchone()
    return row[0] if row else None


# --- Refusals and progress ------------------------------------------------------------------------------------------


async def test_a_refusal_ends_the_run_and_says_which_command() -> None:
    small, log = Fraction(1, 1000), MemoryLog(Codec(DECIDERS))
    closed = Rules(
        deciders=BY_COMMAND, readers={command: READERS[command] for command in READERS if command is not OpenSession}
    )
    with pytest.raises(SampleRefusedError, match="OpenSession at 2014-"):
        await run_sample(log, closed, seed=SEED, scale=small)


async def test_progress_goes_up_to_the_end_on_postgresql_too(database_url: str) -> None:
    small = Fraction(1, 1000)
    seen: list[SampleProgress] = []
    async with PostgresLog(database_url, Codec(DECIDERS), b"claim key", keys=MemoryKeys()) as log:
        report = await run_sample(log, RULES, seed=SEED, scale=small, progress=seen.append)
        again = await run_sample(log, RULES, seed=SEED, scale=small)
    assert [it.commands for it in seen] == sorted({it.commands for it in seen})
    assert seen[-1].commands == report.commands
    assert (report.complete_before, again.complete_before, again.events) == (False, True, 0)


def test_means_of_digid_leave_out_eherkenning() -> None:
    (digid,) = [it for it in expected_figures() if it.published_id == "nl.digid.authentications.2018"]
    assert Means.EHERKENNING not in digid.means
