"""What every published figure counts. A definition that changes gets a new version; both series stay readable.

Title, text and population of each stand in `texts/`, in the four languages of the platform.
"""

from __future__ import annotations

from projections.figures.definition import Definition, Topic, Unit, Window

ENROLLED = ("organisations.organisation-enrolled.v1", "organisations.enrolment-ended.v1")

HEADLINES: tuple[Definition, ...] = (
    Definition(
        id="active_consents",
        topic=Topic.MAILBOX,
        distinct_key="consent_id, grant_number",
        window=Window.AS_OF_END,
        unit=Unit.CONSENTS,
        events=("consent.granted.v1", "consent.withdrawn.v1"),
    ),
    Definition(
        id="unique_mailbox_users",
        topic=Topic.MAILBOX,
        distinct_key="person_id",
        window=Window.AS_OF_END,
        unit=Unit.PERSONS,
        events=("consent.granted.v1", "consent.withdrawn.v1"),
    ),
    Definition(
        id="messages_sent",
        topic=Topic.MAILBOX,
        distinct_key="message_id",
        window=Window.DURING,
        unit=Unit.MESSAGES,
        events=("mailbox.message-sent.v1",),
    ),
    Definition(
        id="messages_to_active_mailboxes",
        topic=Topic.MAILBOX,
        distinct_key="message_id",
        window=Window.DURING,
        unit=Unit.MESSAGES,
        events=("mailbox.message-published.v1",),
    ),
    Definition(
        id="senders_connected",
        topic=Topic.MAILBOX,
        distinct_key="organisation_id",
        window=Window.AS_OF_END,
        unit=Unit.ORGANISATIONS,
        events=ENROLLED,
    ),
    Definition(
        id="sending_organisations",
        topic=Topic.MAILBOX,
        distinct_key="sender_id",
        window=Window.DURING,
        unit=Unit.ORGANISATIONS,
        events=("mailbox.message-sent.v1",),
    ),
    Definition(
        id="authentications",
        topic=Topic.IDENTITY,
        distinct_key="session_id",
        window=Window.DURING,
        unit=Unit.AUTHENTICATIONS,
        events=("identity.authentication-succeeded.v1",),
    ),
    Definition(
        id="connected_services",
        topic=Topic.IDENTITY,
        distinct_key="service_id",
        window=Window.AS_OF_END,
        unit=Unit.SERVICES,
        events=("organisations.service-registered.v1", "organisations.service-closed.v1"),
    ),
    Definition(
        id="bus_transactions",
        topic=Topic.BUS,
        distinct_key="source_id, transaction_id",
        window=Window.DURING,
        unit=Unit.TRANSACTIONS,
        events=("bus.transaction-accepted.v1",),
    ),
    Definition(
        id="service_families",
        topic=Topic.BUS,
        distinct_key="service_family",
        window=Window.DURING,
        unit=Unit.SERVICE_FAMILIES,
        events=("bus.transaction-accepted.v1",),
    ),
    Definition(
        id="invoices_received",
        topic=Topic.INVOICING,
        distinct_key="supplier_id, number, issue year",
        window=Window.DURING,
        unit=Unit.INVOICES,
        events=("invoicing.invoice-received.v1",),
    ),
    Definition(
        id="invoice_receivers",
        topic=Topic.INVOICING,
        distinct_key="organisation_id",
        window=Window.AS_OF_END,
        unit=Unit.ORGANISATIONS,
        events=ENROLLED,
    ),
)
"""The figures that are one number for a period."""

OPEN_RATE = Definition(
    id="open_rate",
    topic=Topic.MAILBOX,
    distinct_key="message_id",
    window=Window.COHORT,
    unit=Unit.PERCENT,
    events=("mailbox.message-published.v1", "mailbox.message-opened.v1"),
)

USE_INDEX = Definition(
    id="use_index",
    topic=Topic.USE,
    distinct_key="session_id, service_id",
    window=Window.TWO_MONTHS,
    unit=Unit.INDEX,
    events=(
        "identity.authentication-succeeded.v1",
        "identity.service-accessed.v1",
        "organisations.service-registered.v1",
        "organisations.service-closed.v1",
    ),
)

DEFINITIONS: dict[str, Definition] = {definition.id: definition for definition in (*HEADLINES, OPEN_RATE, USE_INDEX)}
