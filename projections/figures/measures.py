"""How each headline figure is counted: one query that gives one number, on the read models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.sql.elements import SQLCoreOperations

from domain.kernel import Jurisdiction
from domain.organisations.values import Enrolment
from projections import authentications, bus_counts, consents, enrolments, invoice_counts, message_counts, services
from projections.figures.period import Period
from projections.read_model import Col
from projections.sums import total

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
