"""Reactions to events. Those about one person run in the order of the log, so an event has to say whom it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from infrastructure.event_log.log_reader import AnyRecorded
from infrastructure.sealing import personal_fields

Reaction: TypeAlias = Callable[[AnyRecorded], Awaitable[None]]
"""Reacts to one event. It may be called again for the same event, and then does what is still missing."""

Reactions: TypeAlias = Mapping[type, Sequence[Reaction]]
"""The reactions to each class of event, in order; each one runs only after the one before it is done."""


def joined(*several: Reactions) -> Reactions:
    """Join reactions; those of the first argument run first."""
    classes = {event_class for reactions in several for event_class in reactions}
    return {
        event_class: tuple(reaction for reactions in several for reaction in reactions.get(event_class, ()))
        for event_class in classes
    }


def person_of(event: object) -> str:
    """Return the data subject whom an event is about: whose personal data it holds, or whom it names."""
    for personal in personal_fields(type(event)):
        return str(getattr(event, personal.declared.subject))
    return str(getattr(event, "person_id", ""))
