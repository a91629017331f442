"""Deadlines of erasure: legal holds that end."""

from __future__ import annotations

from collections.abc import Iterator

from domain.erasure.model import EndLegalHold, LegalHoldLifted, LegalHoldPlaced
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending, Row
from projections.read_model import Effects, drop
from projections.words import end_of_day

LEGAL_HOLD_END = "legal-hold-end"


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


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind=LEGAL_HOLD_END,
        command=EndLegalHold,
        why="The last day of a legal hold is over.",
        begins={LegalHoldPlaced: _placed},
        moves={LegalHoldLifted: _lifted},
    ),
)
