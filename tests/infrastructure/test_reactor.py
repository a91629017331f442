"""The keeper: one leads, what is due is done in order for each person, and what fails holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.ports import Append, Idempotency, Receipt
from domain.erasure.model import ErasureRequested, HoldGround, LegalHoldPlaced
from domain.erasure.rules import ERASURE
from domain.identity.person import PersonRegistered
from domain.invoicing.model import InvoiceReceived
from domain.kernel import Claim, Jurisdiction, PersonalText, PurposeGroup, Recorded, RuleBroken
from domain.mailbox.message.model import MessageSent
from infrastructure.codec import Codec
from infrastructure.event_log.log_lookup import OtherLogError
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogUnavailableError
from infrastructure.reactors.claims_and_receipts import find_traces, remove_claims_and_receipts
from infrastructure.reactors.reactions import joined, person_of
from infrastructure.reactors.reactor import BATCH_EVENTS, MAX_PEOPLE_AT_ONCE, Reactor, RetryPolicy
from infrastructure.reactors.reactor_store import ReactorStore
from infrastructure.reactors.status import deferred_reactions, reactor_progress
from infrastructure.read_models.reading import ReadModels
from infrastructure.sealing import personal_fields
from tests.check_digits import national_number
from tests.infrastructure.erasing import CODEC, CONTEXT, Site, kept, site
from tests.infrastructure.examples import example
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNS, BOBS, CEMS = national_number(1), national_number(2), national_number(3)
ALL = tuple(PurposeGroup)


@pytest.fixture
async def here(database_url: str, keys_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(database_url, keys_url, tmp_path) as opened:
        yield opened


async def register(here: Site, *people: str) -> None:
    for serial, person_id in enumerate(people):
        await here.register(person_id, national_number(serial + 1))


async def write(here: Site, stream: str, event: Any, key: str = "", claim: Claim | None = None) -> Receipt:
    """Append an event as its decider would have it."""
    (receipt,) = await here.log.append(
        [
            Append(
                stream=stream,
                events=[event],
                expected={stream: 0},
                context=CONTEXT,
                claims=[claim] if claim else [],
                idempotency=Idempotency(organisation_id="sender", key=key, fingerprint=b"hash") if key else None,
            )
        ]
    )
    assert isinstance(receipt, Receipt)
    return receipt


def letter(mailbox_id: str) -> MessageSent:
    sent: MessageSent = replace(example(MessageSent), mailbox_id=mailbox_id)
    return sent


def invoice(contact_id: str) -> InvoiceReceived:
    contact = PersonalText("Jan, 02 123 45 67")
    received: InvoiceReceived = replace(
        example(InvoiceReceived),
        jurisdiction=Jurisdiction.BE,
        issue_date=date(2026, 2, 1),
        seller_contact_id=contact_id,
        seller_contact=contact,
    )
    return received


class Notes:
    """A duty that notes for which positions it was called, and fails while it is told to."""

    def __init__(self) -> None:
        self.called: list[int] = []
        self.failing: dict[str, Exception] = {}

    async def __call__(self, recorded: Recorded[Any]) -> None:
        self.called.append(recorded.position)
        if (error := self.failing.get(person_of(recorded.event))) is not None:
            raise error


class Stores:
    """Opens the stores of reactors, and notes by their order what each has read."""

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self.of_other_logs = 0
        self._opened = 0

    def open(self, url: str, codec: Codec) -> ReactorStore:
        stores, number = self, self._opened
        self._opened += 1

        class Noting(ReactorStore):
            def head(self) -> int:
                stores.heads[number] = super().head()
                return stores.heads[number]

            def position(self) -> int:
                try:
                    return super().position()
                except OtherLogError:
                    stores.of_other_logs += 1
                    raise

        return Noting(url, codec)


# --- Erasing --------------------------------------------------------------------------------------------------------


async def test_what_is_ordered_is_carried_out_and_recorded_by_the_keeper(here: Site) -> None:
    await register(here, "ann", "bob")
    async with kept(here.keeper()):
        await here.order_erasure("ann")
        await until(lambda: here.erased("ann"), "ann is not erased")
    await here.must_be_erased_once("ann", ANNS)
    assert await here.number_of("bob") == BOBS
    with psycopg.connect(here.url) as connection:
        row = connection.execute(
            "SELECT acting_id, organisation_id, subject_id, activity, causation_id, position FROM log.event"
            " WHERE name = 'erasure.keys-destroyed.v1'"
        ).fetchone()
    assert row is not None
    assert row[:5] == ("keeper", "platform", "ann", "erasure", str(row[5] - 1))


async def test_only_the_purposes_asked_for_are_erased(here: Site) -> None:
    await register(here, "ann")
    await write(here, "message-1", letter("ann"), key="letter")
    async with kept(here.keeper()):
        await here.order_erasure("ann", PurposeGroup.CORRESPONDENCE)
        await until(lambda: here.erased("ann"), "ann is not erased")
    assert await here.number_of("ann") == ANNS
    assert await here.log.holder(Claim("national-number", ANNS)) == "person-ann"
    assert await here.log.receipts([Idempotency(organisation_id="sender", key="letter", fingerprint=b"hash")]) == {}


async def test_answers_about_a_person_are_forgotten_and_no_others_nor_claims_of_invoices(here: Site) -> None:
    await register(here, "ann", "bob")
    claim = Claim("invoice", "0208:0123456749:2026:7")
    await write(here, "message-1", letter("ann"), key="to ann")
    await write(here, "message-2", letter("bob"), key="to bob")
    await write(here, "invoice-1", invoice("ann"), key="by ann", claim=claim)
    await write(here, "invoice-2", invoice("bob"), key="by bob")
    await remove_claims_and_receipts(here.url, CODEC, "ann", ALL)
    keys = [
        Idempotency(organisation_id=organisation, key=key, fingerprint=b"hash")
        for organisation, key in (
            ("sender", "to ann"),
            ("sender", "to bob"),
            ("sender", "by ann"),
            ("sender", "by bob"),
        )
    ]
    assert {key.key for key in await here.log.receipts(keys)} == {"to bob", "by bob"}
    assert await here.log.holder(Claim("national-number", ANNS)) is None
    assert await here.log.holder(Claim("national-number", BOBS)) == "person-bob"
    assert await here.log.holder(claim) == "invoice-1"


async def test_traces_are_found_in_partitions_that_were_detached(here: Site) -> None:
    await register(here, "ann")
    await write(here, "message-1", letter("ann"), key="to ann")
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute("UPDATE log.partition SET last_position = log.head()")
        connection.execute("ALTER TABLE log.event DETACH PARTITION log.event_1")
        connection.execute("UPDATE log.partition SET attached = false")
        own, places = find_traces(connection, CODEC, "ann", ALL)
    assert sorted(places) == [("message-1", 2), ("person-ann", 1)]
    assert own == ["person-ann"]


def test_every_event_with_personal_data_is_about_one_person() -> None:
    """The traces of a person are found by the one field that names the data subject."""
    for event_class in CODEC.classes.values():
        assert len({each.declared.subject for each in personal_fields(event_class)}) <= 1, event_class


# --- Holds ----------------------------------------------------------------------------------------------------------


async def test_an_invoice_with_a_contact_holds_what_is_kept_of_them(here: Site) -> None:
    await write(here, "invoice-1", invoice("ann"))
    await write(here, "invoice-2", invoice("ann"))
    await write(here, "invoice-3", replace(invoice(""), seller_contact=PersonalText("")))

    async def held() -> bool:
        return bool(await here.events("ann"))

    async with kept(here.keeper()):
        await until(held, "nothing is held")
        await here.order_erasure("ann")
        await until(lambda: here.erased("ann"), "the rest is not erased")
    hold, asked, *_ = await here.events("ann")
    assert hold == LegalHoldPlaced(
        person_id="ann",
        hold_id="invoice-retention",
        group=PurposeGroup.INVOICING,
        ground=HoldGround.INVOICE_RETENTION,
        until=date(2036, 12, 31),
        reference="",
    )
    assert isinstance(asked, ErasureRequested)
    assert asked.held_groups == (PurposeGroup.INVOICING,)
    with pytest.raises(RuleBroken, match="The law keeps this data"):
        await here.order_erasure("ann", PurposeGroup.INVOICING)


async def test_an_invoice_that_came_before_an_erasure_is_held_before_that_is_carried_out(here: Site) -> None:
    """Both were there when the keeper came: the law that keeps the invoice is not outrun."""
    await register(here, "ann")
    await write(here, "invoice-1", invoice("ann"))
    await here.order_erasure("ann")
    async with kept(here.keeper()):
        await until(lambda: here.erased("ann"), "ann is not erased")
    state = ERASURE.fold(await here.events("ann"))
    assert [state.status(group) for group in ALL] == ["shredded", "shredded", "kept"]


# --- What fails -----------------------------------------------------------------------------------------------------


async def test_what_fails_for_one_is_tried_again_in_order_and_holds_up_nobody_else(here: Site) -> None:
    notes = Notes()
    notes.failing["ann"] = ValueError("a text that nobody is to read")
    await register(here, "ann", "bob")  # 1, 2
    await here.order_erasure("ann", PurposeGroup.IDENTIFICATION)  # 3
    await here.order_erasure("ann", PurposeGroup.INVOICING)  # 4
    await here.order_erasure("bob")  # 5
    reads = ReadModels(here.url, [])

    async def bob_is_seen_to() -> bool:
        return 5 in notes.called and notes.called.count(1) > 2

    async def nothing_waits() -> bool:
        return here.waiting() == 0

    duties = {PersonRegistered: (notes,), ErasureRequested: (notes,)}
    async with kept(here.keeper(duties=duties)):
        await until(bob_is_seen_to, "bob waits for ann")
        assert not {3, 4} & set(notes.called)
        progress = await reactor_progress(reads.engine)
        assert (progress.led, progress.duties, progress.people, progress.error) == (True, 3, 1, "")
        waiting = await deferred_reactions(reads.engine)
        assert [(it.position, it.person_id) for it in waiting] == [(1, "ann"), (3, "ann"), (4, "ann")]
        assert [it.error.partition(" at ")[0] for it in waiting] == ["ValueError", "", ""]
        del notes.failing["ann"]
        await until(nothing_waits, "ann still waits")
    await reads.aclose()
    assert [it for it in notes.called if it in {3, 4}] == [3, 4]
    assert notes.called.count(5) == 1


async def test_what_comes_while_the_person_waits_waits_too(here: Site) -> None:
    notes = Notes()
    notes.failing["ann"] = ValueError()
    await register(here, "ann")

    async def both_wait() -> bool:
        return here.waiting() == 2

    async def done() -> bool:
        return here.waiting() == 0

    async with kept(here.keeper(duties={PersonRegistered: (notes,), ErasureRequested: (notes,)})):
        await until(lambda: _called(notes), "it is not tried")
        await here.order_erasure("ann")
        await until(both_wait, "the order does not wait")
        assert 2 not in notes.called
        notes.failing.clear()
        await until(done, "it still waits")
    assert notes.called[-1] == 2


async def _called(notes: Notes) -> bool:
    return bool(notes.called)


@pytest.mark.parametrize("error", [KeysUnavailableError("gone"), LogUnavailableError("gone")], ids=["keys", "log"])
async def test_where_nothing_can_be_done_for_anybody_the_keeper_stands_still_and_says_so(
    here: Site, error: Exception
) -> None:
    notes = Notes()
    notes.failing["ann"] = error
    await register(here, "ann", "bob")
    reads = ReadModels(here.url, [])

    async def stands_still() -> bool:
        return bool((await reactor_progress(reads.engine)).error)

    async def went_on() -> bool:
        progress = await reactor_progress(reads.engine)
        return (progress.error, progress.position, progress.duties) == ("", 2, 0)

    async with kept(here.keeper(duties={PersonRegistered: (notes,)})):
        await until(stands_still, "it does not stand still")
        progress = await reactor_progress(reads.engine)
        assert (progress.position, progress.error.partition(" at ")[0]) == (0, type(error).__name__)
        notes.failing.clear()
        await until(went_on, "it does not go on")
    await reads.aclose()


def test_each_pause_is_twice_as_long_up_to_the_longest() -> None:
    pace = RetryPolicy(first_s=1.0, max_s=10.0)
    assert [pace.wait_s(tries) for tries in (1, 2, 3, 4, 5, 1_000)] == [1, 2, 4, 8, 10, 10]


def test_duties_are_joined_in_their_order() -> None:
    first, second = Notes(), Notes()
    together = joined({PersonRegistered: (first,)}, {PersonRegistered: (second,), InvoiceReceived: (second,)})
    assert together == {PersonRegistered: (first, second), InvoiceReceived: (second,)}


# --- Leading --------------------------------------------------------------------------------------------------------


async def test_one_leads_and_another_takes_over_when_it_is_gone(here: Site) -> None:
    first, second = Notes(), Notes()

    async def seen_by(notes: Notes, position: int) -> bool:
        return position in notes.called

    async with kept(here.keeper(duties={PersonRegistered: (second,)})) as _:
        pass  # it leads, and is gone again
    async with kept(here.keeper(duties={PersonRegistered: (first,)})):
        await register(here, "ann")
        await until(lambda: seen_by(first, 1), "the first does not lead")
        other = here.keeper(duties={PersonRegistered: (second,)}, check_interval_s=0.05)
        work = asyncio.create_task(other.run())
        await here.register("bob", BOBS)
        await until(lambda: seen_by(first, 2), "the first does not go on")
    await here.register("cem", CEMS)
    await until(lambda: seen_by(second, 3), "the second does not take over")
    other.stop()
    await work
    assert (first.called, second.called) == ([1, 2], [3])


async def test_every_process_does_what_is_due_everywhere_from_when_it_began(here: Site) -> None:
    await register(here, "ann")
    leader, standby = Notes(), Notes()

    async def both() -> bool:
        return (leader.called, standby.called) == ([2], [2])

    stores = Stores()
    keepers = [
        Reactor(here.url, CODEC, {}, everywhere={PersonRegistered: (it,)}, open_store=stores.open)
        for it in (leader, standby)
    ]
    async with kept(keepers[0]), kept(keepers[1]):
        await until(lambda: stores.heads.keys() == {0, 1}, "one does not begin")
        await here.register("bob", BOBS)
        await until(both, "one does not hear of it")


async def test_a_lost_connection_is_made_anew(here: Site) -> None:
    notes = Notes()

    async def seen() -> bool:
        return 2 in notes.called

    async with kept(here.keeper(duties={PersonRegistered: (notes,)}, check_interval_s=0.05)):
        await register(here, "ann")
        await until(lambda: _called(notes), "it does not work")
        with psycopg.connect(here.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
        await here.register("bob", BOBS)
        await until(seen, "it does not go on over a new connection")


async def test_a_keeper_of_another_log_does_nothing(here: Site) -> None:
    notes = Notes()
    await register(here, "ann")
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute("UPDATE keeper.progress SET log_id = gen_random_uuid()")
    stores = Stores()
    async with kept(Reactor(here.url, CODEC, {PersonRegistered: (notes,)}, open_store=stores.open)):
        await until(lambda: stores.of_other_logs, "it does not see that its position is of another log")
    assert notes.called == []


async def test_no_more_than_a_batch_is_seen_to_again(here: Site) -> None:
    notes = Notes()
    people = [f"person-{number}" for number in range(BATCH_EVENTS + 20)]
    await register(here, *people)

    async def all_seen() -> bool:
        return len(notes.called) == len(people)

    async with kept(here.keeper(duties={PersonRegistered: (notes,)})):
        await until(all_seen, "not all are seen to")
    again = Notes()
    async with kept(here.keeper(duties={PersonRegistered: (again,)})):
        await here.register("last", national_number(len(people) + 1))
        await until(lambda: again.called, "it does not go on")
    every = list(range(1, len(people) + 1))
    assert (sorted(notes.called), again.called) == (every, [len(people) + 1])


async def test_people_are_seen_to_at_once_but_never_too_many(here: Site) -> None:
    at_work = most = 0

    async def slow(_recorded: Recorded[Any]) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.02)
        at_work -= 1

    notes = Notes()
    people = [f"person-{number}" for number in range(3 * MAX_PEOPLE_AT_ONCE)]
    await register(here, *people)

    async def all_seen() -> bool:
        return len(notes.called) == len(people)

    async with kept(here.keeper(duties={PersonRegistered: (slow, notes)})):
        await until(all_seen, "not all are seen to")
    assert 1 < most <= MAX_PEOPLE_AT_ONCE
