"""Invoices: one row for each invoice or credit note, with its verdict, the buyer's last answer and its dates."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from domain.access.access import Category
from domain.invoicing.model import (
    InvoiceKind,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceValidated,
    SupplierScheme,
    Verdict,
)
from domain.kernel import Jurisdiction, PersonalText, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, Rule, change, put
from projections.row_security import Seen


class InvoiceStatus(StrEnum):
    """The verdict on the document itself; the buyer's answer is the response state."""

    RECEIVED = "received"
    VALIDATED = "validated"
    REFUSED = "refused"


class Row(RowBase):
    invoice_id: Key[str]
    jurisdiction: Col[Jurisdiction]
    kind: Col[InvoiceKind]
    supplier_scheme: Col[SupplierScheme]
    supplier_number: Col[str]
    buyer_id: Col[str]
    received_from: Col[str]
    number: Col[str]
    issue_date: Col[date]
    due_date: Col[date | None]
    payable_cents: Col[int]
    currency: Col[str]
    document_sha256: Col[str]
    media_type: Col[str]
    seller_contact_id: Col[str]
    seller_contact: Col[PersonalText]
    status: Col[InvoiceStatus] = Col(InvoiceStatus.RECEIVED)
    rule_set: Col[str] = Col("")
    response_state: Col[str] = Col("")
    partially_paid: Col[bool] = Col(False)
    responses: Col[int] = Col(0)
    received_at: Col[datetime]
    response_due_on: Col[date]
    first_response_at: Col[datetime | None] = Col(None)
    first_response_on_time: Col[bool | None] = Col(None)
    last_response_at: Col[datetime | None] = Col(None)


def _received(recorded: Recorded[InvoiceReceived]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            invoice_id=recorded.aggregate_id,
            jurisdiction=event.jurisdiction,
            kind=event.kind,
            supplier_scheme=event.supplier_scheme,
            supplier_number=event.supplier_number,
            buyer_id=event.buyer_id,
            received_from=event.received_from,
            number=event.number,
            issue_date=event.issue_date,
            due_date=event.due_date,
            payable_cents=event.payable_cents,
            currency=event.currency,
            document_sha256=event.document_sha256,
            media_type=event.media_type,
            seller_contact_id=event.seller_contact_id,
            seller_contact=event.seller_contact,
            received_at=recorded.context.effective_at,
            response_due_on=event.response_due_on,
        )
    )


def _judged(status: InvoiceStatus) -> Rule[Row]:
    def rule(recorded: Recorded[Verdict]) -> Effects[Row]:
        invoice, rule_set = Row.invoice_id.to(recorded.aggregate_id), Row.rule_set.to(recorded.event.rule_set)
        yield change(Row, invoice, Row.status.to(status), rule_set)

    return rule


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Effects[Row]:
    event, at, invoice = recorded.event, recorded.context.effective_at, Row.invoice_id.to(recorded.aggregate_id)
    yield change(
        Row,
        invoice,
        Row.response_state.to(event.state),
        Row.partially_paid.to(event.partial),
        Row.responses.to(event.response_number),
        Row.last_response_at.to(at),
    )
    if event.on_time is not None:
        yield change(Row, invoice, Row.first_response_at.to(at), Row.first_response_on_time.to(event.on_time))


READ_MODEL = ReadModel(
    name="invoices",
    version=3,
    row=Row,
    rules={
        InvoiceReceived: _received,
        InvoiceValidated: _judged(InvoiceStatus.VALIDATED),
        InvoiceRefused: _judged(InvoiceStatus.REFUSED),
        InvoiceResponseGiven: _responded,
    },
    indexes={
        "buyer": (Row.buyer_id, Row.received_at, Row.invoice_id),
        "supplier": (Row.supplier_number, Row.received_at, Row.invoice_id),
        "received_from": (Row.received_from, Row.received_at, Row.invoice_id),
    },
    lists={"newest": ListOrder((Row.received_at, Row.invoice_id), newest_first=True)},
    seen=Seen(parties=(Row.buyer_id, Row.received_from), numbers=(Row.supplier_number,)),
    about={Row.seller_contact_id: Category.INVOICES},
)
