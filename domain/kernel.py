"""What every context shares: the decider, the command's frame, the recorded event and its context, the refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NewType, TypeVar

# --- Values ---------------------------------------------------------------------------------------------------------

NationalNumber = NewType("NationalNumber", str)
"""A person's number in a national register: Belgian national or bis number (11 digits) or Dutch BSN (9 digits).

The check digits are verified at the door. It may stand in a command and, sealed, in an event; never in a stream name or
a line of a log.
"""

EnterpriseNumber = NewType("EnterpriseNumber", str)
"""An organisation's register number: Belgian KBO/BCE (10 digits), Dutch KvK (8 digits) or OIN (20 digits)."""


class Jurisdiction(StrEnum):
    """The state whose platform an organisation, a service or a figure belongs to (ISO 3166-1, lower case)."""

    BE = "be"
    NL = "nl"


class LevelOfAssurance(StrEnum):
    """How sure an identification is. Source: Regulation (EU) 910/2014 (eIDAS), article 8."""

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"

    def covers(self, other: LevelOfAssurance) -> bool:
        """Return whether this level is at least as high as the other: a higher one is always accepted."""
        levels = tuple(LevelOfAssurance)
        return levels.index(self) >= levels.index(other)


class Audience(StrEnum):
    """The target group that an online service is for."""

    CITIZEN = "citizen"
    COMPANY = "company"
    GOVERNMENT = "government"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What every wish carries: the instant at which it was expressed and the organisation that expresses it."""

    at: datetime
    by: str


def fact(unknown: Any) -> Any:  # noqa: ANN401 - the field's own annotation gives the type
    """Mark a field of a command as a fact of another stream: filled in by the handler, never by the caller.

    `unknown` is what the rule sees while nothing is known; every rule refuses on it.
    """
    return field(default=unknown, metadata={"fact": True})


# --- Personal data --------------------------------------------------------------------------------------------------


class PurposeGroup(StrEnum):
    """What personal data is kept for. Of one person, the data of one purpose is erased together and held together.

    Source: Regulation (EU) 2016/679 (GDPR), articles 5(1)(b) and 17.
    """

    IDENTIFICATION = "identification"
    CORRESPONDENCE = "correspondence"
    INVOICING = "invoicing"

    # That of the text, which it equals; the one of enumerations is slow, and a key is looked up for each event.
    __hash__ = str.__hash__


PersonalText = NewType("PersonalText", str)
"""Plain in a command and in an event that was just decided; sealed in an event of the log. Empty where there is none.

No rule and no projection can look into a sealed text; it is opened for an answer only.
"""


@dataclass(frozen=True, slots=True)
class Personal:
    """Whose text a field of an event is, and what it is kept for.

    `subject` names the field of the event with the id of the data subject. Where the field holds a value with several
    fields, `within` names the one that is personal.
    """

    subject: str
    group: PurposeGroup
    within: str = ""


def personal(subject: str, group: PurposeGroup, *, within: str = "", **default: Any) -> Any:  # noqa: ANN401 - as `fact`
    """Declare a field of an event as personal: it is sealed before the event is written (see `Personal`)."""
    return field(metadata={"personal": Personal(subject, group, within)}, **default)


# --- Refusals -------------------------------------------------------------------------------------------------------


class Refusal(Exception):  # noqa: N818 - the house's word
    """A domain error: nothing was appended. `code` is stable for ever; `sentence` can be read by a citizen."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class InvalidValue(Refusal):
    """A value that can never be right, whatever the state: too long, wrong check digit, end before start."""


class NotFound(Refusal):
    """What the command names does not exist."""


class NotAllowed(Refusal):
    """The organisation, role or person may not do this."""


class RuleBroken(Refusal):
    """The state of things forbids the wish now."""


class Duplicate(Refusal):
    """What should be unique is there already."""


class StaleVersion(Refusal):
    """The caller decided on a version that is no longer the current one."""


# --- Decider --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """A unique value, reserved for a stream in the same transaction as the events, or released again."""

    kind: str
    value: str
    release: bool = False


C = TypeVar("C", bound=Command)
S = TypeVar("S")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S, E]):
    """One aggregate as data: what it decides, how its state evolves, and the stored names of its events.

    `commands` gives for each command class the id of the aggregate it is for; the stream is `category-id`.
    `claims` gives for an accepted command the unique values that its events take or free.
    """

    category: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    commands: Mapping[type[C], Callable[[Any], str]]
    events: Mapping[str, type[E]]
    claims: Callable[[C, Sequence[E]], Sequence[Claim]] = lambda _command, _events: ()

    def __post_init__(self) -> None:
        # The id of a stream begins after the first hyphen of its name.
        assert "-" not in self.category

    def stream(self, aggregate_id: str) -> str:
        return f"{self.category}-{aggregate_id}"

    def fold(self, events: Sequence[E], state: S | None = None) -> S:
        state = self.initial if state is None else state
        for event in events:
            state = self.evolve(state, event)
        return state


# --- Recorded events ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who, for whom, why and because of what: stored beside every event, never inside its payload.

    `acting_id` is who did it (an officer's or system's pseudonym, or a person), `subject_id` the legal subject for whom
    it was done, `mandate_id` the mandate that allowed it. `activity` is the processing activity (GDPR art. 30).
    `trace` is a W3C traceparent.
    """

    acting_id: str
    subject_id: str = ""
    organisation_id: str = ""
    mandate_id: str = ""
    activity: str = ""
    command_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    trace: str = ""
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E]):
    """An event as the log holds it. `position` is its place in the whole log, `version` in its stream, both from 1."""

    position: int
    stream: str
    version: int
    event: E
    context: Context
    recorded_at: datetime

    @property
    def aggregate_id(self) -> str:
        return self.stream.split("-", 1)[1]
