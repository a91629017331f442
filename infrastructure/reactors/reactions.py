"""What a duty is, and whom it is about: what is due for one person is done in the order of the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from domain.kernel import Recorded
from infrastructure.sealing import personal_fields

Duty: TypeAlias = Callable[[Recorded[Any]], Awaitable[None]]
"""Does what one event asks for. It may be called again for the same event, and does then what is still lacking."""

Duties: TypeAlias = Mapping[type, Sequence[Duty]]
"""What is due for each class of event, in order; the next one only when the one before it is done."""


def joined(*several: Duties) -> Duties:
    """Put duties together: those of the first come first."""
    classes = {event_class for duties in several for event_class in duties}
    return {it: tuple(duty for duties in several for duty in duties.get(it, ())) for it in classes}


def person_of(event: object) -> str:
    """Return the data subject whom an event is about: whose personal data it holds, or whom it names."""
    for personal in personal_fields(type(event)):
        return str(getattr(event, personal.declared.subject))
    return str(getattr(event, "person_id", ""))
