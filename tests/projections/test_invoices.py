"""Invoices: one row each, with its verdict, the buyer's last response and whether the first came in time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from domain.invoicing.model import ResponseState
from domain.invoicing.rules import INVOICE
from projections.invoices import READ_MODEL
from tests.domain.test_invoicing import (
    ACCESS_POINT,
    ACKNOWLEDGED,
    AT,
    BUYER,
    PART_PAID,
    RECEIVED,
    REFUSED,
    RULES,
    SHA256,
    SUPPLIER,
    VALIDATED,
    responded,
)
from tests.projections.story import rows, story

FIRST, SECOND = AT + timedelta(days=1), AT + timedelta(days=20)
ROW: dict[str, Any] = {
    "jurisdiction": "be",
    "kind": "invoice",
    "supplier_scheme": "0208",
    "supplier_number": SUPPLIER,
    "buyer_id": BUYER,
    "received_from": ACCESS_POINT,
    "number": "2022/0017",
    "issue_date": date(2022, 2, 28),
    "due_date": date(2022, 3, 30),
    "payable_cents": 121_000,
    "currency": "EUR",
    "document_sha256": SHA256,
    "media_type": "application/xml",
    "seller_contact_id": "",
    "seller_contact": "",
    "status": "received",
    "rule_set": "",
    "response_state": "",
    "partially_paid": False,
    "responses": 0,
    "received_at": AT,
    "response_due_on": date(2022, 3, 4),
    "first_response_at": None,
    "first_response_on_time": None,
    "last_response_at": None,
}
ANSWERED = {
    "status": "validated",
    "rule_set": RULES,
    "response_state": "AB",
    "responses": 1,
    "first_response_at": FIRST,
    "first_response_on_time": True,
    "last_response_at": FIRST,
}


def row_after(*steps: tuple[datetime, Any]) -> dict[str, Any]:
    return rows(READ_MODEL, story(INVOICE, "i-1", (AT, RECEIVED), *steps))[("i-1",)]


def test_a_received_invoice_has_a_row() -> None:
    assert row_after() == ROW


def test_the_verdict_stands_in_the_row() -> None:
    assert row_after((AT, VALIDATED)) == {**ROW, "status": "validated", "rule_set": RULES}
    assert row_after((AT, REFUSED)) == {**ROW, "status": "refused", "rule_set": RULES}


def test_the_first_response_is_kept_and_the_last_one_shown() -> None:
    answered = row_after((AT, VALIDATED), (FIRST, ACKNOWLEDGED))
    paid = row_after((AT, VALIDATED), (FIRST, ACKNOWLEDGED), (SECOND, responded(ResponseState.PAID, 2)))
    assert answered == {**ROW, **ANSWERED}
    assert paid == {**ROW, **ANSWERED, "response_state": "PD", "responses": 2, "last_response_at": SECOND}


def test_a_partial_payment_is_marked_until_the_rest_is_paid() -> None:
    paid = responded(ResponseState.PAID, 2)
    assert row_after((AT, VALIDATED), (FIRST, PART_PAID))["partially_paid"] is True
    assert row_after((AT, VALIDATED), (FIRST, PART_PAID), (SECOND, paid))["partially_paid"] is False
