"""Whenever an invoice names a person at the seller, what is kept of them for invoicing is held as long as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from application.reactions.invoice_retention import HOLD_ID, hold_contact, kept_until
from domain.erasure.model import HoldGround, PlaceRetentionHold
from domain.invoicing.model import InvoiceReceived
from domain.kernel import Jurisdiction, PersonalText, PurposeGroup
from tests.infrastructure.examples import example
from tests.projections.story import recorded

AT = datetime(2024, 5, 2, 9, 0, tzinfo=UTC)
INVOICE: InvoiceReceived = replace(
    example(InvoiceReceived),
    jurisdiction=Jurisdiction.BE,
    issue_date=date(2024, 4, 30),
    seller_contact_id="person-1",
    seller_contact=PersonalText("sealed:"),
)


@pytest.mark.parametrize(
    ("jurisdiction", "issued", "until"),
    [
        (Jurisdiction.BE, date(2024, 4, 30), date(2034, 12, 31)),
        (Jurisdiction.BE, date(2023, 1, 1), date(2033, 12, 31)),
        (Jurisdiction.BE, date(2022, 12, 31), date(2029, 12, 31)),
        (Jurisdiction.NL, date(2024, 4, 30), date(2031, 12, 31)),
        (Jurisdiction.BE, date(9999, 1, 1), date(9999, 12, 31)),
    ],
    ids=["be", "be-since-2023", "be-before", "nl", "end-of-calendar"],
)
def test_an_invoice_is_kept_as_long_as_its_tax_law_says(jurisdiction: Jurisdiction, issued: date, until: date) -> None:
    assert kept_until(jurisdiction, issued) == until


def test_the_contact_is_held_from_the_receipt_on() -> None:
    assert hold_contact(recorded(INVOICE, AT, stream="invoice-1"), "platform") == [
        PlaceRetentionHold(
            at=AT,
            by="platform",
            person_id="person-1",
            hold_id=HOLD_ID,
            group=PurposeGroup.INVOICING,
            ground=HoldGround.INVOICE_RETENTION,
            until=date(2034, 12, 31),
        )
    ]


def test_an_invoice_without_a_contact_holds_nobody() -> None:
    nobody = replace(INVOICE, seller_contact_id="", seller_contact=PersonalText(""))
    assert hold_contact(recorded(nobody, AT, stream="invoice-1"), "platform") == []


def test_a_date_in_a_far_year_holds_nobody_for_longer_than_an_invoice_of_next_year() -> None:
    (hold,) = hold_contact(recorded(replace(INVOICE, issue_date=date(2924, 4, 30)), AT, stream="i-1"), "platform")
    assert hold.until == date(2035, 12, 31)
