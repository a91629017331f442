"""Invoice counts: received, refused, accepted and paid, each in the civil month in which it happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.invoicing.model import InvoiceKind, ResponseState
from domain.invoicing.rules import INVOICE
from projections.invoice_counts import READ_MODEL
from tests.domain.test_invoicing import BUYER, PART_PAID, RECEIVED, REFUSED, VALIDATED, responded
from tests.projections.story import rows, story

MARCH = datetime(2022, 3, 31, 21, 59, tzinfo=UTC)
APRIL = datetime(2022, 3, 31, 22, 0, tzinfo=UTC)  # midnight in Brussels
STORIES = (
    story(
        INVOICE,
        "i-1",
        (MARCH, RECEIVED),
        (MARCH, VALIDATED),
        (MARCH, responded(ResponseState.CONDITIONALLY_ACCEPTED)),
        (APRIL, responded(ResponseState.ACCEPTED, 2)),
        (APRIL, replace(PART_PAID, response_number=3)),
        (APRIL, responded(ResponseState.PAID, 4)),
    ),
    story(INVOICE, "i-2", (MARCH, replace(RECEIVED, kind=InvoiceKind.CREDIT_NOTE)), (APRIL, REFUSED)),
    story(INVOICE, "i-3", (APRIL, replace(RECEIVED, buyer_id="org-2"))),
)


def counts(received: int, refused: int, accepted: int, paid: int) -> dict[str, Any]:
    return {"received": received, "refused": refused, "accepted": accepted, "paid": paid}


def test_each_event_counts_in_its_own_month_and_part_payments_do_not() -> None:
    assert rows(READ_MODEL, *STORIES) == {
        ("2022-03", "be", BUYER): counts(2, 0, 0, 0),
        ("2022-04", "be", BUYER): counts(0, 1, 1, 1),
        ("2022-04", "be", "org-2"): counts(1, 0, 0, 0),
    }
