"""Bus counts: transactions by month, jurisdiction and service family, each event in the month in which it happened."""

from __future__ import annotations

from typing import Any

from domain.bus import (
    TransactionAccepted,
    TransactionAnswered,
    TransactionEvent,
    TransactionFaulted,
    TransactionTimedOut,
)
from domain.kernel import Recorded
from projections.read_model import Col, Effect, Effects, Key, ReadModel, RowBase, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[str]
    service_family: Key[str]
    accepted: Col[int]
    answered: Col[int]
    faulted: Col[int]
    timed_out: Col[int]


def _accepted(recorded: Recorded[TransactionAccepted]) -> Effects[Row]:
    return (_one(Row.accepted, recorded),)


def _answered(recorded: Recorded[TransactionAnswered]) -> Effects[Row]:
    return (_one(Row.answered, recorded),)


def _faulted(recorded: Recorded[TransactionFaulted]) -> Effects[Row]:
    return (_one(Row.faulted, recorded),)


def _timed_out(recorded: Recorded[TransactionTimedOut]) -> Effects[Row]:
    return (_one(Row.timed_out, recorded),)


def _one(measure: Col[int], recorded: Recorded[Any]) -> Effect[Row]:
    event: TransactionEvent = recorded.event
    return add(
        Row,
        Row.month.to(civil_month(recorded.context.effective_at)),
        Row.jurisdiction.to(event.jurisdiction),
        Row.service_family.to(event.service_family),
        measure.to(1),
    )


READ_MODEL = ReadModel(
    name="bus_counts",
    version=1,
    row=Row,
    rules={
        TransactionAccepted: _accepted,
        TransactionAnswered: _answered,
        TransactionFaulted: _faulted,
        TransactionTimedOut: _timed_out,
    },
    indexes={
        "period": (Row.jurisdiction, Row.month),
    },
    seen=Seen(everybody=True, roles=(*STAFF, FIGURES)),
)
TABLE = READ_MODEL.table
