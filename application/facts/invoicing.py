"""Facts for invoicing: is the buyer enrolled to receive electronic invoices, and where?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.ports import FactReader, Informed, Known
from domain import organisations
from domain.invoicing import Buyer, ReceiveInvoice


def _who_receives(command: ReceiveInvoice, known: Known) -> Informed[ReceiveInvoice]:
    organisation = known.state(organisations.ORGANISATION, command.buyer_id)
    buyer = Buyer(
        organisation_id=command.buyer_id,
        enrolled=organisations.holds(organisation, organisations.Enrolment.INVOICE_RECEIVER),
        jurisdiction=organisation.jurisdiction,
    )
    return Informed(replace(command, buyer=buyer))


READERS: Mapping[type, FactReader] = {ReceiveInvoice: _who_receives}
