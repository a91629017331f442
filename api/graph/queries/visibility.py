"""Who sees which rows: the one table that every query of the GraphQL API goes through.

A row of another organisation is never an error: it is as if it were not there. What a role may not ask for at all is
refused before anything is read, as `api.rights.graph` says; here it sees no row of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, Table, and_, any_, exists, false, not_, or_, select, true

from api.web.errors import Problem
from application.ports import Caller, Role
from domain.mailbox.values import OwnerKind
from projections import (
    access_suppressions,
    accesses,
    authentications,
    bus_counts,
    bus_transactions,
    consents,
    daily_counts,
    enrolments,
    erasures,
    invoice_counts,
    invoice_timeline,
    invoices,
    keys,
    legal_holds,
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

Query: TypeAlias = Select[*tuple[Any, ...]]

Rows: TypeAlias = Callable[[str], ColumnElement[bool]]
"""Given the caller's organisation: which rows of a table it sees."""

GRANTED = "granted"


def everything(_: str) -> ColumnElement[bool]:
    return true()


def nothing(_: str) -> ColumnElement[bool]:
    """Stands for a read model that a role may not ask for: it would see nothing if it could."""
    return false()


def only_in_a_session(_: str) -> ColumnElement[bool]:
    """Stands for what is shown to the person in a session at the caller alone: see `accesses_told_to`."""
    return false()


def named_in(*columns: ColumnElement[str]) -> Rows:
    """Keep the rows that name the organisation in one of the columns."""
    return lambda own: or_(*(column == own for column in columns))


# --- Rules of agencies ----------------------------------------------------------------------------------------------


def _consent_in_force(person_id: ColumnElement[str], own: str) -> ColumnElement[bool]:
    """Say whether the person has a consent in force at the caller, as their mailbox provider."""
    c = consents.TABLE.c
    return exists(select(c.consent_id).where(c.person_id == person_id, c.provider_id == own, c.status == GRANTED))


def _own_mailboxes(own: str) -> ColumnElement[bool]:
    """Keep the caller's own mailbox, those of enterprises that it provides, and those of persons who consent there."""
    c = mailboxes.TABLE.c
    provided = and_(c.owner_kind == OwnerKind.ENTERPRISE.value, c.provider_id == own)
    return or_(c.mailbox_id == own, provided, _consent_in_force(c.mailbox_id, own))


def _own_messages(own: str) -> ColumnElement[bool]:
    """Keep what the caller sent, or was sent in its name; and what was published in a mailbox that it sees."""
    c, box = messages.TABLE.c, mailboxes.TABLE.c
    provided = exists(
        select(box.mailbox_id).where(
            box.mailbox_id == c.mailbox_id, box.owner_kind == OwnerKind.ENTERPRISE.value, box.provider_id == own
        )
    )
    received = or_(c.mailbox_id == own, provided, _consent_in_force(c.mailbox_id, own))
    return or_(c.sender_id == own, c.on_behalf_of == own, and_(c.published_at.is_not(None), received))


def _steps_of_own_messages(own: str) -> ColumnElement[bool]:
    message = messages.TABLE.c
    return exists(
        select(message.message_id).where(
            message.message_id == message_timeline.TABLE.c.message_id,
            _own_messages(own),
        )
    )


def _own_invoices(table: Table) -> Rows:
    """Keep the invoices that the caller buys by, delivered, or supplied under its own enterprise number."""

    def rows(own: str) -> ColumnElement[bool]:
        # The numbers of the three registers differ in length: equal numbers are of the same register.
        organisation = organisations.TABLE.c
        number = (
            select(organisation.enterprise_number)
            .where(organisation.organisation_id == own, organisation.enterprise_number != "")
            .scalar_subquery()
        )
        c = table.c
        return or_(c.buyer_id == own, c.received_from == own, c.supplier_number == number)

    return rows


def _own_people(table: Table) -> Rows:
    """Keep the persons who consented to the caller's mailbox or hold a key of it."""

    def rows(own: str) -> ColumnElement[bool]:
        person, key = table.c.person_id, keys.TABLE.c
        holds_key = exists(select(key.key_id).where(key.person_id == person, key.provider_id == own))
        return or_(_consent_in_force(person, own), holds_key)

    return rows


def _mandates_at_own_services(own: str) -> ColumnElement[bool]:
    """Keep the mandates that name a service of the caller, or the caller as a party.

    A legal representation that reaches every service is in nobody's list: whether it lets someone act is asked with
    both parties named.
    """
    c = mandates.TABLE.c
    return or_(any_(c.organisation_ids) == own, c.mandator_id == own, c.mandatary_id == own)


def _counts_of_own_services(own: str) -> ColumnElement[bool]:
    service = services.TABLE.c
    return exists(
        select(service.service_id).where(
            service.service_id == authentications.TABLE.c.service_id, service.organisation_id == own
        )
    )


# --- The table ------------------------------------------------------------------------------------------------------

AGENCY: Mapping[Table, Rows] = {
    organisations.TABLE: everything,
    enrolments.TABLE: everything,
    services.TABLE: everything,
    service_families.TABLE: everything,
    people.TABLE: _own_people(people.TABLE),
    keys.TABLE: named_in(keys.TABLE.c.provider_id),
    authentications.TABLE: _counts_of_own_services,
    service_use.TABLE: nothing,
    mandates.TABLE: _mandates_at_own_services,
    consents.TABLE: named_in(consents.TABLE.c.provider_id),
    mailboxes.TABLE: _own_mailboxes,
    messages.TABLE: _own_messages,
    message_timeline.TABLE: _steps_of_own_messages,
    message_counts.TABLE: named_in(message_counts.TABLE.c.sender_id),
    open_rates.TABLE: everything,
    bus_transactions.TABLE: named_in(bus_transactions.TABLE.c.source_id, bus_transactions.TABLE.c.target_id),
    bus_counts.TABLE: everything,
    invoices.TABLE: _own_invoices(invoices.TABLE),
    invoice_timeline.TABLE: _own_invoices(invoice_timeline.TABLE),
    invoice_counts.TABLE: named_in(invoice_counts.TABLE.c.buyer_id),
    daily_counts.TABLE: named_in(daily_counts.TABLE.c.organisation_id),
    projection_acts.TABLE: nothing,
    erasures.TABLE: _own_people(erasures.TABLE),
    legal_holds.TABLE: nothing,
    accesses.TABLE: only_in_a_session,
    access_suppressions.TABLE: nothing,
}
OVERSIGHT: Mapping[Table, Rows] = dict.fromkeys(AGENCY, everything)
# Who looked at whom is for auditors: whoever runs the platform is looked over as well.
ADMINISTRATOR: Mapping[Table, Rows] = {**OVERSIGHT, accesses.TABLE: nothing, access_suppressions.TABLE: nothing}
# Why an administrator did something, or a court, is no business of the platform's own programs.
SYSTEM: Mapping[Table, Rows] = {**ADMINISTRATOR, projection_acts.TABLE: nothing, legal_holds.TABLE: nothing}

VISIBLE: Mapping[Role, Mapping[Table, Rows]] = {
    Role.AGENCY: AGENCY,
    Role.AUDITOR: OVERSIGHT,
    Role.ADMINISTRATOR: ADMINISTRATOR,
    Role.SYSTEM: SYSTEM,
}


def accesses_told_to(person_id: str, now: datetime) -> ColumnElement[bool]:
    """Keep the looks at a person that they are told of themselves: all but those under a suppression."""
    c = accesses.TABLE.c
    hidden = access_suppressions.suppressed(c.subject_id, c.organisation_id, c.accessed_at, now)
    return and_(c.subject_id == person_id, not_(hidden))


def seen(caller: Caller, table: Table) -> ColumnElement[bool]:
    """Return which rows of a table the caller sees."""
    rows = VISIBLE[caller.role][table]
    # An empty text stands for "none" in many columns: who acts for no organisation is a party to nothing.
    if rows is not everything and not caller.organisation_id:
        return false()
    return rows(caller.organisation_id)


def visible(caller: Caller, table: Table, query: Query | None = None) -> Query:
    """Limit a query on a table, by default all its columns, to the rows that the caller sees."""
    return (select(table) if query is None else query).where(seen(caller, table))


def check_own_service(caller: Caller, organisation_id: str) -> None:
    """Refuse an agency that asks who may act at the service of another organisation."""
    if caller.role is Role.AGENCY and caller.organisation_id != organisation_id:
        raise Problem(403, "not-your-service", "Who may act at a service is for its own organisation to ask.")
