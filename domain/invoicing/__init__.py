"""E-invoicing: one stream for each invoice or credit note that a supplier sends to an enrolled buyer.

Received, then validated against the rules or refused with their ids, then answered by the buyer. The document is kept
elsewhere, addressed by its hash. Sources: Peppol BIS Billing 3 (EN 16931, UBL) for the document, Peppol BIS Invoice
Response 3 (states of UNCL4343, rules PEPPOL-T111) for what the buyer answers.
"""

from __future__ import annotations

from domain.invoicing.rules import INVOICE

DECIDERS = (INVOICE,)
