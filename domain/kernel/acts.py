"""What acts of administrators say: a reason, and the event that they concern."""

from __future__ import annotations

from typing import Annotated

from domain.kernel.kinds import several_lines, whole

MAX_REASON_LENGTH = 400
MAX_EVENT_POSITION = 10**15
"""No log is as long as this; a number beyond it is a mistake."""

EVERY_EVENT = 0
"""Instead of an event's position, which is 1 or more: all events that are concerned."""

ActReason = Annotated[
    str, several_lines(MAX_REASON_LENGTH, "reason-missing", f"Say why, in at most {MAX_REASON_LENGTH} characters.")
]
_NO_POSITION = ("invalid-event-position", "The position is not that of an event in the log.")
ActedOn = Annotated[int, whole(1, MAX_EVENT_POSITION, *_NO_POSITION)]
ActedOnOrEvery = Annotated[int, whole(EVERY_EVENT, MAX_EVENT_POSITION, *_NO_POSITION)]
