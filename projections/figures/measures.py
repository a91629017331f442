"""How each headline figure is counted: one query that gives one number, on the read models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Select, Table, func, or_, select

from domain.kernel import Jurisdiction
from domain.organisations.values import Enrolment
from projections import authentications, bus_counts, consents, enrolments, invoice_counts, message_counts, services
from projections.authentications import SUCCEEDED
from projections.figures.period import Period
from projections.sums import total

Measure: TypeAlias = Callable[[Jurisdiction, Period, datetime], Select[Any]]
"""Given jurisdiction, period and the instant as of which a state is counted: a query for one number."""


def as_of(period: Period, now: datetime) -> datetime:
    """Return the instant as of which a state counts for a period: its last, or now while it still runs."""
    return min(period.last_instant, now)


def _active_consents(jurisdiction: Jurisdiction, _: Period, at: datetime) -> Select[Any]:
    return _standing(select(func.count()), consents.TABLE, jurisdiction, at, ("granted_at", "withdrawn_at"))


def _unique_mailbox_users(jurisdiction: Jurisdiction, _: Period, at: datetime) -> Select[Any]:
    persons = select(func.count(func.distinct(consents.TABLE.c.person_id)))
    return _standing(persons, consents.TABLE, jurisdiction, at, ("granted_at", "withdrawn_at"))


def _enrolled_as(role: Enrolment) -> Measure:
    def measure(jurisdiction: Jurisdiction, _: Period, at: datetime) -> Select[Any]:
        organisations = select(func.count(func.distinct(enrolments.TABLE.c.organisation_id)))
        enrolled = _standing(organisations, enrolments.TABLE, jurisdiction, at, ("enrolled_at", "ended_at"))
        return enrolled.where(enrolments.TABLE.c.enrolment == role.value)

    return measure


def _connected_services(jurisdiction: Jurisdiction, _: Period, at: datetime) -> Select[Any]:
    return _standing(select(func.count()), services.TABLE, jurisdiction, at, ("registered_at", "closed_at"))


def _sum_of(column: Column[int]) -> Measure:
    def measure(jurisdiction: Jurisdiction, period: Period, _: datetime) -> Select[Any]:
        return select(total(column)).where(*counted(column.table, jurisdiction, period))

    return measure


def _distinct(column: Column[str], counter: Column[int]) -> Measure:
    def measure(jurisdiction: Jurisdiction, period: Period, _: datetime) -> Select[Any]:
        where = counted(column.table, jurisdiction, period)
        return select(func.count(func.distinct(column))).where(*where, counter > 0)

    return measure


def _authentications(jurisdiction: Jurisdiction, period: Period, _: datetime) -> Select[Any]:
    table = authentications.TABLE
    return select(total(table.c.authentications)).where(
        *counted(table, jurisdiction, period), table.c.outcome == SUCCEEDED
    )


MEASURES: Mapping[str, Measure] = {
    "active_consents": _active_consents,
    "unique_mailbox_users": _unique_mailbox_users,
    "messages_sent": _sum_of(message_counts.TABLE.c.sent),
    "messages_to_active_mailboxes": _sum_of(message_counts.TABLE.c.delivered),
    "senders_connected": _enrolled_as(Enrolment.MAILBOX_SENDER),
    "sending_organisations": _distinct(message_counts.TABLE.c.sender_id, message_counts.TABLE.c.sent),
    "authentications": _authentications,
    "connected_services": _connected_services,
    "bus_transactions": _sum_of(bus_counts.TABLE.c.accepted),
    "service_families": _distinct(bus_counts.TABLE.c.service_family, bus_counts.TABLE.c.accepted),
    "invoices_received": _sum_of(invoice_counts.TABLE.c.received),
    "invoice_receivers": _enrolled_as(Enrolment.INVOICE_RECEIVER),
}


def counted(table: Any, jurisdiction: Jurisdiction, period: Period) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401
    """Keep what a table of counts by month says of a period in a jurisdiction."""
    months = period.months
    return (table.c.jurisdiction == jurisdiction.value, table.c.month.between(months[0], months[-1]))


def _standing(
    query: Select[Any], table: Table, jurisdiction: Jurisdiction, at: datetime, between: tuple[str, str]
) -> Select[Any]:
    """Keep the rows of things that had begun and had not ended at an instant."""
    begun, ended = (table.c[name] for name in between)
    return query.select_from(table).where(
        table.c.jurisdiction == jurisdiction.value, begun <= at, or_(ended.is_(None), ended > at)
    )
