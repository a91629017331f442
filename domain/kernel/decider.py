"""The decider of an aggregate, the frame of a command, and the recorded event with its context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from domain.kernel.kinds import ACTIVITY, ACTOR, REFERENCE, TRACE

# --- Commands -------------------------------------------------------------------------------------------------------


class Command(Protocol):
    """A wish, in the imperative, that may be refused: a dataclass on `CommandBase`.

    `ACTIVITY` is the processing activity that is recorded with its events (GDPR, article 30). Each command class states
    one, or inherits it from the class of its family.
    """

    ACTIVITY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def at(self) -> datetime: ...

    @property
    def by(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBase:
    """What every command carries: its instant (UTC), and the organisation that sends it."""

    at: datetime
    by: str


def fact(unknown: Any) -> Any:  # noqa: ANN401 - the field's own annotation gives the type
    """Mark a field of a command as a fact of another stream: filled in by the handler, never by the caller.

    `unknown` is what the rule sees while nothing is known; every rule refuses on it.
    """
    return field(default=unknown, metadata={"fact": True})


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
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S, E]):
    """One aggregate as data: what it decides, how its state evolves, and the stored names of its events.

    `aggregate_id` gives the id of the aggregate that a command is for; the stream is `category-id`. `claims` gives for
    an accepted command the unique values that its events take or free.
    """

    category: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    commands: Sequence[type[C]]
    aggregate_id: Callable[[C], str]
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


AnyDecider: TypeAlias = Decider[Any, Any, Any]


# --- Recorded events ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who, for whom, why and because of what: stored beside every event, never inside its payload.

    `acting_id` is who did it (an officer's or system's pseudonym, or a person), `subject_id` the legal subject for whom
    it was done, `mandate_id` the mandate that allowed it. `activity` is the processing activity (GDPR art. 30).
    `trace` is a W3C traceparent.
    """

    acting_id: Annotated[str, ACTOR]
    subject_id: str = ""
    organisation_id: str = ""
    mandate_id: str = ""
    activity: Annotated[str, ACTIVITY] = ""
    command_id: Annotated[str, REFERENCE] = ""
    correlation_id: Annotated[str, REFERENCE] = ""
    causation_id: Annotated[str, REFERENCE] = ""
    trace: Annotated[str, TRACE] = ""
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E_co]):
    """An event as the log holds it. `position` is its place in the whole log, `version` in its stream, both from 1."""

    position: int
    stream: str
    version: int
    event: E_co
    context: Context
    recorded_at: datetime

    @property
    def aggregate_id(self) -> str:
        return self.stream.split("-", 1)[1]
