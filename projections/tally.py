"""Rules that are data: counts of events by what the log itself has typed, beside the payload.

A `Tally` is called like any other rule, event by event. Since it is data, the same definition can also be run as one
SQL statement over the whole log, with equal rows (`infrastructure/projector/rows/set_based.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, assert_never

from domain.kernel import Recorded
from projections.effects import Add, Effects
from projections.read_model import ReadModel
from projections.words import CIVIL_TIME, civil_month


class Typed(StrEnum):
    """What the log has a column for, or what follows from one. Days and months are those in which an event happened."""

    CIVIL_DAY = "civil_day"
    CIVIL_MONTH = "civil_month"
    ORGANISATION = "organisation"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class StoredName:
    """The name under which an event is stored, for each class of events."""

    names: Mapping[type, str]


@dataclass(frozen=True, slots=True)
class Constant:
    """A text that the definition gives."""

    value: str


Part: TypeAlias = Typed | StoredName | Constant
"""A part of a key."""


class Measure(StrEnum):
    """What is counted: events, or the streams that they began."""

    EVENTS = "events"
    STREAMS = "streams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Add to the row with this key, for each event. `amounts` says what each of the number columns counts.

    An event makes its row even where all of its amounts are 0.
    """

    key: tuple[Part, ...]
    amounts: Mapping[str, Measure]

    def __call__(self, recorded: Recorded[Any]) -> Effects[Any]:
        key = tuple(_value(part, recorded) for part in self.key)
        return (Add(key, {column: _amount(measure, recorded) for column, measure in self.amounts.items()}),)


def tallies(projection: ReadModel) -> Mapping[type, Tally]:
    """Return the rules of a projection that has no others; refuse one that has with a TypeError."""
    found = {event: rule for event, rule in projection.rules.items() if isinstance(rule, Tally)}
    if len(found) < len(projection.rules):
        raise TypeError(f"the rules of {projection.name} are not all data")
    return found


def _value(part: Part, recorded: Recorded[Any]) -> Any:  # noqa: ANN401 - a day or a text
    match part:
        case Typed.CIVIL_DAY:
            return recorded.context.effective_at.astimezone(CIVIL_TIME).date()
        case Typed.CIVIL_MONTH:
            return civil_month(recorded.context.effective_at)
        case Typed.ORGANISATION:
            return recorded.context.organisation_id
        case Typed.ACTIVITY:
            return recorded.context.activity
        case StoredName(names=names):
            return names[type(recorded.event)]
        case Constant(value=value):
            return value
        case _:
            assert_never(part)


def _amount(measure: Measure, recorded: Recorded[Any]) -> int:
    match measure:
        case Measure.EVENTS:
            return 1
        case Measure.STREAMS:
            return int(recorded.version == 1)
        case _:
            assert_never(measure)
