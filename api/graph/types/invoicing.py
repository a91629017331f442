"""Invoices with their timelines, seen by buyer, deliverer and supplier, and the counts by month and buyer."""

from __future__ import annotations

import strawberry

from api.graph.queries.groups import by_columns, by_month, counted, summed
from api.graph.queries.personal_text import personal_text
from api.graph.queries.row_queries import Listed, children_of, groups_of, one_of
from api.graph.queries.row_types import of_counts, of_row
from api.graph.types.organisations import organisation_in
from domain.invoicing.model import InvoiceReceived, ResponseState
from domain.invoicing.rules import INVOICE
from projections import invoice_counts, invoice_timeline, invoices
from projections.invoice_counts import Row as CountRow
from projections.invoice_timeline import Row as StepRow
from projections.invoices import Row


@of_row(invoice_timeline.READ_MODEL, "InvoiceStep", hide=(StepRow.invoice_id,))
class InvoiceStepNode:
    rule_set: str | None
    rule_ids: list[str] = strawberry.field(description="The rules that a refused document broke.")
    response_state: ResponseState | None
    clarifications: list[str] = strawberry.field(description="Codes of the Peppol list OPStatusReason.")
    clarification_sha256: str | None


@of_row(invoices.READ_MODEL, "Invoice", "An invoice or a credit note.")
class InvoiceNode:
    supplier_scheme: str
    received_from: strawberry.ID = strawberry.field(name="receivedFromId")
    seller_contact_id: strawberry.ID | None
    rule_set: str | None
    response_state: ResponseState | None

    seller_contact = personal_text(
        Row.seller_contact, INVOICE.stream, InvoiceReceived, "Whom to ask at the seller (EN 16931, BT-41)."
    )
    buyer = organisation_in(Row.buyer_id)
    timeline = children_of(
        InvoiceStepNode, StepRow.invoice_id, "Its steps, the oldest first; at most 200.", StepRow.version
    )


@of_counts(invoice_counts.READ_MODEL, "InvoiceCount", "Each step counted in the month in which it happened.")
class InvoiceCount:
    pass


@strawberry.type
class InvoicingQueries:
    invoice = one_of(InvoiceNode)
    invoices = Listed(
        InvoiceNode,
        (
            *(Row.jurisdiction, Row.kind, Row.supplier_number, Row.buyer_id, Row.received_from),
            *(Row.number, Row.currency, Row.first_response_on_time, Row.received_at),
        ),
        any_of=(Row.status, Row.response_state),
        by=(
            by_month(Row.received_at),
            *by_columns(Row.status, Row.response_state, Row.kind, Row.currency, Row.buyer_id),
        ),
        totals={"invoices": counted(), "payable_cents": summed(Row.payable_cents)},
        descriptions={"payable_cents": "Of one currency only if grouped or filtered by it."},
    ).field("newest", "Invoices and credit notes, the newest first.")
    invoice_counts = groups_of(
        InvoiceCount,
        "The counts of the buyers that the caller may see.",
        (CountRow.jurisdiction, CountRow.buyer_id),
        months=CountRow.month,
    )
