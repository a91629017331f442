"""Invoices: one row each, with its verdict, the buyer's last response and whether the first came in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from domain.invoicing import INVOICE, ResponseState
from projections.invoices import (
    PROJECTION,
    delivered_by,
    late_first_responses,
    of_buyer,
    of_supplier,
    totals_of_buyer,
)
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
from tests.projections.story import Ask, rows, story

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
    return rows(PROJECTION, story(INVOICE, "i-1", (AT, RECEIVED), *steps))[("i-1",)]


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


STORIES = (
    story(INVOICE, "i-1", (AT, RECEIVED), (AT, VALIDATED), (FIRST, ACKNOWLEDGED)),
    story(INVOICE, "i-2", (AT, RECEIVED), (AT, VALIDATED)),
    story(INVOICE, "i-3", (AT, replace(RECEIVED, buyer_id="org-2", received_from="org-3"))),
    story(INVOICE, "i-4", (AT, replace(RECEIVED, supplier_number="0987654394"))),
)


def ids(found: list[dict[str, Any]]) -> list[str]:
    return sorted(row["invoice_id"] for row in found)


def test_buyer_supplier_and_deliverer_each_see_their_own(ask: Ask) -> None:
    assert ids(ask(PROJECTION, of_buyer(BUYER), *STORIES)) == ["i-1", "i-2", "i-4"]
    assert ids(ask(PROJECTION, of_buyer("org-2"), *STORIES)) == ["i-3"]
    assert ids(ask(PROJECTION, of_supplier("0208", SUPPLIER), *STORIES)) == ["i-1", "i-2", "i-3"]
    assert ids(ask(PROJECTION, of_supplier("0106", SUPPLIER), *STORIES)) == []
    assert ids(ask(PROJECTION, delivered_by("org-3"), *STORIES)) == ["i-3"]
    assert ids(ask(PROJECTION, delivered_by("org-stranger"), *STORIES)) == []


def test_totals_of_a_buyer(ask: Ask) -> None:
    assert [tuple(row.values()) for row in ask(PROJECTION, totals_of_buyer(BUYER), *STORIES)] == [
        ("received", "", "invoice", "EUR", 1, 121_000),
        ("validated", "", "invoice", "EUR", 1, 121_000),
        ("validated", "AB", "invoice", "EUR", 1, 121_000),
    ]


def test_a_first_response_is_late_from_the_day_after_it_was_due(ask: Ask) -> None:
    assert ids(ask(PROJECTION, late_first_responses(BUYER, date(2022, 3, 4)), *STORIES)) == []
    assert ids(ask(PROJECTION, late_first_responses(BUYER, date(2022, 3, 5)), *STORIES)) == ["i-2"]
