"""Reactors: acts that administrators order for what follows the log, one stream for each reactor.

An act is recorded before it is carried out: the log has its actor and its reason whatever its outcome. The process that
leads the reactor reads the acts and carries them out. What waits is in the database and not in this stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from domain.kernel import CommandBase, Decider, NotFound, fact
from domain.kernel.acts import EVERY_EVENT, ActedOn, ActedOnOrEvery, ActReason
from domain.kernel.kinds import written

# --- Values ---------------------------------------------------------------------------------------------------------

ReactorName = Annotated[
    str, written("[a-z][a-z0-9-]{0,62}", "invalid-reactor-name", "A reactor has a name such as blind-index.")
]
FollowerReference = Annotated[
    str,
    written(
        r"[A-Za-z_][\w.]{0,199}:[A-Za-z_]\w{0,99}", "invalid-follower", "A follower is named as package.module:Class."
    ),
]

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorEvent:
    """The fields of every act. The actor is in the context."""

    reactor: ReactorName
    why: ActReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorPaused(ReactorEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorResumed(ReactorEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEventsRetried(ReactorEvent):
    """`event_position` is that of the first waiting event of one key, or 0 for all keys."""

    event_position: ActedOnOrEvery


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEventSkipped(ReactorEvent):
    """The reactor does not react to this event; the key goes on behind it."""

    event_position: ActedOn


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerAdded(ReactorEvent):
    """A follower written for the eventsourcing library runs under this name from now on."""

    follower: FollowerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerRemoved(ReactorEvent):
    pass


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorCommand(CommandBase):
    """A command about one reactor. `why` is a sentence about the operation of the platform, never about a person."""

    ACTIVITY: ClassVar[str] = "platform-operation"
    reactor: ReactorName
    why: ActReason
    known: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseReactor(ReactorCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeReactor(ReactorCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryWaitingEvents(ReactorCommand):
    """Try waiting events at once, parked ones too: those of the key of which one is named, or all of the reactor."""

    event_position: ActedOnOrEvery = EVERY_EVENT
    waiting: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipWaitingEvent(ReactorCommand):
    """Do not react to an event that waits, and go on with those behind it."""

    event_position: ActedOn
    waiting: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFollower(ReactorCommand):
    """Run a follower of the eventsourcing library. Whoever orders it decides which code the platform runs."""

    follower: FollowerReference


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFollower(ReactorCommand):
    pass


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactorState:
    paused: bool = False
    follower: str = ""


# --- Rules ----------------------------------------------------------------------------------------------------------


def _pause(command: PauseReactor, state: ReactorState) -> Sequence[ReactorEvent]:
    _must_be_known(command)
    return [] if state.paused else [ReactorPaused(reactor=command.reactor, why=command.why.strip())]


def _resume(command: ResumeReactor, state: ReactorState) -> Sequence[ReactorEvent]:
    _must_be_known(command)
    return [ReactorResumed(reactor=command.reactor, why=command.why.strip())] if state.paused else []


def _retry(command: RetryWaitingEvents, _state: ReactorState) -> Sequence[ReactorEvent]:
    _must_be_known(command)
    if command.event_position == EVERY_EVENT and not command.waiting:
        return []
    _must_wait(command)
    why = command.why.strip()
    return [WaitingEventsRetried(reactor=command.reactor, why=why, event_position=command.event_position)]


def _skip(command: SkipWaitingEvent, _state: ReactorState) -> Sequence[ReactorEvent]:
    _must_be_known(command)
    _must_wait(command)
    why = command.why.strip()
    return [WaitingEventSkipped(reactor=command.reactor, why=why, event_position=command.event_position)]


def _add(command: AddFollower, state: ReactorState) -> Sequence[ReactorEvent]:
    if state.follower == command.follower:
        return []
    return [FollowerAdded(reactor=command.reactor, why=command.why.strip(), follower=command.follower)]


def _remove(command: RemoveFollower, state: ReactorState) -> Sequence[ReactorEvent]:
    return [FollowerRemoved(reactor=command.reactor, why=command.why.strip())] if state.follower else []


def _must_be_known(command: ReactorCommand) -> None:
    if not command.known:
        raise NotFound("no-such-reactor", "There is no reactor of this name.")


def _must_wait(command: RetryWaitingEvents | SkipWaitingEvent) -> None:
    if not command.waiting:
        raise NotFound("waiting-event-not-found", "No event waits for this reactor at this position.")


def evolve(state: ReactorState, event: ReactorEvent) -> ReactorState:
    match event:
        case ReactorPaused():
            return replace(state, paused=True)
        case ReactorResumed():
            return replace(state, paused=False)
        case FollowerAdded():
            return replace(state, follower=event.follower)
        case FollowerRemoved():
            return replace(state, follower="")
        case _:
            return state


REACTOR: Decider[ReactorCommand, ReactorState, ReactorEvent] = Decider(
    category="reactor",
    key=("reactor",),
    initial=ReactorState(),
    rules={
        PauseReactor: _pause,
        ResumeReactor: _resume,
        RetryWaitingEvents: _retry,
        SkipWaitingEvent: _skip,
        AddFollower: _add,
        RemoveFollower: _remove,
    },
    evolve=evolve,
    events={
        "reactor.paused.v1": ReactorPaused,
        "reactor.resumed.v1": ReactorResumed,
        "reactor.waiting-events-retried.v1": WaitingEventsRetried,
        "reactor.waiting-event-skipped.v1": WaitingEventSkipped,
        "reactor.follower-added.v1": FollowerAdded,
        "reactor.follower-removed.v1": FollowerRemoved,
    },
)

DECIDERS = (REACTOR,)
