"""Doors of invoicing: a supplier or access point delivers, the platform checks, the buyer responds."""

from __future__ import annotations

from api.rest.doors import Door
from domain.invoicing import ReceiveInvoice, RefuseInvoice, RespondToInvoice, ValidateInvoice

_INVOICE = "/invoices/{invoice_id}"

DOORS = (
    Door(
        intent="receive-invoice",
        path="/invoices",
        command=ReceiveInvoice,
        activity="e-invoice-exchange",
        summary="Deliver an invoice or credit note to a buyer.",
        creates="invoice_id",
    ),
    Door(
        intent="validate-invoice",
        path=f"{_INVOICE}/validations",
        command=ValidateInvoice,
        activity="e-invoice-exchange",
        summary="Record that the document follows its rules.",
    ),
    Door(
        intent="refuse-invoice",
        path=f"{_INVOICE}/refusals",
        command=RefuseInvoice,
        activity="e-invoice-exchange",
        summary="Refuse a document that breaks its rules, naming them; its number may be used again.",
    ),
    Door(
        intent="respond-to-invoice",
        path=f"{_INVOICE}/responses",
        command=RespondToInvoice,
        activity="e-invoice-exchange",
        summary="Tell the supplier where the invoice stands (Peppol Invoice Response).",
    ),
)
