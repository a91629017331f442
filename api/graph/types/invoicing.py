"""Invoices with their timelines, seen by buyer, deliverer and supplier, and the counts by month and buyer."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import strawberry
from sqlalchemy import func

from api.graph.queries.connections import Connection, Listing, Order, conditions, month_of, part, summed, totals
from api.graph.queries.personal_text import PersonalText, opened
from api.graph.queries.query_context import Info
from api.graph.queries.values import During, Id, Long, Months, described
from api.graph.types.organisations import Organisation, organisation_of
from domain.invoicing.model import InvoiceKind, InvoiceReceived, ResponseState
from domain.invoicing.rules import INVOICE
from domain.kernel import Jurisdiction
from projections import invoice_counts, invoice_timeline
from projections.invoice_timeline import InvoiceStepKind
from projections.invoices import TABLE, InvoiceStatus

COUNTS = invoice_counts.TABLE
STEPS = invoice_timeline.TABLE
NEWEST_FIRST = Order((TABLE.c.received_at, TABLE.c.invoice_id), newest_first=True)


strawberry.enum(InvoiceStatus)
strawberry.enum(InvoiceStepKind)


@strawberry.type
class InvoiceStep:
    version: Long
    happened_at: datetime
    step: InvoiceStepKind
    rule_set: str | None
    response_state: ResponseState | None
    partial: bool
    clarification_sha256: str | None

    rule_ids: list[str] = strawberry.field(description="The rules that a refused document broke.")
    clarifications: list[str] = strawberry.field(description="Codes of the Peppol list OPStatusReason.")


@strawberry.type(description="An invoice or a credit note.")
class Invoice:
    invoice_id: strawberry.ID = strawberry.field(name="id")
    jurisdiction: Jurisdiction
    kind: InvoiceKind
    supplier_scheme: str
    supplier_number: str
    buyer_id: strawberry.ID
    received_from: strawberry.ID = strawberry.field(name="receivedFromId")
    number: str
    issue_date: date
    due_date: date | None
    payable_cents: Long
    currency: str
    document_sha256: str
    media_type: str
    seller_contact_id: strawberry.ID | None
    status: InvoiceStatus
    rule_set: str | None
    response_state: ResponseState | None
    partially_paid: bool
    responses: Long
    received_at: datetime
    response_due_on: date
    first_response_at: datetime | None
    first_response_on_time: bool | None
    last_response_at: datetime | None

    @described("Whom to ask at the seller (EN 16931, BT-41).", name="sellerContact")
    async def contact_at_seller(self, info: Info) -> PersonalText | None:
        sealed: str = self.seller_contact  # type: ignore[attr-defined]
        return await opened(info, sealed, INVOICE.stream(self.invoice_id), InvoiceReceived, "seller_contact")

    @strawberry.field
    async def buyer(self, info: Info) -> Organisation | None:
        return await organisation_of(info, self.buyer_id)

    @described("Its steps, the oldest first; at most 200.")
    async def timeline(self, info: Info) -> list[InvoiceStep]:
        found: list[InvoiceStep] = await info.context.children(STEPS, "invoice_id", self.invoice_id, STEPS.c.version)
        return found


@strawberry.enum
class InvoiceDimension(StrEnum):
    """By what invoices are counted; the month is that of receipt."""

    MONTH = "month"
    STATUS = "status"
    RESPONSE_STATE = "response_state"
    KIND = "kind"
    CURRENCY = "currency"
    BUYER = "buyer_id"


DIMENSIONS = {
    "month": month_of(TABLE.c.received_at),
    **{name: TABLE.c[name] for name in ("status", "response_state", "kind", "currency", "buyer_id")},
}


@strawberry.type
class InvoiceTotal:
    month: str | None
    status: InvoiceStatus | None
    response_state: ResponseState | None
    kind: InvoiceKind | None
    currency: str | None
    buyer_id: strawberry.ID | None
    invoices: Long
    payable_cents: Long = strawberry.field(description="Of one currency only if grouped or filtered by it.")


@strawberry.type
class InvoiceConnection(Connection[Invoice]):
    @described("All pages together, in groups.")
    async def totals(self, by: list[InvoiceDimension]) -> list[InvoiceTotal]:
        measures = (func.count().label("invoices"), summed(TABLE.c.payable_cents))
        found: list[InvoiceTotal] = await self.listing.totals(by, DIMENSIONS, *measures)
        return found


@strawberry.input
class InvoiceFilter:
    jurisdiction: Jurisdiction | None = None
    kind: InvoiceKind | None = None
    supplier_number: str | None = None
    buyer_id: strawberry.ID | None = None
    received_from: strawberry.ID | None = strawberry.field(name="receivedFromId", default=None)
    number: str | None = None
    currency: str | None = None
    status: list[InvoiceStatus] | None = None
    response_state: list[ResponseState] | None = None
    first_response_on_time: bool | None = None
    received_at: During | None = None


@strawberry.enum
class InvoiceCountDimension(StrEnum):
    """By what the counts are cut."""

    MONTH = "month"
    BUYER = "buyer_id"
    JURISDICTION = "jurisdiction"


@strawberry.type(description="Each step counted in the month in which it happened.")
class InvoiceCount:
    month: str | None
    buyer_id: strawberry.ID | None
    jurisdiction: Jurisdiction | None
    received: Long
    refused: Long
    accepted: Long
    paid: Long


@strawberry.input
class InvoiceCountFilter:
    jurisdiction: Jurisdiction | None = None
    buyer_id: strawberry.ID | None = None
    month: Months | None = strawberry.field(name="months", default=None)


@strawberry.type
class InvoicingQueries:
    @strawberry.field
    async def invoice(self, info: Info, invoice_id: Id) -> Invoice | None:
        found: Invoice | None = await info.context.one(TABLE, invoice_id=invoice_id)
        return found

    @described("Invoices and credit notes, the newest first.")
    async def invoices(
        self,
        info: Info,
        *,
        where: InvoiceFilter | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> InvoiceConnection:
        wanted = part(first, after, last, before)
        return InvoiceConnection(listing=Listing(info.context, TABLE, NEWEST_FIRST, conditions(TABLE, where), wanted))

    @described("The counts of the buyers that the caller may see.")
    async def invoice_counts(
        self, info: Info, by: list[InvoiceCountDimension], where: InvoiceCountFilter | None = None
    ) -> list[InvoiceCount]:
        dimensions = {it.value: COUNTS.c[it.value] for it in InvoiceCountDimension}
        measures = [summed(COUNTS.c[name]) for name in ("received", "refused", "accepted", "paid")]
        kept = conditions(COUNTS, where)
        found: list[InvoiceCount] = await totals(info.context, COUNTS, kept, by, dimensions, *measures)
        return found
