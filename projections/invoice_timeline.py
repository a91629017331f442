"""Invoice timeline: every step of every invoice, as its supplier sees it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.invoicing.model import (
    Clarification,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceResponseOverdue,
    InvoiceValidated,
)
from domain.kernel import Recorded
from projections import invoices
from projections.read_model import Col, Effect, Effects, Key, ReadModel, RowBase, put
from projections.row_security import Seen


class InvoiceStepKind(StrEnum):
    """A step in the life of an invoice."""

    RECEIVED = "received"
    VALIDATED = "validated"
    REFUSED = "refused"
    RESPONSE = "response"
    RESPONSE_OVERDUE = "response_overdue"


class Row(RowBase):
    invoice_id: Key[str]
    version: Key[int]
    happened_at: Col[datetime]
    step: Col[InvoiceStepKind]
    rule_set: Col[str]
    rule_ids: Col[tuple[str, ...]]
    response_state: Col[str]
    partial: Col[bool]
    clarifications: Col[tuple[Clarification, ...]]
    clarification_sha256: Col[str]


def _received(recorded: Recorded[InvoiceReceived]) -> Effects[Row]:
    yield _step(recorded, InvoiceStepKind.RECEIVED)


def _validated(recorded: Recorded[InvoiceValidated]) -> Effects[Row]:
    yield _step(recorded, InvoiceStepKind.VALIDATED, rule_set=recorded.event.rule_set)


def _refused(recorded: Recorded[InvoiceRefused]) -> Effects[Row]:
    event = recorded.event
    yield _step(recorded, InvoiceStepKind.REFUSED, rule_set=event.rule_set, rule_ids=event.rule_ids)


def _responded(recorded: Recorded[InvoiceResponseGiven]) -> Effects[Row]:
    event = recorded.event
    yield _step(
        recorded,
        InvoiceStepKind.RESPONSE,
        response_state=event.state,
        partial=event.partial,
        clarifications=event.clarifications,
        clarification_sha256=event.clarification_sha256,
    )


def _overdue(recorded: Recorded[InvoiceResponseOverdue]) -> Effects[Row]:
    yield _step(recorded, InvoiceStepKind.RESPONSE_OVERDUE)


def _step(
    recorded: Recorded[object],
    step: InvoiceStepKind,
    *,
    rule_set: str = "",
    rule_ids: tuple[str, ...] = (),
    response_state: str = "",
    partial: bool = False,
    clarifications: tuple[Clarification, ...] = (),
    clarification_sha256: str = "",
) -> Effect[Row]:
    return put(
        Row(
            invoice_id=recorded.aggregate_id,
            version=recorded.version,
            happened_at=recorded.context.effective_at,
            step=step,
            rule_set=rule_set,
            rule_ids=rule_ids,
            response_state=response_state,
            partial=partial,
            clarifications=clarifications,
            clarification_sha256=clarification_sha256,
        )
    )


READ_MODEL = ReadModel(
    name="invoice_timeline",
    version=3,
    row=Row,
    rules={
        InvoiceReceived: _received,
        InvoiceValidated: _validated,
        InvoiceRefused: _refused,
        InvoiceResponseGiven: _responded,
        InvoiceResponseOverdue: _overdue,
    },
    seen=Seen(through=invoices.READ_MODEL, key=Row.invoice_id),
)
