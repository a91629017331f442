"""Invoice counts by month, jurisdiction and buyer, each event in the month in which it happened.

Received counts invoices and credit notes alike; refused, those that broke a rule; accepted, final approvals (AP); paid,
payments in full. An approval may be skipped: an invoice that is paid at once counts as paid only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text

from domain.invoicing import InvoiceReceived, InvoiceRefused, InvoiceResponseGiven, ResponseState
from domain.kernel import Recorded
from projections.effects import Add, Effect, Projection, civil_month, read_table

TABLE = read_table(
    "invoice_counts",
    1,
    Column("month", Text, primary_key=True),
    Column("jurisdiction", Text, primary_key=True),
    Column("buyer_id", Text, primary_key=True),
    Column("received", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
)
Index("invoice_counts_v1_period", TABLE.c.jurisdiction, TABLE.c.month)
Index("invoice_counts_v1_buyer", TABLE.c.buyer_id, TABLE.c.month)


def _received(recorded: Recorded[InvoiceReceived]) -> Iterable[Effect]:
    return (_one("received", recorded),)


def _refused(recorded: Recorded[InvoiceRefused]) -> Iterable[Effect]:
    return (_one("refused", recorded),)


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Iterable[Effect]:
    event = recorded.event
    if event.state is ResponseState.ACCEPTED:
        return (_one("accepted", recorded),)
    if event.state is ResponseState.PAID and not event.partial:
        return (_one("paid", recorded),)
    return ()


def _one(measure: str, recorded: Recorded[Any]) -> Add:
    event = recorded.event
    month = civil_month(recorded.context.effective_at)
    return Add((month, event.jurisdiction.value, event.buyer_id), {measure: 1})


PROJECTION = Projection(
    name="invoice_counts",
    version=1,
    table=TABLE,
    rules={InvoiceReceived: _received, InvoiceRefused: _refused, InvoiceResponseGiven: _responded},
)
