"""Facts for invoicing: is the buyer enrolled to receive electronic invoices, and is the contact a states person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from domain.identity.person import PERSON
from domain.invoicing.model import ReceiveInvoice
from domain.organisations.values import Enrolment


def _who_receives(command: ReceiveInvoice, states: States) -> Enriched[ReceiveInvoice]:
    buyer = enrolled_as(Enrolment.INVOICE_RECEIVER, command.buyer_id, states)
    contact_id = command.seller_contact_id
    # The erasure of a person who is not registered could not be requested.
    registered = bool(contact_id) and states.state(PERSON, contact_id).exists
    return Enriched(replace(command, buyer=buyer, contact_registered=registered))


READERS: Mapping[type, FactReader] = {ReceiveInvoice: _who_receives}
