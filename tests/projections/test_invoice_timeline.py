"""Invoice timeline: every step of an invoice, with its reasons, visible to its parties."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.invoicing import INVOICE, ResponseState
from projections.invoice_timeline import PROJECTION, supplier_timeline, timeline, timeline_of_party
from tests.domain.test_invoicing import (
    ACCESS_POINT,
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

NEXT, LAST = AT + timedelta(days=1), AT + timedelta(days=2)
EMPTY: dict[str, Any] = {
    "jurisdiction": "be",
    "buyer_id": BUYER,
    "supplier_scheme": "0208",
    "supplier_number": SUPPLIER,
    "received_from": ACCESS_POINT,
    "happened_at": AT,
    "step": "received",
    "rule_set": "",
    "rule_ids": "",
    "response_state": "",
    "partial": False,
    "clarifications": "",
    "clarification_sha256": "",
}
PAID_IN_PART = {
    "happened_at": LAST,
    "step": "response",
    "response_state": "PD",
    "partial": True,
    "clarifications": "PPD",
    "clarification_sha256": SHA256,
}
PAID_STORY = story(INVOICE, "i-1", (AT, RECEIVED), (NEXT, VALIDATED), (LAST, PART_PAID))
REFUSED_STORY = story(INVOICE, "i-2", (AT, RECEIVED), (NEXT, REFUSED))
ELSEWHERE = story(INVOICE, "i-3", (AT, replace(RECEIVED, supplier_number="0987654394", received_from="org-3")))


def test_each_step_has_a_row_of_its_own() -> None:
    assert rows(PROJECTION, PAID_STORY) == {
        ("i-1", 1): EMPTY,
        ("i-1", 2): {**EMPTY, "happened_at": NEXT, "step": "validated", "rule_set": RULES},
        ("i-1", 3): {**EMPTY, **PAID_IN_PART},
    }


def test_a_refusal_shows_the_rules_and_a_response_its_reasons() -> None:
    rejected = story(INVOICE, "i-4", (AT, responded(ResponseState.REJECTED)))
    assert rows(PROJECTION, REFUSED_STORY)[("i-2", 2)] == {
        **EMPTY,
        "happened_at": NEXT,
        "step": "refused",
        "rule_set": RULES,
        "rule_ids": "BR-CO-15 PEPPOL-EN16931-R010",
    }
    assert rows(PROJECTION, rejected)[("i-4", 1)]["clarifications"] == "UNR OTH"


def steps(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["invoice_id"], row["step"]) for row in found]


def test_the_timeline_of_one_invoice_is_in_order(ask: Ask) -> None:
    told = (REFUSED_STORY, PAID_STORY, ELSEWHERE)
    assert steps(ask(PROJECTION, timeline("i-1"), *told)) == [
        ("i-1", "received"),
        ("i-1", "validated"),
        ("i-1", "response"),
    ]


def test_only_the_parties_see_a_timeline(ask: Ask) -> None:
    assert len(ask(PROJECTION, timeline_of_party(BUYER, "i-2"), REFUSED_STORY)) == 2
    assert len(ask(PROJECTION, timeline_of_party(ACCESS_POINT, "i-2"), REFUSED_STORY)) == 2
    assert ask(PROJECTION, timeline_of_party("org-3", "i-2"), REFUSED_STORY, ELSEWHERE) == []


def test_a_supplier_sees_what_happened_to_all_its_invoices_and_to_no_others(ask: Ask) -> None:
    found = ask(PROJECTION, supplier_timeline("0208", SUPPLIER), PAID_STORY, REFUSED_STORY, ELSEWHERE)
    assert {invoice_id for invoice_id, _ in steps(found)} == {"i-1", "i-2"}
    assert len(found) == 5
