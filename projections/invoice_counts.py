"""Invoice counts by month, jurisdiction and buyer, each event in the month in which it happened.

Received counts invoices and credit notes alike; refused, those that broke a rule; accepted, final approvals (AP); paid,
payments in full. An approval may be skipped: an invoice that is paid at once counts as paid only.
"""

from __future__ import annotations

from domain.invoicing.model import InvoiceEvent, InvoiceReceived, InvoiceRefused, InvoiceResponseGiven, ResponseState
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[Jurisdiction]
    buyer_id: Key[str]
    received: Col[int]
    refused: Col[int]
    accepted: Col[int]
    paid: Col[int]


def _one(counter: Col[int], recorded: Recorded[InvoiceEvent]) -> Effects[Row]:
    yield add(
        Row,
        Row.month.to(civil_month(recorded.context.effective_at)),
        Row.jurisdiction.to(recorded.event.jurisdiction),
        Row.buyer_id.to(recorded.event.buyer_id),
        counter.to(1),
    )


def _received(recorded: Recorded[InvoiceReceived]) -> Effects[Row]:
    return _one(Row.received, recorded)


def _refused(recorded: Recorded[InvoiceRefused]) -> Effects[Row]:
    return _one(Row.refused, recorded)


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Effects[Row]:
    event = recorded.event
    if event.state == ResponseState.ACCEPTED:
        return _one(Row.accepted, recorded)
    if event.state == ResponseState.PAID and not event.partial:
        return _one(Row.paid, recorded)
    return ()


READ_MODEL = ReadModel(
    name="invoice_counts",
    version=1,
    row=Row,
    rules={
        InvoiceReceived: _received,
        InvoiceRefused: _refused,
        InvoiceResponseGiven: _responded,
    },
    indexes={
        "period": (Row.jurisdiction, Row.month),
        "buyer": (Row.buyer_id, Row.month),
    },
    seen=Seen(parties=(Row.buyer_id,), roles=(*STAFF, FIGURES)),
)
