"""Facts for invoicing: is the buyer enrolled to receive electronic invoices, and is the contact a states person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from application.facts.organisations import enrolled_as
from application.ports import Enriched, FactReader, States
from application.public_holidays import public_holidays_from
from domain.identity.person import PERSON
from domain.invoicing.model import ReceiveInvoice
from domain.organisations.values import Enrolment


def _who_receives(command: ReceiveInvoice, states: States) -> Enriched[ReceiveInvoice]:
    buyer = enrolled_as(Enrolment.INVOICE_RECEIVER, command.buyer_id, states)
    holidays = public_holidays_from(command.at.date(), buyer.territory)
    contact_id = command.seller_contact_id
    # The erasure of a person who is not registered could not be requested.
    registered = bool(contact_id) and states.state(PERSON, contact_id).exists
    return Enriched(replace(command, buyer=buyer, holidays=holidays, contact_registered=registered))


READERS: Mapping[type, FactReader] = {ReceiveInvoice: _who_receives}
