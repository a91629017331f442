"""Invoice timeline: every step of an invoice, with its reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.invoicing.model import InvoiceResponseOverdue, ResponseState
from domain.invoicing.rules import INVOICE
from projections.invoice_timeline import READ_MODEL
from tests.domain.test_invoicing import (
    AT,
    COMMON,
    PART_PAID,
    RECEIVED,
    REFUSED,
    RULES,
    SHA256,
    VALIDATED,
    responded,
)
from tests.projections.story import rows, story

NEXT, LAST = AT + timedelta(days=1), AT + timedelta(days=2)
EMPTY: dict[str, Any] = {
    "happened_at": AT,
    "step": "received",
    "rule_set": "",
    "rule_ids": (),
    "response_state": "",
    "partial": False,
    "clarifications": (),
    "clarification_sha256": "",
}
PAID_IN_PART = {
    "happened_at": LAST,
    "step": "response",
    "response_state": "PD",
    "partial": True,
    "clarifications": ("PPD",),
    "clarification_sha256": SHA256,
}
PAID_STORY = story(INVOICE, "i-1", (AT, RECEIVED), (NEXT, VALIDATED), (LAST, PART_PAID))
REFUSED_STORY = story(INVOICE, "i-2", (AT, RECEIVED), (NEXT, REFUSED))


def test_each_step_has_a_row_of_its_own() -> None:
    assert rows(READ_MODEL, PAID_STORY) == {
        ("i-1", 1): EMPTY,
        ("i-1", 2): {**EMPTY, "happened_at": NEXT, "step": "validated", "rule_set": RULES},
        ("i-1", 3): {**EMPTY, **PAID_IN_PART},
    }


def test_buyer_and_supplier_are_told_of_a_response_that_is_overdue() -> None:
    overdue = InvoiceResponseOverdue(**COMMON, response_due_at=LAST)
    told = story(INVOICE, "i-5", (AT, RECEIVED), (LAST, overdue))
    assert rows(READ_MODEL, told)[("i-5", 2)] == {**EMPTY, "happened_at": LAST, "step": "response_overdue"}


def test_a_refusal_shows_the_rules_and_a_response_its_reasons() -> None:
    rejected = story(INVOICE, "i-4", (AT, responded(ResponseState.REJECTED)))
    assert rows(READ_MODEL, REFUSED_STORY)[("i-2", 2)] == {
        **EMPTY,
        "happened_at": NEXT,
        "step": "refused",
        "rule_set": RULES,
        "rule_ids": ("BR-CO-15", "PEPPOL-EN16931-R010"),
    }
    assert rows(READ_MODEL, rejected)[("i-4", 1)]["clarifications"] == ("UNR", "OTH")
