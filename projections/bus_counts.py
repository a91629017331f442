"""Bus counts: transactions by month, jurisdiction and service family, each event in the month in which it happened."""

from __future__ import annotations

from domain.bus import (
    TransactionAccepted,
    TransactionAnswered,
    TransactionEvent,
    TransactionFaulted,
    TransactionTimedOut,
)
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ReadModel, RowBase, Rule, add
from projections.row_security import FIGURES, STAFF, Seen
from projections.words import civil_month


class Row(RowBase):
    month: Key[str]
    jurisdiction: Key[Jurisdiction]
    service_family: Key[str]
    accepted: Col[int]
    answered: Col[int]
    faulted: Col[int]
    timed_out: Col[int]


def _count(counter: Col[int]) -> Rule[Row]:
    def rule(recorded: Recorded[TransactionEvent]) -> Effects[Row]:
        event = recorded.event
        yield add(
            Row,
            Row.month.to(civil_month(recorded.context.effective_at)),
            Row.jurisdiction.to(event.jurisdiction),
            Row.service_family.to(event.service_family),
            counter.to(1),
        )

    return rule


READ_MODEL = ReadModel(
    name="bus_counts",
    version=1,
    row=Row,
    rules={
        TransactionAccepted: _count(Row.accepted),
        TransactionAnswered: _count(Row.answered),
        TransactionFaulted: _count(Row.faulted),
        TransactionTimedOut: _count(Row.timed_out),
    },
    indexes={
        "period": (Row.jurisdiction, Row.month),
    },
    seen=Seen(everybody=True, roles=(*STAFF, FIGURES)),
)
