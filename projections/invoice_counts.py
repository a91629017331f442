"""Invoice counts by month, jurisdiction and buyer, each event in the month in which it happened.

Received counts invoices and credit notes alike; refused, those that broke a rule; accepted, final approvals (AP); paid,
payments in full. An approval may be skipped: an invoice that is paid at once counts as paid only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Select, Text, and_, func, select

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

# --- Queries --------------------------------------------------------------------------------------------------------

_SUMS = (
    func.coalesce(func.sum(TABLE.c.received), 0).label("received"),
    func.coalesce(func.sum(TABLE.c.refused), 0).label("refused"),
    func.coalesce(func.sum(TABLE.c.accepted), 0).label("accepted"),
    func.coalesce(func.sum(TABLE.c.paid), 0).label("paid"),
)


def totals(jurisdiction: str, first_month: str, last_month: str) -> Select[Any]:
    """Sum a period of whole civil months, both included: received, refused, accepted, paid."""
    return select(*_SUMS).where(_in(jurisdiction, first_month, last_month))


def by_month(jurisdiction: str, first_month: str, last_month: str) -> Select[Any]:
    """Sum each month of a period over all buyers."""
    return (
        select(TABLE.c.month, *_SUMS)
        .where(_in(jurisdiction, first_month, last_month))
        .group_by(TABLE.c.month)
        .order_by(TABLE.c.month)
    )


def by_buyer(jurisdiction: str, first_month: str, last_month: str) -> Select[Any]:
    """Sum a period for each buyer."""
    return (
        select(TABLE.c.buyer_id, *_SUMS)
        .where(_in(jurisdiction, first_month, last_month))
        .group_by(TABLE.c.buyer_id)
        .order_by(TABLE.c.buyer_id)
    )


def of_buyer(buyer_id: str, first_month: str, last_month: str) -> Select[Any]:
    """Select the months of one buyer."""
    return (
        select(TABLE)
        .where(TABLE.c.buyer_id == buyer_id, TABLE.c.month.between(first_month, last_month))
        .order_by(TABLE.c.month)
    )


def _in(jurisdiction: str, first_month: str, last_month: str) -> ColumnElement[bool]:
    return and_(TABLE.c.jurisdiction == jurisdiction, TABLE.c.month.between(first_month, last_month))
