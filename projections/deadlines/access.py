"""Deadlines of access: suppressions that end. No agency sees them, as none sees suppressions."""

from __future__ import annotations

from collections.abc import Iterator

from domain.access.suppression import AccessesSuppressed, EndSuppression, SuppressionEnded, SuppressionLifted
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending


def _suppressed(recorded: Recorded[AccessesSuppressed]) -> Iterator[Pending]:
    yield Pending(due_at=recorded.event.until)


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind="suppression-end",
        command=EndSuppression,
        why="The time of a suppression is over.",
        begins={AccessesSuppressed: _suppressed},
        ends=(SuppressionLifted, SuppressionEnded),
    ),
)
