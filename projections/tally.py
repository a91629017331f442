"""A rule that is data: it counts events by the typed columns of the log, beside the payload.

A `Tally` is called like any other rule, event by event. Since it is data, the same definition also makes one SQL
statement over the whole log, with equal rows (`infrastructure/projector/rows/counting.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.kernel import Recorded
from projections.effects import Add, AnyEffect
from projections.read_model import ReadModel
from projections.words import civil_day


class Typed(StrEnum):
    """A part of a key: the civil day on which the event happened, its stored name, or the organisation that acted."""

    CIVIL_DAY = "civil_day"
    NAME = "name"
    ORGANISATION = "organisation"


class Measure(StrEnum):
    """The things that are counted: events, or the streams that they began."""

    EVENTS = "events"
    STREAMS = "streams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Add to the row with this key, for each event. `amounts` says what each of the number columns counts.

    `names` are the stored names of the events. An event makes its row even where all of its amounts are 0.
    """

    names: Mapping[type, str]
    key: tuple[Typed, ...]
    amounts: Mapping[str, Measure]

    def __call__(self, recorded: Recorded[object]) -> tuple[AnyEffect]:
        typed = {
            Typed.CIVIL_DAY: civil_day(recorded.context.effective_at),
            Typed.NAME: self.names[type(recorded.event)],
            Typed.ORGANISATION: recorded.context.organisation_id,
        }
        counted = {Measure.EVENTS: 1, Measure.STREAMS: int(recorded.version == 1)}
        key = tuple(typed[part] for part in self.key)
        return (Add(key, {column: counted[measure] for column, measure in self.amounts.items()}),)


def tally_of(projection: ReadModel) -> Tally:
    """Return the one rule of a projection that only counts; raise TypeError for another projection."""
    first, *others = projection.rules.values()
    if not isinstance(first, Tally) or any(rule is not first for rule in others):
        raise TypeError(f"the rules of {projection.name} are not one tally")
    return first
