"""Deadlines of invoicing: first responses to invoices."""

from __future__ import annotations

from collections.abc import Iterator

from domain.invoicing.model import (
    DeclareResponseOverdue,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceResponseOverdue,
)
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending
from projections.words import end_of_day


def _first_response(recorded: Recorded[InvoiceReceived]) -> Iterator[Pending]:
    event = recorded.event
    due_at = event.response_due_at
    yield Pending(
        due_at=end_of_day(event.response_due_on) if due_at is None else due_at,
        organisation_id=event.buyer_id,
        counterparty_id=event.received_from,
        supplier_number=event.supplier_number,
    )


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind="invoice-first-response",
        command=DeclareResponseOverdue,
        why="The days of the buyer for a first response to an invoice are over.",
        begins={InvoiceReceived: _first_response},
        ends=(InvoiceRefused, InvoiceResponseGiven, InvoiceResponseOverdue),
    ),
)
