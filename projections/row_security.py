"""Which rows PostgreSQL itself lets the reader see, whatever our own queries forget to ask.

The conditions are those of `api/graph/queries/visibility.py`, said a second time, in SQL: a mistake in one of them is
caught by the other. A read model that does not stand in the table is seen by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

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
from projections.read_model import SCHEMA

ROLE = "kroniek.role"
ORGANISATION = "kroniek.organisation"
MANDATOR = "kroniek.mandator"
PERSON = "kroniek.person"
"""The settings of PostgreSQL that say for whom a transaction reads; nothing set, no row seen."""

AGENCY = "agency"
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"
SYSTEM = "system"
FIGURES = "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """For whom rows are read: set in the transaction of each query (`SET LOCAL`), and gone at its end.

    `role` is that of the caller, or `figures`, which reads what the published figures are computed from and nothing
    else. An agency sees the rows of its organisation. `mandator_id` is for whom somebody wants to act: only where the
    mandator is named are mandates shown that reach every service. `person_id` is who asks about themselves, once a
    session has shown it: to them the looks at their own data are shown.
    """

    role: str
    organisation_id: str = ""
    mandator_id: str = ""
    person_id: str = ""


VIEWER = "viewer"
"""The execution option of SQLAlchemy that says for whom a statement reads; without it no row is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who sees rows of a read model: `agency` is the condition for a role of that name, `roles` see every row.

    A condition is SQL over the columns of `{row}`, the table; what is set for the viewer are `{own}`, the organisation,
    `{mandator}` and `{person}`. Other read models are asked by `rows_of`: what of them the same viewer sees.
    """

    agency: str
    roles: Sequence[str] = (AUDITOR, ADMINISTRATOR, SYSTEM)


def rows_of(table: Table) -> str:
    """Return the call of the function that gives the rows in use of a read model.

    A policy keeps to the very table that it was made with, also when a takeover has put another one in its place. The
    body of such a function is read anew for each query, and so finds the table by its name.
    """
    return f"{SCHEMA}.{table.name}_rows()"


# --- Conditions -----------------------------------------------------------------------------------------------------

ROW, OWN, NAMED, IN_SESSION = "{row}", "{own}", "{mandator}", "{person}"
EVERYTHING = "true"
NOTHING = "false"
OF_FIGURES = (AUDITOR, ADMINISTRATOR, SYSTEM, FIGURES)


def _names(*columns: str) -> str:
    """Keep the rows that name the organisation in one of the columns."""
    return " OR ".join(f"{ROW}.{column} = {OWN}" for column in columns)


def _consents(person_id: str) -> str:
    """Keep the rows of a person who has a consent in force at the organisation."""
    return (
        f"EXISTS (SELECT FROM {rows_of(consents.TABLE)} AS given WHERE given.person_id = {ROW}.{person_id}"
        f" AND given.provider_id = {OWN} AND given.status = 'granted')"
    )


_MAILBOXES = (
    f"{_names('mailbox_id')} OR ({ROW}.owner_kind = 'enterprise' AND {_names('provider_id')})"
    f" OR {_consents('mailbox_id')}"
)
_IN_MAILBOX_OF_ENTERPRISE = (
    f"EXISTS (SELECT FROM {rows_of(mailboxes.TABLE)} AS box WHERE box.mailbox_id = {ROW}.mailbox_id"
    f" AND box.owner_kind = 'enterprise' AND box.provider_id = {OWN})"
)
_RECEIVED = f"{_names('mailbox_id')} OR {_IN_MAILBOX_OF_ENTERPRISE} OR {_consents('mailbox_id')}"
_MESSAGES = f"{_names('sender_id', 'on_behalf_of')} OR ({ROW}.published_at IS NOT NULL AND ({_RECEIVED}))"
_OF_SEEN_MESSAGE = (
    f"EXISTS (SELECT FROM {rows_of(messages.TABLE)} AS message WHERE message.message_id = {ROW}.message_id)"
)
_OWN_NUMBER = (
    f"SELECT supplier.enterprise_number FROM {rows_of(organisations.TABLE)} AS supplier"  # noqa: S608 - our own names
    f" WHERE supplier.organisation_id = {OWN} AND supplier.enterprise_number <> ''"
)
_INVOICES = f"{_names('buyer_id', 'received_from')} OR {ROW}.supplier_number = ({_OWN_NUMBER})"
_HOLDS_KEY = (
    f"EXISTS (SELECT FROM {rows_of(keys.TABLE)} AS held WHERE held.person_id = {ROW}.person_id"
    f" AND held.provider_id = {OWN})"
)
_AT_OWN_SERVICE = (
    f"EXISTS (SELECT FROM {rows_of(services.TABLE)} AS service WHERE service.service_id = {ROW}.service_id"
    f" AND service.organisation_id = {OWN})"
)
_REACHES_EVERY_SERVICE = f"cardinality({ROW}.organisation_ids) = 0 AND {ROW}.mandator_id = {NAMED} AND {NAMED} <> ''"
_MANDATES = (
    f"{_names('mandator_id', 'mandatary_id')} OR {OWN} = ANY ({ROW}.organisation_ids) OR ({_REACHES_EVERY_SERVICE})"
)


def _is_in_session(person_id: str) -> str:
    """Keep what is about the person who asks about themselves."""
    return f"{ROW}.{person_id} = {IN_SESSION} AND {IN_SESSION} <> ''"


# --- The table ------------------------------------------------------------------------------------------------------

SEEN: Mapping[Table, Seen] = {
    organisations.TABLE: Seen(agency=EVERYTHING),
    enrolments.TABLE: Seen(agency=EVERYTHING, roles=OF_FIGURES),
    services.TABLE: Seen(agency=EVERYTHING, roles=OF_FIGURES),
    service_families.TABLE: Seen(agency=EVERYTHING),
    people.TABLE: Seen(agency=f"{_consents('person_id')} OR {_HOLDS_KEY}"),
    keys.TABLE: Seen(agency=_names("provider_id")),
    authentications.TABLE: Seen(agency=_AT_OWN_SERVICE, roles=OF_FIGURES),
    service_use.TABLE: Seen(agency=NOTHING, roles=OF_FIGURES),
    mandates.TABLE: Seen(agency=_MANDATES),
    consents.TABLE: Seen(agency=_names("provider_id"), roles=OF_FIGURES),
    mailboxes.TABLE: Seen(agency=_MAILBOXES),
    messages.TABLE: Seen(agency=_MESSAGES),
    message_timeline.TABLE: Seen(agency=_OF_SEEN_MESSAGE),
    message_counts.TABLE: Seen(agency=_names("sender_id"), roles=OF_FIGURES),
    open_rates.TABLE: Seen(agency=EVERYTHING, roles=OF_FIGURES),
    bus_transactions.TABLE: Seen(agency=_names("source_id", "target_id")),
    bus_counts.TABLE: Seen(agency=EVERYTHING, roles=OF_FIGURES),
    invoices.TABLE: Seen(agency=_INVOICES),
    invoice_timeline.TABLE: Seen(agency=_INVOICES),
    invoice_counts.TABLE: Seen(agency=_names("buyer_id"), roles=OF_FIGURES),
    daily_counts.TABLE: Seen(agency=_names("organisation_id")),
    # What is suppressed is left out by the query: which needs to know of it.
    accesses.TABLE: Seen(agency=_is_in_session("subject_id"), roles=(AUDITOR,)),
    access_suppressions.TABLE: Seen(agency=_is_in_session("person_id"), roles=(AUDITOR,)),
    projection_acts.TABLE: Seen(agency=NOTHING, roles=(AUDITOR, ADMINISTRATOR)),
    erasures.TABLE: Seen(agency=f"{_consents('person_id')} OR {_HOLDS_KEY}"),
    legal_holds.TABLE: Seen(agency=NOTHING, roles=(AUDITOR, ADMINISTRATOR)),
}


def needed_by(table: Table) -> Sequence[Table]:
    """Return of which other read models the rows are asked for, to decide who sees those of this one."""
    return [other for other in SEEN if rows_of(other) in condition(table)]


def condition(table: Table) -> str:
    """Return which rows the reader sees, as SQL in which `{row}` (`ROW`) stands for the table.

    What does not depend on the row stands in sub-selects, which are evaluated once for each query.
    """
    seen = SEEN.get(table)
    if seen is None:
        return NOTHING
    names = (ROLE, ORGANISATION, MANDATOR, PERSON)
    role, own, mandator, person = (f"(SELECT current_setting('{it}', true))" for it in names)
    roles = ", ".join(f"'{it}'" for it in seen.roles)
    every = f"{role} IN ({roles})"
    if seen.agency == NOTHING:
        return every
    agency = seen.agency.replace(OWN, own).replace(NAMED, mandator).replace(IN_SESSION, person)
    # An empty text stands for "none" in many columns: who acts for no organisation is a party to nothing.
    party = "" if seen.agency == EVERYTHING else f"{own} <> '' AND "
    return f"{every} OR ({role} = '{AGENCY}' AND {party}({agency}))"
