"""E-invoicing: one stream for each invoice or credit note that a supplier sends to an enrolled buyer.

Received, then validated against the rules or refused with their ids, then answered by the buyer. The document is kept
elsewhere, addressed by its hash. Sources: Peppol BIS Billing 3 (EN 16931, UBL) for the document, Peppol BIS Invoice
Response 3 (states of UNCL4343, rules PEPPOL-T111) for what the buyer answers.
"""

from domain.invoicing.model import (
    UNKNOWN_BUYER,
    Buyer,
    Clarification,
    Commands,
    Event,
    Invoice,
    InvoiceKind,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceValidated,
    ReceiveInvoice,
    RefuseInvoice,
    RespondToInvoice,
    ResponseState,
    SupplierScheme,
    ValidateInvoice,
    response_due_on,
)
from domain.invoicing.rules import DECIDERS, INVOICE

__all__ = [
    "DECIDERS",
    "INVOICE",
    "UNKNOWN_BUYER",
    "Buyer",
    "Clarification",
    "Commands",
    "Event",
    "Invoice",
    "InvoiceKind",
    "InvoiceReceived",
    "InvoiceRefused",
    "InvoiceResponseGiven",
    "InvoiceValidated",
    "ReceiveInvoice",
    "RefuseInvoice",
    "RespondToInvoice",
    "ResponseState",
    "SupplierScheme",
    "ValidateInvoice",
    "response_due_on",
]
