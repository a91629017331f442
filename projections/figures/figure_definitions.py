"""What every published figure counts. A definition that changes gets a new version; both series stay readable.

Title, text and population of each stand in `texts/`, in the four languages of the platform.
"""

from __future__ import annotations

from projections.figures.definition import Definition, Topic, Unit, Window

_CONSENTS = ("consent.granted.v1", "consent.withdrawn.v1")
_ENROLMENTS = ("organisations.organisation-enrolled.v1", "organisations.enrolment-ended.v1")
_SERVICES = ("organisations.service-registered.v1", "organisations.service-closed.v1")
_SENT, _PUBLISHED = "mailbox.message-sent.v1", "mailbox.message-published.v1"
_OPENED = "mailbox.message-opened.v1"
_AUTHENTICATED, _ACCESSED = "identity.authentication-succeeded.v1", "identity.service-accessed.v1"
_ACCEPTED = "bus.transaction-accepted.v1"
_RECEIVED = "invoicing.invoice-received.v1"


def _figure(figure_id: str, topic: Topic, window: Window, unit: Unit, distinct_key: str, *events: str) -> Definition:
    return Definition(id=figure_id, topic=topic, window=window, unit=unit, distinct_key=distinct_key, events=events)


HEADLINES: tuple[Definition, ...] = (
    _figure("active_consents", Topic.MAILBOX, Window.AS_OF_END, Unit.CONSENTS, "consent_id, grant_number", *_CONSENTS),
    _figure("unique_mailbox_users", Topic.MAILBOX, Window.AS_OF_END, Unit.PERSONS, "person_id", *_CONSENTS),
    _figure("messages_sent", Topic.MAILBOX, Window.DURING, Unit.MESSAGES, "message_id", _SENT),
    _figure("messages_to_active_mailboxes", Topic.MAILBOX, Window.DURING, Unit.MESSAGES, "message_id", _PUBLISHED),
    _figure("senders_connected", Topic.MAILBOX, Window.AS_OF_END, Unit.ORGANISATIONS, "organisation_id", *_ENROLMENTS),
    _figure("sending_organisations", Topic.MAILBOX, Window.DURING, Unit.ORGANISATIONS, "sender_id", _SENT),
    _figure("authentications", Topic.IDENTITY, Window.DURING, Unit.AUTHENTICATIONS, "session_id", _AUTHENTICATED),
    _figure("connected_services", Topic.IDENTITY, Window.AS_OF_END, Unit.SERVICES, "service_id", *_SERVICES),
    _figure("bus_transactions", Topic.BUS, Window.DURING, Unit.TRANSACTIONS, "source_id, transaction_id", _ACCEPTED),
    _figure("service_families", Topic.BUS, Window.DURING, Unit.SERVICE_FAMILIES, "service_family", _ACCEPTED),
    _figure(
        "invoices_received", Topic.INVOICING, Window.DURING, Unit.INVOICES, "supplier_id, number, issue year", _RECEIVED
    ),
    _figure(
        "invoice_receivers", Topic.INVOICING, Window.AS_OF_END, Unit.ORGANISATIONS, "organisation_id", *_ENROLMENTS
    ),
)
"""The figures that are one number for a period."""

OPEN_RATE = _figure("open_rate", Topic.MAILBOX, Window.COHORT, Unit.PERCENT, "message_id", _PUBLISHED, _OPENED)

_USES = (_AUTHENTICATED, _ACCESSED, *_SERVICES)
USE_INDEX = _figure("use_index", Topic.USE, Window.TWO_MONTHS, Unit.INDEX, "session_id, service_id", *_USES)

DEFINITIONS: dict[str, Definition] = {definition.id: definition for definition in (*HEADLINES, OPEN_RATE, USE_INDEX)}
