"""Invoices: one row for each invoice or credit note, with its verdict, what the buyer last answered and its days."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Text

from domain.invoicing import InvoiceReceived, InvoiceRefused, InvoiceResponseGiven, InvoiceValidated
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "invoices",
    2,
    Column("invoice_id", Text, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("supplier_scheme", Text, nullable=False),
    Column("supplier_number", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("received_from", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("issue_date", Date, nullable=False),
    Column("due_date", Date, nullable=True),
    Column("payable_cents", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("document_sha256", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("seller_contact_id", Text, nullable=False),
    Column("seller_contact", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("rule_set", Text, nullable=False),
    Column("response_state", Text, nullable=False),
    Column("partially_paid", Boolean, nullable=False),
    Column("responses", BigInteger, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("response_due_on", Date, nullable=False),
    Column("first_response_at", DateTime(timezone=True), nullable=True),
    Column("first_response_on_time", Boolean, nullable=True),
    Column("last_response_at", DateTime(timezone=True), nullable=True),
)
Index("invoices_v2_newest", TABLE.c.received_at, TABLE.c.invoice_id)
Index("invoices_v2_buyer", TABLE.c.buyer_id, TABLE.c.received_at)
Index("invoices_v2_supplier", TABLE.c.supplier_number, TABLE.c.received_at)
Index("invoices_v2_received_from", TABLE.c.received_from, TABLE.c.received_at)


def _received(recorded: Recorded[InvoiceReceived]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (recorded.aggregate_id,),
        {
            "jurisdiction": event.jurisdiction.value,
            "kind": event.kind.value,
            "supplier_scheme": event.supplier_scheme.value,
            "supplier_number": event.supplier_number,
            "buyer_id": event.buyer_id,
            "received_from": event.received_from,
            "number": event.number,
            "issue_date": event.issue_date,
            "due_date": event.due_date,
            "payable_cents": event.payable_cents,
            "currency": event.currency,
            "document_sha256": event.document_sha256,
            "media_type": event.media_type,
            "seller_contact_id": event.seller_contact_id,
            "seller_contact": event.seller_contact,
            "status": "received",
            "rule_set": "",
            "response_state": "",
            "partially_paid": False,
            "responses": 0,
            "received_at": recorded.context.effective_at,
            "response_due_on": event.response_due_on,
            "first_response_at": None,
            "first_response_on_time": None,
            "last_response_at": None,
        },
    )


def _validated(recorded: Recorded[InvoiceValidated]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"status": "validated", "rule_set": recorded.event.rule_set})


def _refused(recorded: Recorded[InvoiceRefused]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"status": "refused", "rule_set": recorded.event.rule_set})


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Iterable[Effect]:
    event, at = recorded.event, recorded.context.effective_at
    values = {
        "response_state": event.state.value,
        "partially_paid": event.partial,
        "responses": event.response_number,
        "last_response_at": at,
    }
    if event.on_time is not None:
        values |= {"first_response_at": at, "first_response_on_time": event.on_time}
    yield Set((recorded.aggregate_id,), values)


PROJECTION = Projection(
    name="invoices",
    version=2,
    table=TABLE,
    rules={
        InvoiceReceived: _received,
        InvoiceValidated: _validated,
        InvoiceRefused: _refused,
        InvoiceResponseGiven: _responded,
    },
)
