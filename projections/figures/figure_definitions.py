"""What every published figure counts. A definition that changes gets a new version; both series stay readable.

Title, text and population of each stand in `texts/`, in the four languages of the platform.
"""

from __future__ import annotations

from projections.figures.definition import Definition, Topic, Unit, Window

_CONSENTS = ("consent.granted.v1", "consent.withdrawn.v1")
_ENROLMENTS = ("organisations.organisation-enrolled.v1", "organisations.enrolment-ended.v1")
_SERVICES = ("organisations.service-registered.v1", "organisations.service-closed.v1")
_SENT, _PUBLISHED, _OPENED = (f"mailbox.message-{step}.v1" for step in ("sent", "published", "opened"))
_AUTHENTICATED, _ACCESSED = "identity.authentication-succeeded.v1", "identity.service-accessed.v1"
_ACCEPTED = "bus.transaction-accepted.v1"
_RECEIVED = "invoicing.invoice-received.v1"


def _as_of_end(figure_id: str, topic: Topic, unit: Unit, distinct_key: str, *events: str) -> Definition:
    """Count what is so at the end of a period."""
    return Definition(
        id=figure_id, topic=topic, unit=unit, window=Window.AS_OF_END, distinct_key=distinct_key, events=events
    )


def _during(figure_id: str, topic: Topic, unit: Unit, distinct_key: str, *events: str) -> Definition:
    """Count what happens in a period."""
    return Definition(
        id=figure_id, topic=topic, unit=unit, window=Window.DURING, distinct_key=distinct_key, events=events
    )


HEADLINES: tuple[Definition, ...] = (
    _as_of_end("active_consents", Topic.MAILBOX, Unit.CONSENTS, "consent_id, grant_number", *_CONSENTS),
    _as_of_end("unique_mailbox_users", Topic.MAILBOX, Unit.PERSONS, "person_id", *_CONSENTS),
    _during("messages_sent", Topic.MAILBOX, Unit.MESSAGES, "message_id", _SENT),
    _during("messages_to_active_mailboxes", Topic.MAILBOX, Unit.MESSAGES, "message_id", _PUBLISHED),
    _as_of_end("senders_connected", Topic.MAILBOX, Unit.ORGANISATIONS, "organisation_id", *_ENROLMENTS),
    _during("sending_organisations", Topic.MAILBOX, Unit.ORGANISATIONS, "sender_id", _SENT),
    _during("authentications", Topic.IDENTITY, Unit.AUTHENTICATIONS, "session_id", _AUTHENTICATED),
    _as_of_end("connected_services", Topic.IDENTITY, Unit.SERVICES, "service_id", *_SERVICES),
    _during("bus_transactions", Topic.BUS, Unit.TRANSACTIONS, "source_id, transaction_id", _ACCEPTED),
    _during("service_families", Topic.BUS, Unit.SERVICE_FAMILIES, "service_family", _ACCEPTED),
    _during("invoices_received", Topic.INVOICING, Unit.INVOICES, "supplier_id, number, issue year", _RECEIVED),
    _as_of_end("invoice_receivers", Topic.INVOICING, Unit.ORGANISATIONS, "organisation_id", *_ENROLMENTS),
)
"""The figures that are one number for a period."""

OPEN_RATE = Definition(
    id="open_rate",
    topic=Topic.MAILBOX,
    unit=Unit.PERCENT,
    window=Window.COHORT,
    distinct_key="message_id",
    events=(_PUBLISHED, _OPENED),
)

USE_INDEX = Definition(
    id="use_index",
    topic=Topic.USE,
    unit=Unit.INDEX,
    window=Window.TWO_MONTHS,
    distinct_key="session_id, service_id",
    events=(_AUTHENTICATED, _ACCESSED, *_SERVICES),
)

DEFINITIONS: dict[str, Definition] = {definition.id: definition for definition in (*HEADLINES, OPEN_RATE, USE_INDEX)}
