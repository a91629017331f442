"""Bus counts: transactions by month, jurisdiction and service family, each event in the month in which it happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text

from domain.bus import (
    TransactionAccepted,
    TransactionAnswered,
    TransactionEvent,
    TransactionFaulted,
    TransactionTimedOut,
)
from domain.kernel import Recorded
from projections.effects import Add, Effect, Projection, civil_month, read_table

TABLE = read_table(
    "bus_counts",
    1,
    Column("month", Text, primary_key=True),
    Column("jurisdiction", Text, primary_key=True),
    Column("service_family", Text, primary_key=True),
    Column("accepted", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("faulted", BigInteger, nullable=False),
    Column("timed_out", BigInteger, nullable=False),
)
Index("bus_counts_v1_period", TABLE.c.jurisdiction, TABLE.c.month)


def _accepted(recorded: Recorded[TransactionAccepted]) -> Iterable[Effect]:
    return (_one("accepted", recorded),)


def _answered(recorded: Recorded[TransactionAnswered]) -> Iterable[Effect]:
    return (_one("answered", recorded),)


def _faulted(recorded: Recorded[TransactionFaulted]) -> Iterable[Effect]:
    return (_one("faulted", recorded),)


def _timed_out(recorded: Recorded[TransactionTimedOut]) -> Iterable[Effect]:
    return (_one("timed_out", recorded),)


def _one(measure: str, recorded: Recorded[Any]) -> Add:
    event: TransactionEvent = recorded.event
    month = civil_month(recorded.context.effective_at)
    return Add((month, event.jurisdiction.value, event.service_family), {measure: 1})


PROJECTION = Projection(
    name="bus_counts",
    version=1,
    table=TABLE,
    rules={
        TransactionAccepted: _accepted,
        TransactionAnswered: _answered,
        TransactionFaulted: _faulted,
        TransactionTimedOut: _timed_out,
    },
)
