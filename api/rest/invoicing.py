"""Commands of invoicing: a supplier or access point delivers, the platform checks, the buyer responds."""

from __future__ import annotations

from api.rest.command_route import CommandRoute
from api.rights.relations import Relation, agency, system
from domain.invoicing.model import ReceiveInvoice, RefuseInvoice, RespondToInvoice, ValidateInvoice

_INVOICE = "/invoices/{invoice_id}"

ROUTES = (
    # An access point acts for many suppliers: an organisation of its own, or the platform's.
    CommandRoute(
        ReceiveInvoice,
        "/invoices",
        right=agency(Relation.ANY) | system(),
        summary="Deliver an invoice or credit note to a buyer.",
        creates="invoice_id",
    ),
    CommandRoute(
        ValidateInvoice,
        f"{_INVOICE}/validations",
        right=system(),
        summary="Record that the document follows its rules.",
    ),
    CommandRoute(
        RefuseInvoice,
        f"{_INVOICE}/refusals",
        right=system(),
        summary="Refuse a document that breaks its rules, naming them; its number may be used again.",
    ),
    CommandRoute(
        RespondToInvoice,
        f"{_INVOICE}/responses",
        right=agency(Relation.BUYER),
        summary="Tell the supplier where the invoice stands (Peppol Invoice Response).",
    ),
)
