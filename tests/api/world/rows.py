"""Rows of read models: what a row holds where a test does not say, and the connection that writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Engine, Table, create_engine
from sqlalchemy.engine import make_url

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
    key_uses,
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
    sole_traders,
)
from projections.deadlines import deadline as deadlines
from tests.infrastructure.viewed import as_events_fill

AT = datetime(2022, 3, 1, 9, 30, tzinfo=UTC)
WHY = "https://register.example/activities/17"
"""The processing activity of an access that a test does not name."""

USUAL: Mapping[Table, Mapping[str, Any]] = {
    organisations.Row.table: {"organisation_type": "municipality", "level": "local", "recognition": "none"},
    enrolments.Row.table: {"organisation_type": "municipality", "level": "local", "enrolment": "bus_member"},
    services.Row.table: {"audience": "citizen", "minimum_level": "substantial"},
    service_families.Row.table: {},
    people.Row.table: {"route": "national_register"},
    sole_traders.Row.table: {},
    keys.Row.table: {"means": "eid", "level": "high", "status": "active", "evidence_kind": "primary_means"},
    authentications.Row.table: {
        "month": "2022-03",
        "means": "eid",
        "level": "high",
        "channel": "web",
        "outcome": "succeeded",
        "authentications": 1,
    },
    key_uses.Row.table: {"month": "2022-03", "uses": 1},
    service_use.Row.table: {"month": "2022-03", "audience": "citizen", "uses": 1},
    mandates.Row.table: {
        "period": 1,
        "kind": "voluntary",
        "mandator_kind": "person",
        "mandator_id": "mandator",
        "mandatary_id": "mandatary",
        "grantor_id": "mandator",
        "status": "active",
        "latest": True,
        "valid_from": AT,
        "valid_until": AT + timedelta(days=365),
        "active_at": AT,
    },
    consents.Row.table: {"status": "granted", "grant_number": 1, "notice_version": "1", "acting_person_id": "person"},
    mailboxes.Row.table: {"owner_kind": "person", "address_status": "none"},
    messages.Row.table: {
        "owner_kind": "person",
        "sender_type": "municipality",
        "message_type": "permit",
        "channel": "digital",
        "channel_reason": "consent",
        "status": "published",
        "notification": "pending",
        "published_at": AT,
    },
    message_timeline.Row.table: {"version": 1, "happening": "sent"},
    message_counts.Row.table: {"month": "2022-03", "sender_type": "municipality", "channel": "digital", "sent": 1},
    open_rates.Row.table: {"period": "2022-03", "sender_type": "municipality", "published": 1},
    bus_transactions.Row.table: {
        "status": "accepted",
        "source_reference": "reference",
        "service_family": "person",
        "service": "person.consult",
        "activity": "child-benefit",
        "legal_basis": "law",
        "request_sha256": "digest",
        "request_size_bytes": 3_000_000_000,
    },
    bus_counts.Row.table: {"month": "2022-03", "service_family": "person", "accepted": 1},
    invoices.Row.table: {
        "kind": "invoice",
        "supplier_scheme": "0208",
        "supplier_number": "0123456749",
        "number": "2022-001",
        "status": "received",
        "payable_cents": 100,
        "currency": "EUR",
        "document_sha256": "digest",
        "media_type": "application/xml",
    },
    invoice_timeline.Row.table: {"version": 1, "step": "received"},
    invoice_counts.Row.table: {"month": "2022-03", "received": 1},
    daily_counts.Row.table: {"name": "consent.granted.v1", "events": 1},
    erasures.Row.table: {
        "identification": "shredded",
        "correspondence": "destroyed",
        "invoicing": "kept",
        "held_groups": ["invoicing"],
        "ground": "objection",
        "requested_at": AT,
    },
    legal_holds.Row.table: {"hold_id": "hold-1", "purpose": "invoicing", "ground": "invoice_retention"},
    deadlines.Row.table: {
        "kind": "mandate-expiry",
        "key": "mandate-1",
        "due_at": AT,
        "command": "expire-mandate",
        "stream": "mandate-mandate-1",
    },
    projection_acts.Row.table: {
        "projection": "people",
        "act": "pause",
        "why": "a disk is full",
        "acting_id": "official-7",
    },
    accesses.Row.table: {"category": "messages", "acting_id": "official-7", "activity": WHY, "outcome": "answered"},
    access_suppressions.Row.table: {
        "ground": "article 23 GDPR, decision 12",
        "ordered_by": "official-9",
        "since": AT - timedelta(days=30),
        "until": AT + timedelta(days=365),
    },
}
"""What a row holds where a test does not say."""


def row(table: Table, **given: Any) -> dict[str, Any]:
    usual = {"jurisdiction": "be", **USUAL.get(table, {}), **given}
    return as_events_fill({column.name: usual.get(column.name, _empty(column)) for column in table.columns}) | given


def _empty(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    empty = {int: 0, bool: False, list: [], datetime: AT, date: date(2022, 3, 1)}
    return empty.get(column.type.python_type, "")


def rows_of(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))
