"""Bus transactions: one row for each, with its parties, its progress and the digests of what travelled."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, DateTime, Index, Text

from domain.bus import (
    TransactionAccepted,
    TransactionAnswered,
    TransactionFaulted,
    TransactionForwarded,
    TransactionTimedOut,
)
from domain.kernel import Recorded
from projections.effects import Effect, Projection, Put, Set, read_table

TABLE = read_table(
    "bus_transactions",
    1,
    Column("transaction_id", Text, primary_key=True),
    Column("jurisdiction", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("source_reference", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("service_family", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("fault_origin", Text, nullable=False),
    Column("fault_code", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("request_size_bytes", BigInteger, nullable=False),
    Column("response_sha256", Text, nullable=False),
    Column("response_size_bytes", BigInteger, nullable=False),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
    Column("times_out_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True), nullable=True),
)
Index("bus_transactions_v1_newest", TABLE.c.accepted_at, TABLE.c.transaction_id)
Index("bus_transactions_v1_period", TABLE.c.jurisdiction, TABLE.c.accepted_at)
Index("bus_transactions_v1_source", TABLE.c.source_id, TABLE.c.accepted_at)
Index("bus_transactions_v1_target", TABLE.c.target_id, TABLE.c.accepted_at)


def _accepted(recorded: Recorded[TransactionAccepted]) -> Iterable[Effect]:
    event = recorded.event
    yield Put(
        (recorded.aggregate_id,),
        {
            "jurisdiction": event.jurisdiction.value,
            "source_id": event.source_id,
            "source_reference": event.source_reference,
            "target_id": event.target_id,
            "service_family": event.service_family,
            "service": event.service,
            "activity": event.activity,
            "legal_basis": event.legal_basis,
            "status": "accepted",
            "attempts": 0,
            "fault_origin": "",
            "fault_code": "",
            "request_sha256": event.request_sha256,
            "request_size_bytes": event.request_size_bytes,
            "response_sha256": "",
            "response_size_bytes": 0,
            "accepted_at": recorded.context.effective_at,
            "times_out_at": event.times_out_at,
            "finished_at": None,
        },
    )


def _forwarded(recorded: Recorded[TransactionForwarded]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"status": "forwarded", "attempts": recorded.event.attempt})


def _answered(recorded: Recorded[TransactionAnswered]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {
            "status": "answered",
            "response_sha256": recorded.event.response_sha256,
            "response_size_bytes": recorded.event.response_size_bytes,
            "finished_at": recorded.context.effective_at,
        },
    )


def _faulted(recorded: Recorded[TransactionFaulted]) -> Iterable[Effect]:
    yield Set(
        (recorded.aggregate_id,),
        {
            "status": "faulted",
            "fault_origin": recorded.event.origin.value,
            "fault_code": recorded.event.fault_code,
            "finished_at": recorded.context.effective_at,
        },
    )


def _timed_out(recorded: Recorded[TransactionTimedOut]) -> Iterable[Effect]:
    yield Set((recorded.aggregate_id,), {"status": "timed_out", "finished_at": recorded.context.effective_at})


PROJECTION = Projection(
    name="bus_transactions",
    version=1,
    table=TABLE,
    rules={
        TransactionAccepted: _accepted,
        TransactionForwarded: _forwarded,
        TransactionAnswered: _answered,
        TransactionFaulted: _faulted,
        TransactionTimedOut: _timed_out,
    },
)
