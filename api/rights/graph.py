"""The rights of GraphQL: for every field of `Query` and every type, the roles that may ask, and what an agency sees.

To let in a new query or type, put its name into a row here, or give it one of its own. `fields` are fields of `Query`;
one of another type is written with it (`Message.subject`) and needs no row unless fewer roles may ask for it than for
the rest of its type. Which rows of a read model a role sees stands in `api.graph.queries.visibility`, and here only
in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Table

from api.rights.roles import EVERYBODY, OVERSEERS
from application.ports import Role
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

ALL = "all"
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRight:
    """One subject. Other roles than agencies see all rows of what they may ask for.

    `agencies` says in words which rows an agency sees, `ALL` or `NONE` among them; `table` is the read model that they
    are of, if it is one.
    """

    types: tuple[str, ...]
    agencies: str
    fields: tuple[str, ...] = ()
    table: Table | None = None
    roles: frozenset[Role] = EVERYBODY


def _listed(of: str, *more: str) -> tuple[str, ...]:
    """Name a type with those that its pages are made of."""
    return (of, f"{of}Connection", f"{of}Edge", *more)


GRAPH: tuple[GraphRight, ...] = (
    GraphRight(
        fields=("organisation", "organisations"),
        types=_listed("Organisation", "OrganisationTotal"),
        table=organisations.TABLE,
        agencies=ALL,
    ),
    GraphRight(fields=("enrolments",), types=_listed("Enrolment"), table=enrolments.TABLE, agencies=ALL),
    GraphRight(fields=("service", "services"), types=_listed("Service"), table=services.TABLE, agencies=ALL),
    GraphRight(fields=("serviceFamilies",), types=_listed("ServiceFamily"), table=service_families.TABLE, agencies=ALL),
    GraphRight(
        fields=("person", "people"),
        types=_listed("Person"),
        table=people.TABLE,
        agencies="of persons with a consent in force at its mailbox, or with a key of it",
    ),
    GraphRight(
        fields=("key", "keys"),
        types=_listed("Key", "KeyTotal"),
        table=keys.TABLE,
        agencies="of keys that it gave out",
    ),
    GraphRight(
        fields=("mandates", "mandateHistory"),
        types=_listed("Mandate"),
        table=mandates.TABLE,
        agencies="of mandates that name a service of it, or itself as a party",
    ),
    GraphRight(
        fields=("mayAct",),
        types=("MayAct",),
        agencies="about its own services, others are refused with `not-your-service`; and the mandates that say so",
    ),
    GraphRight(
        fields=("authentications",),
        types=("AuthenticationCount",),
        table=authentications.TABLE,
        agencies="of its own services",
    ),
    GraphRight(
        fields=("serviceUse",),
        types=("ServiceUse",),
        table=service_use.TABLE,
        roles=EVERYBODY - {Role.AGENCY},
        agencies=NONE,
    ),
    GraphRight(
        fields=("consents", "activeConsents"),
        types=(*_listed("Consent", "ConsentTotal"), "ActiveConsents"),
        table=consents.TABLE,
        agencies="of consents at its mailbox",
    ),
    GraphRight(
        fields=("mailbox", "mailboxes"),
        types=_listed("Mailbox"),
        table=mailboxes.TABLE,
        agencies="its own, those that it provides to enterprises, and those of persons with a consent in force there",
    ),
    GraphRight(
        fields=("message", "messages", "inbox", "missedLetters"),
        types=_listed("Message", "MessageTotal"),
        table=messages.TABLE,
        agencies="sent by it or in its name, and those published in a mailbox that it sees",
    ),
    GraphRight(types=("MessageStep",), table=message_timeline.TABLE, agencies="of messages that it sees"),
    GraphRight(
        fields=("messageCounts",),
        types=("MessageCount",),
        table=message_counts.TABLE,
        agencies="of messages that it sent",
    ),
    GraphRight(fields=("openRateCohorts",), types=("OpenRateCohort",), table=open_rates.TABLE, agencies=ALL),
    GraphRight(
        fields=("busTransaction", "busTransactions"),
        types=_listed("BusTransaction", "BusTransactionTotal"),
        table=bus_transactions.TABLE,
        agencies="of transactions that it asked or was asked",
    ),
    GraphRight(fields=("busCounts",), types=("BusCount",), table=bus_counts.TABLE, agencies=ALL),
    GraphRight(
        fields=("invoice", "invoices"),
        types=_listed("Invoice", "InvoiceTotal"),
        table=invoices.TABLE,
        agencies="of invoices that it buys by, delivered, or supplied under its own enterprise number",
    ),
    GraphRight(types=("InvoiceStep",), table=invoice_timeline.TABLE, agencies="of invoices that it sees"),
    GraphRight(
        fields=("invoiceCounts",),
        types=("InvoiceCount",),
        table=invoice_counts.TABLE,
        agencies="of invoices that it buys by",
    ),
    GraphRight(
        fields=("dailyCounts",),
        types=_listed("DailyCount", "DailyCountTotal"),
        table=daily_counts.TABLE,
        agencies="of what happened in its own name",
    ),
    GraphRight(
        fields=("projectionActs",),
        types=_listed("ProjectionAct"),
        table=projection_acts.TABLE,
        # Why an administrator did something is no business of the platform's own programs.
        roles=OVERSEERS,
        agencies=NONE,
    ),
    GraphRight(
        fields=("erasures",),
        types=_listed("Erasure", "ErasureOfPurpose"),
        table=erasures.TABLE,
        agencies="of persons with a consent in force at its mailbox, or with a key of it",
    ),
    GraphRight(
        fields=("legalHolds",),
        types=_listed("LegalHold"),
        table=legal_holds.TABLE,
        # That a court or a tax law keeps somebody's data is for those who decide on it and look over it.
        roles=OVERSEERS,
        agencies=NONE,
    ),
    GraphRight(
        fields=("accesses",),
        types=_listed("Access"),
        table=accesses.TABLE,
        # Whoever runs the platform is looked over as well.
        roles=frozenset({Role.AGENCY, Role.AUDITOR}),
        agencies="about the person who has an open session at a service of it, but for what is suppressed, and without"
        " who acted (`actingId`)",
    ),
    GraphRight(
        fields=("accessSuppressions",),
        types=_listed("AccessSuppression"),
        table=access_suppressions.TABLE,
        roles=frozenset({Role.AUDITOR}),
        agencies=NONE,
    ),
    # The figures are published: the dashboard shows them to anybody.
    GraphRight(
        fields=("figures", "figure", "figureSeries", "figureDefinitions"),
        types=("Figure", "FigurePoint", "FigureDefinition", "Text", "Growth", "Provenance"),
        agencies=ALL,
    ),
    GraphRight(
        fields=("openRates",),
        types=("OpenRateTable", "OpenRateRow", "OpenRateYear", "OpenRate", "OpenRateDifference"),
        agencies=ALL,
    ),
    GraphRight(fields=("useIndex",), types=("UseIndex", "IndexPoint"), agencies=ALL),
    GraphRight(types=("PageInfo",), agencies="of pages that it sees"),
    GraphRight(
        fields=("Person.number", "Message.subject", "Message.paymentReference", "Invoice.sellerContact"),
        types=("PersonalText",),
        # Whoever oversees the platform has no need to read personal texts.
        roles=EVERYBODY - OVERSEERS,
        agencies="in rows that it sees",
    ),
)


def qualified(field: str) -> str:
    """Write a field with its type: `Query.people`."""
    return field if "." in field else f"Query.{field}"


def _roles_by_name() -> Mapping[str, frozenset[Role]]:
    named = [(name, right.roles) for right in GRAPH for name in (*right.types, *map(qualified, right.fields))]
    by_name = dict(named)
    assert len(by_name) == len(named), "a type or field has two rows in the table of rights"
    return by_name


ROLES: Mapping[str, frozenset[Role]] = _roles_by_name()
"""The roles that may ask, by the name of a type (`Person`) or of a field (`Query.people`)."""
