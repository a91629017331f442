"""How each headline figure is counted: one query that gives one number, on the read models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, CompoundSelect, Select, Text, func, literal, or_, select, union, union_all
from sqlalchemy.sql.elements import SQLCoreOperations

from domain.kernel import Jurisdiction
from domain.organisations.values import Enrolment
from projections import (
    authentications,
    bus_counts,
    consents,
    enrolments,
    invoice_counts,
    message_counts,
    open_rates,
    service_use,
    services,
)
from projections.figures.period import Period
from projections.read_model import Col
from projections.sums import total
from projections.words import CIVIL_TIME

Measure: TypeAlias = Callable[[Jurisdiction, Period, datetime], Select[int]]
"""Given jurisdiction, period and the instant as of which a state is counted: a query for one number."""


def as_of(period: Period, now: datetime) -> datetime:
    """Return the instant as of which a state counts for a period: its last, or now while it still runs."""
    return min(period.last_instant, now)


def _standing(
    number: ColumnElement[int],
    begun: Col[datetime],
    ended: Col[datetime | None],
    *where: ColumnElement[bool],
) -> Measure:
    """Count rows of what has begun and has not ended at an instant."""

    def measure(jurisdiction: Jurisdiction, _: Period, at: datetime) -> Select[int]:
        table = begun.column.table
        stands = (table.c.jurisdiction == jurisdiction.value, begun <= at, or_(ended.is_(None), ended > at))
        return select(number).select_from(table).where(*stands, *where)

    return measure


def _during(number: ColumnElement[int], counter: Col[int], *where: ColumnElement[bool]) -> Measure:
    """Count rows of a counter by month in a period."""

    def measure(jurisdiction: Jurisdiction, period: Period, _: datetime) -> Select[int]:
        months, columns = period.months, counter.column.table.c
        within = (columns.jurisdiction == jurisdiction.value, columns.month.between(months[0], months[-1]))
        return select(number).where(*within, *where)

    return measure


def _sum(counter: Col[int], *where: ColumnElement[bool]) -> Measure:
    return _during(total(counter), counter, *where)


def _distinct(column: SQLCoreOperations[str]) -> ColumnElement[int]:
    return func.count(func.distinct(column))


def _enrolled(role: Enrolment) -> Measure:
    row = enrolments.Row
    return _standing(_distinct(row.organisation_id), row.enrolled_at, row.ended_at, row.enrolment == role)


MEASURES: Mapping[str, Measure] = {
    "active_consents": _standing(func.count(), consents.Row.granted_at, consents.Row.withdrawn_at),
    "unique_mailbox_users": _standing(
        _distinct(consents.Row.person_id), consents.Row.granted_at, consents.Row.withdrawn_at
    ),
    "messages_sent": _sum(message_counts.Row.sent),
    "messages_to_active_mailboxes": _sum(message_counts.Row.delivered),
    "senders_connected": _enrolled(Enrolment.MAILBOX_SENDER),
    "sending_organisations": _during(
        _distinct(message_counts.Row.sender_id), message_counts.Row.sent, message_counts.Row.sent > 0
    ),
    "authentications": _sum(authentications.Row.authentications, authentications.HAS_SUCCEEDED),
    "connected_services": _standing(func.count(), services.Row.registered_at, services.Row.closed_at),
    "bus_transactions": _sum(bus_counts.Row.accepted),
    "service_families": _during(
        _distinct(bus_counts.Row.service_family), bus_counts.Row.accepted, bus_counts.Row.accepted > 0
    ),
    "invoices_received": _sum(invoice_counts.Row.received),
    "invoice_receivers": _enrolled(Enrolment.INVOICE_RECEIVER),
}

# --- Months of events -----------------------------------------------------------------------------------------------

Months: TypeAlias = Callable[[Jurisdiction], Select[str] | CompoundSelect[str]]
"""Given a jurisdiction: a query for the months in which events of a figure took effect."""


def _counted(counter: Col[int], month: Col[str], *where: ColumnElement[bool]) -> Months:
    """Name the months in which a counter has counted."""

    def months(jurisdiction: Jurisdiction) -> Select[str]:
        of_jurisdiction = counter.column.table.c.jurisdiction == jurisdiction.value
        return select(month).where(of_jurisdiction, counter > 0, *where).distinct()

    return months


def _changed(begun: Col[datetime], ended: Col[datetime | None], *where: ColumnElement[bool]) -> Months:
    """Name the months in which a row began or ended."""

    def months(jurisdiction: Jurisdiction) -> CompoundSelect[str]:
        of_jurisdiction = begun.column.table.c.jurisdiction == jurisdiction.value
        instants = (begun.column, ended.column)
        return union(
            *(
                select(func.to_char(func.timezone(CIVIL_TIME.key, instant), "YYYY-MM").label("month"))
                .where(of_jurisdiction, instant.is_not(None), *where)
                .distinct()
                for instant in instants
            )
        )

    return months


def _role_changed(role: Enrolment) -> Months:
    row = enrolments.Row
    return _changed(row.enrolled_at, row.ended_at, row.enrolment == role)


_CONSENTED = _changed(consents.Row.granted_at, consents.Row.withdrawn_at)
_SENT = _counted(message_counts.Row.sent, message_counts.Row.month)
_ACCEPTED = _counted(bus_counts.Row.accepted, bus_counts.Row.month)
_SUCCEEDED = _counted(authentications.Row.authentications, authentications.Row.month, authentications.HAS_SUCCEEDED)

MONTHS: Mapping[str, Months] = {
    "active_consents": _CONSENTED,
    "unique_mailbox_users": _CONSENTED,
    "messages_sent": _SENT,
    "messages_to_active_mailboxes": _counted(message_counts.Row.delivered, message_counts.Row.month),
    "senders_connected": _role_changed(Enrolment.MAILBOX_SENDER),
    "sending_organisations": _SENT,
    "authentications": _SUCCEEDED,
    "connected_services": _changed(services.Row.registered_at, services.Row.closed_at),
    "bus_transactions": _ACCEPTED,
    "service_families": _ACCEPTED,
    "invoices_received": _counted(invoice_counts.Row.received, invoice_counts.Row.month),
    "invoice_receivers": _role_changed(Enrolment.INVOICE_RECEIVER),
    "open_rate": _counted(open_rates.Row.published, open_rates.Row.period),
    "use_index": _counted(service_use.Row.uses, service_use.Row.month),
}


def active_months(jurisdiction: Jurisdiction) -> CompoundSelect[str, str]:
    """Query pairs of a figure's id and a month in which events of it took effect."""
    parts = ((figure_id, months(jurisdiction).subquery()) for figure_id, months in MONTHS.items())
    return union_all(*(select(literal(figure_id, Text), part.c[0]) for figure_id, part in parts))
