"""Deadlines of the bus: requests whose time to answer passes."""

from __future__ import annotations

from collections.abc import Iterator

from domain.bus import (
    TimeOutTransaction,
    TransactionAccepted,
    TransactionAnswered,
    TransactionFaulted,
    TransactionTimedOut,
)
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending


def _timeout(recorded: Recorded[TransactionAccepted]) -> Iterator[Pending]:
    event = recorded.event
    yield Pending(due_at=event.times_out_at, organisation_id=event.source_id, counterparty_id=event.target_id)


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind="bus-timeout",
        command=TimeOutTransaction,
        why="The time of the target to answer a request is over.",
        begins={TransactionAccepted: _timeout},
        ends=(TransactionAnswered, TransactionFaulted, TransactionTimedOut),
    ),
)
