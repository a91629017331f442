"""The decider of an aggregate, the frame of a command, and the recorded event with its context."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from domain.kernel.checks import check
from domain.kernel.kinds import ACTIVITY, ACTOR, REFERENCE, TRACE

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# --- Commands -------------------------------------------------------------------------------------------------------


class Command(Protocol):
    """A request in the imperative, which may be refused: a dataclass on `CommandBase`.

    `ACTIVITY` is the processing activity that is recorded with its events (GDPR, article 30). Each command class states
    one, or inherits it from the class of its family.
    """

    ACTIVITY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def at(self) -> datetime: ...

    @property
    def by(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBase:
    """The fields of every command: its instant (UTC), and the organisation that sends it."""

    at: datetime
    by: str


def intent_of(command: type[Command]) -> str:
    """Return the name of a command to callers: of `PlaceLegalHold`, `place-legal-hold`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", command.__name__).lower()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[C, S, E]):
    """One aggregate as data: the rule of each command, how the state evolves, and the stored names of the events.

    `key` names the fields of a command that make the id of its aggregate, joined by dots; the stream is `category-id`.
    An event that repeats these fields names the aggregate of its own stream. `guard` refuses what no rule of the
    aggregate allows. `claims` gives the unique values that the events of an accepted command take or free. Commands are
    checked against their kinds, unless no caller makes them (`checked=False`).
    """

    category: str
    key: Sequence[str]
    initial: S
    rules: Mapping[type[C], Callable[[Any, S], Sequence[E]]]
    evolve: Callable[[S, E], S]
    events: Mapping[str, type[E]]
    guard: Callable[[C, S], None] | None = None
    claims: Callable[[C, Sequence[E]], Sequence[Claim]] = lambda _command, _events: ()
    checked: bool = True

    def __post_init__(self) -> None:
        # The id of a stream begins after the first hyphen of its name.
        assert "-" not in self.category

    def decide(self, command: C, state: S) -> Sequence[E]:
        """Return the events that a command leads to, none if it changes nothing; raises the refusal of its rule."""
        if self.checked:
            check(command, command.at)
        if self.guard is not None:
            self.guard(command, state)
        return self.rules[type(command)](command, state)

    def fold(self, events: Sequence[E], state: S | None = None) -> S:
        state = self.initial if state is None else state
        for event in events:
            state = self.evolve(state, event)
        return state

    def stream(self, aggregate_id: str) -> str:
        return f"{self.category}-{aggregate_id}"

    def aggregate_id(self, command: C) -> str:
        return _key_of(command, self.key)

    def is_of(self, event: E, stream: str) -> bool:
        """Return whether an event belongs to a stream, as far as the event itself names its aggregate."""
        names_it = all(hasattr(event, name) for name in self.key)
        return not names_it or self.stream(_key_of(event, self.key)) == stream


def _key_of(named: object, key: Sequence[str]) -> str:
    if len(key) == 1:
        return str(getattr(named, key[0]))
    return ".".join([str(getattr(named, name)) for name in key])


def carried(event: object, base: type[DataclassInstance]) -> dict[str, Any]:
    """Return the fields of an event that its base class declares, by name: other events of the stream repeat them."""
    return {name: getattr(event, name) for name in base.__dataclass_fields__}


DeciderOf: TypeAlias = Decider[Any, S, Any]
AnyDecider: TypeAlias = DeciderOf[Any]


# --- Recorded events ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The actor, the subject, the reason and the cause of an event: stored beside its payload, never in it.

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
