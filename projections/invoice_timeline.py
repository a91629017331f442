"""Invoice timeline: every step of every invoice, as its supplier sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Text

from domain.invoicing import InvoiceReceived, InvoiceRefused, InvoiceResponseGiven, InvoiceValidated
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, read_table

TABLE = read_table(
    "invoice_timeline",
    1,
    Column("invoice_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("buyer_id", Text, nullable=False),
    Column("supplier_scheme", Text, nullable=False),
    Column("supplier_number", Text, nullable=False),
    Column("received_from", Text, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("step", Text, nullable=False),
    Column("rule_set", Text, nullable=False),
    Column("rule_ids", Text, nullable=False),
    Column("response_state", Text, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("clarifications", Text, nullable=False),
    Column("clarification_sha256", Text, nullable=False),
)
Index("invoice_timeline_v1_supplier", TABLE.c.supplier_scheme, TABLE.c.supplier_number, TABLE.c.happened_at)


def _received(recorded: Recorded[InvoiceReceived]) -> Iterable[Effect]:
    yield _step(recorded, "received", {})


def _validated(recorded: Recorded[InvoiceValidated]) -> Iterable[Effect]:
    yield _step(recorded, "validated", {"rule_set": recorded.event.rule_set})


def _refused(recorded: Recorded[InvoiceRefused]) -> Iterable[Effect]:
    event = recorded.event
    yield _step(recorded, "refused", {"rule_set": event.rule_set, "rule_ids": " ".join(event.rule_ids)})


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Iterable[Effect]:
    event = recorded.event
    said = {
        "response_state": event.state.value,
        "partial": event.partial,
        "clarifications": " ".join(event.clarifications),
        "clarification_sha256": event.clarification_sha256,
    }
    yield _step(recorded, "response", said)


def _step(recorded: Recorded[Any], step: str, said: Mapping[str, Any]) -> Put:
    event = recorded.event
    row = {
        "jurisdiction": event.jurisdiction.value,
        "buyer_id": event.buyer_id,
        "supplier_scheme": event.supplier_scheme.value,
        "supplier_number": event.supplier_number,
        "received_from": event.received_from,
        "happened_at": recorded.context.effective_at,
        "step": step,
        "rule_set": "",
        "rule_ids": "",
        "response_state": "",
        "partial": False,
        "clarifications": "",
        "clarification_sha256": "",
    }
    return Put((recorded.aggregate_id, recorded.version), {**row, **said})


PROJECTION = Projection(
    name="invoice_timeline",
    version=1,
    table=TABLE,
    rules={
        InvoiceReceived: _received,
        InvoiceValidated: _validated,
        InvoiceRefused: _refused,
        InvoiceResponseGiven: _responded,
    },
)
