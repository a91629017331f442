"""Erasing: what is ordered is carried out once, and what the law keeps is held before."""

from __future__ import annotations

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
from domain.invoicing.model import InvoiceReceived
from domain.kernel import Claim, Jurisdiction, PersonalText, PurposeGroup, RuleBroken
from domain.mailbox.message.model import MessageSent
from infrastructure.reactors.claims_and_receipts import find_traces, remove_claims_and_receipts
from infrastructure.sealing import personal_fields
from tests.check_digits import national_number
from tests.infrastructure.erasing import CODEC, CONTEXT, Site, running, site
from tests.infrastructure.examples import example
from tests.waiting import until

pytestmark = pytest.mark.anyio

ANNS, BOBS = national_number(1), national_number(2)
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


# --- Erasing --------------------------------------------------------------------------------------------------------


async def test_what_is_ordered_is_carried_out_and_recorded_by_the_eraser(here: Site) -> None:
    await register(here, "ann", "bob")
    async with running(here.engine()):
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
    assert row[:5] == ("eraser", "platform", "ann", "erasure", str(row[5] - 1))


async def test_only_the_purposes_asked_for_are_erased(here: Site) -> None:
    await register(here, "ann")
    await write(here, "message-1", letter("ann"), key="letter")
    async with running(here.engine()):
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

    async with running(here.engine()):
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
    """Both were there when the reactors began: the law that keeps the invoice is not outrun."""
    await register(here, "ann")
    await write(here, "invoice-1", invoice("ann"))
    await here.order_erasure("ann")
    async with running(here.engine()):
        await until(lambda: here.erased("ann"), "ann is not erased")
    state = ERASURE.fold(await here.events("ann"))
    assert [state.status(group) for group in ALL] == ["shredded", "shredded", "kept"]
