"""The one list of read models."""

from __future__ import annotations

from projections import (
    authentications,
    bus_counts,
    bus_transactions,
    consents,
    daily_counts,
    enrolments,
    invoice_counts,
    invoice_timeline,
    invoices,
    keys,
    mailboxes,
    mandates,
    message_counts,
    message_timeline,
    messages,
    open_rates,
    organisations,
    people,
    projection_acts,
    service_families,
    service_use,
    services,
)
from projections.effects import Projection

PROJECTIONS: tuple[Projection, ...] = (
    organisations.PROJECTION,
    enrolments.PROJECTION,
    services.PROJECTION,
    service_families.PROJECTION,
    people.PROJECTION,
    keys.PROJECTION,
    authentications.PROJECTION,
    service_use.PROJECTION,
    mandates.PROJECTION,
    consents.PROJECTION,
    mailboxes.PROJECTION,
    messages.PROJECTION,
    message_timeline.PROJECTION,
    message_counts.PROJECTION,
    open_rates.PROJECTION,
    bus_transactions.PROJECTION,
    bus_counts.PROJECTION,
    invoices.PROJECTION,
    invoice_timeline.PROJECTION,
    invoice_counts.PROJECTION,
    daily_counts.PROJECTION,
    projection_acts.PROJECTION,
)
