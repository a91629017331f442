"""Commands of invoicing: a supplier or access point delivers, the platform checks, the buyer responds."""

from __future__ import annotations

from api.rest.command_route import CommandRoute, routes_below
from api.rights.relations import Relation, agency, system
from domain.invoicing.model import ReceiveInvoice, RefuseInvoice, RespondToInvoice, ValidateInvoice

ROUTES = (
    # An access point acts for many suppliers: an organisation of its own, or the platform's.
    CommandRoute(
        ReceiveInvoice,
        "/invoices",
        right=agency(Relation.ANY) | system(),
        summary="Deliver an invoice or credit note to a buyer.",
        creates="invoice_id",
    ),
    *routes_below(
        "/invoices/{invoice_id}",
        system(),
        {
            "validations": (ValidateInvoice, "Record that the document follows its rules."),
            "refusals": (
                RefuseInvoice,
                "Refuse a document that breaks its rules, naming them; its number may be used again.",
            ),
        },
    ),
    CommandRoute(
        RespondToInvoice,
        "/invoices/{invoice_id}/responses",
        right=agency(Relation.BUYER),
        summary="Tell the supplier where the invoice stands (Peppol Invoice Response).",
    ),
)
