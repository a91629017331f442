"""Bus transactions: one row for each, with its parties, its status and the digests of request and response."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.bus import (
    TransactionAccepted,
    TransactionAnswered,
    TransactionEvent,
    TransactionFaulted,
    TransactionForwarded,
    TransactionTimedOut,
)
from domain.kernel import Jurisdiction, Recorded
from projections.read_model import Col, Effects, Key, ListOrder, ReadModel, RowBase, To, change, put
from projections.row_security import Seen


class BusTransactionStatus(StrEnum):
    """The last step of a transaction."""

    ACCEPTED = "accepted"
    FORWARDED = "forwarded"
    ANSWERED = "answered"
    FAULTED = "faulted"
    TIMED_OUT = "timed_out"


class Row(RowBase):
    transaction_id: Key[str]
    jurisdiction: Col[Jurisdiction]
    source_id: Col[str]
    source_reference: Col[str]
    target_id: Col[str]
    service_family: Col[str]
    service: Col[str]
    activity: Col[str]
    legal_basis: Col[str]
    status: Col[BusTransactionStatus] = Col(BusTransactionStatus.ACCEPTED)
    attempts: Col[int] = Col(0)
    fault_origin: Col[str] = Col("")
    fault_code: Col[str] = Col("")
    request_sha256: Col[str]
    request_size_bytes: Col[int]
    response_sha256: Col[str] = Col("")
    response_size_bytes: Col[int] = Col(0)
    accepted_at: Col[datetime]
    times_out_at: Col[datetime]
    finished_at: Col[datetime | None] = Col(None)


def _accepted(recorded: Recorded[TransactionAccepted]) -> Effects[Row]:
    event = recorded.event
    yield put(
        Row(
            transaction_id=recorded.aggregate_id,
            jurisdiction=event.jurisdiction,
            source_id=event.source_id,
            source_reference=event.source_reference,
            target_id=event.target_id,
            service_family=event.service_family,
            service=event.service,
            activity=event.activity,
            legal_basis=event.legal_basis,
            request_sha256=event.request_sha256,
            request_size_bytes=event.request_size_bytes,
            accepted_at=recorded.context.effective_at,
            times_out_at=event.times_out_at,
        )
    )


def _forwarded(recorded: Recorded[TransactionForwarded]) -> Effects[Row]:
    return _moved(recorded, BusTransactionStatus.FORWARDED, Row.attempts.to(recorded.event.attempt))


def _answered(recorded: Recorded[TransactionAnswered]) -> Effects[Row]:
    return _moved(
        recorded,
        BusTransactionStatus.ANSWERED,
        Row.response_sha256.to(recorded.event.response_sha256),
        Row.response_size_bytes.to(recorded.event.response_size_bytes),
        Row.finished_at.to(recorded.context.effective_at),
    )


def _faulted(recorded: Recorded[TransactionFaulted]) -> Effects[Row]:
    return _moved(
        recorded,
        BusTransactionStatus.FAULTED,
        Row.fault_origin.to(recorded.event.origin),
        Row.fault_code.to(recorded.event.fault_code),
        Row.finished_at.to(recorded.context.effective_at),
    )


def _timed_out(recorded: Recorded[TransactionTimedOut]) -> Effects[Row]:
    return _moved(recorded, BusTransactionStatus.TIMED_OUT, Row.finished_at.to(recorded.context.effective_at))


def _moved(
    recorded: Recorded[TransactionEvent],
    status: BusTransactionStatus,
    *others: To[str] | To[int] | To[datetime | None],
) -> Effects[Row]:
    yield change(Row, Row.transaction_id.to(recorded.aggregate_id), Row.status.to(status), *others)


READ_MODEL = ReadModel(
    name="bus_transactions",
    version=2,
    row=Row,
    rules={
        TransactionAccepted: _accepted,
        TransactionForwarded: _forwarded,
        TransactionAnswered: _answered,
        TransactionFaulted: _faulted,
        TransactionTimedOut: _timed_out,
    },
    indexes={
        "period": (Row.jurisdiction, Row.accepted_at),
        "source": (Row.source_id, Row.accepted_at, Row.transaction_id),
        "target": (Row.target_id, Row.accepted_at, Row.transaction_id),
    },
    lists={"newest": ListOrder((Row.accepted_at, Row.transaction_id), newest_first=True)},
    seen=Seen(parties=(Row.source_id, Row.target_id)),
)
