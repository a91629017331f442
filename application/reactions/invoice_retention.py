"""Whenever an invoice names a person at the seller, their data for invoicing is held as long as invoices are kept.

Sources: for a buyer in Belgium, article 60, paragraph 1, of the VAT code: invoices are kept for ten years from 1
January of the year after their date; for those of before 2023 it was seven (law of 20 November 2022, in force on 1
January 2023). For a buyer in the Netherlands, article 52, paragraph 4, of the Algemene wet inzake rijksbelastingen:
seven years, counted from the end of the year to which the invoice belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import MAXYEAR, date

from application.reactor import Reactor, commands
from domain.erasure.model import HoldGround, PlaceRetentionHold
from domain.invoicing.model import InvoiceReceived
from domain.kernel import Jurisdiction, PurposeGroup, Recorded

HOLD_ID = "invoice-retention"
"""One hold for all invoices of a person; each later one moves its last day."""

LONGER_SINCE = 2023
YEARS_KEPT = 7
YEARS_KEPT_IN_BELGIUM = 10


def kept_until(jurisdiction: Jurisdiction, issue_date: date) -> date:
    """Return the last day on which an invoice has to be kept."""
    longer = jurisdiction is Jurisdiction.BE and issue_date.year >= LONGER_SINCE
    years = YEARS_KEPT_IN_BELGIUM if longer else YEARS_KEPT
    return date(min(issue_date.year + years, MAXYEAR), 12, 31)


def hold_contact(recorded: Recorded[InvoiceReceived], by: str) -> Sequence[PlaceRetentionHold]:
    """Return the hold on the person whom the invoice names, if it names one. `by` is the platform's organisation.

    A date in a far year, a mistake of the seller, holds data for no longer than an invoice of next year.
    """
    event, received_at = recorded.event, recorded.context.effective_at
    if not event.seller_contact_id:
        return []
    issued = min(event.issue_date, date(received_at.year + 1, 12, 31))
    return [
        PlaceRetentionHold(
            person_id=event.seller_contact_id,
            hold_id=HOLD_ID,
            group=PurposeGroup.INVOICING,
            ground=HoldGround.INVOICE_RETENTION,
            until=kept_until(event.jurisdiction, issued),
            at=received_at,
            by=by,
        )
    ]


def _contact(recorded: Recorded[InvoiceReceived]) -> str:
    return recorded.event.seller_contact_id


REACTOR = Reactor(name="invoice-retention", reactions={InvoiceReceived: commands(hold_contact)}, key_of=_contact)
"""In the order of each person, as the eraser is: an erasure waits for the holds of earlier invoices."""
