"""Deadlines of erasure: what persons asked for and did not withdraw, and legal holds that end."""

from __future__ import annotations

from collections.abc import Iterator

from domain.erasure.model import (
    CarryOutErasure,
    EndLegalHold,
    ErasureAsked,
    ErasureRequested,
    ErasureSettled,
    ErasureWithdrawn,
    LegalHoldLifted,
    LegalHoldPlaced,
)
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending, Row
from projections.read_model import Effects, drop
from projections.words import end_of_day

ERASURE_DUE = "erasure-due"
LEGAL_HOLD_END = "legal-hold-end"


def _asked(recorded: Recorded[ErasureAsked]) -> Iterator[Pending]:
    yield Pending(due_at=recorded.event.due_at, person_id=recorded.event.person_id)


def _requested(recorded: Recorded[ErasureRequested]) -> Effects[Row]:
    # An order, which no session asked for, leaves what the person asked for beside it.
    if recorded.event.session_id:
        yield drop(Row, Row.kind.to(ERASURE_DUE), Row.key.to(recorded.aggregate_id), Row.part.to(""))


def _placed(recorded: Recorded[LegalHoldPlaced]) -> Iterator[Pending]:
    event = recorded.event
    yield Pending(due_at=end_of_day(event.until), part=event.hold_id, person_id=event.person_id)


def _lifted(recorded: Recorded[LegalHoldLifted]) -> Effects[Row]:
    yield drop(
        Row,
        Row.kind.to(LEGAL_HOLD_END),
        Row.key.to(recorded.aggregate_id),
        Row.part.to(recorded.event.hold_id),
    )


VERSION = 2
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind=ERASURE_DUE,
        command=CarryOutErasure,
        why="The days are over in which a person can withdraw the erasure that they asked for.",
        begins={ErasureAsked: _asked},
        ends=(ErasureWithdrawn, ErasureSettled),
        moves={ErasureRequested: _requested},
    ),
    Deadline(
        kind=LEGAL_HOLD_END,
        command=EndLegalHold,
        why="The last day of a legal hold is over.",
        begins={LegalHoldPlaced: _placed},
        moves={LegalHoldLifted: _lifted},
    ),
)
