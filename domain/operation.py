"""Operation: acts that administrators order for the read models, one stream for each projection.

An act is recorded before it is carried out: the log has its actor and its reason whatever its outcome. The worker reads
the acts and does the work; its progress is in the database and not in this stream, so no rule here knows whether a
rebuild is running. A request may therefore be repeated; an act on the state of this stream is decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from domain.kernel import CommandBase, Decider, NotFound, RuleBroken, fact
from domain.kernel.acts import EVERY_EVENT, ActedOn, ActedOnOrEvery, ActReason
from domain.kernel.kinds import written

# --- Values ---------------------------------------------------------------------------------------------------------

ACTS = "projection_acts"
"""The read model from which the worker learns of these acts."""

ProjectionName = Annotated[
    str, written("[a-z][a-z0-9_]{0,62}", "invalid-projection-name", "A projection has a name such as bus_counts.")
]

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionEvent:
    """The fields of every act. The actor is in the context."""

    projection: ProjectionName
    why: ActReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildRequested(ProjectionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildCancelled(ProjectionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRequested(ProjectionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverUndoRequested(ProjectionEvent):
    """The rows from before the last takeover are wanted back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousRowsDropRequested(ProjectionEvent):
    """The rows that were kept for undoing the last takeover are not needed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionPaused(ProjectionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionResumed(ProjectionEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEventsRetried(ProjectionEvent):
    """`event_position` is that of the first parked event of one stream, or 0 for all streams."""

    event_position: ActedOnOrEvery


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEventSkipped(ProjectionEvent):
    """The rows are made without this event, now and in every rebuild."""

    event_position: ActedOn


# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionCommand(CommandBase):
    """A command about one projection. `why` is a sentence about the operation of the platform, never about a person."""

    ACTIVITY: ClassVar[str] = "platform-operation"
    projection: ProjectionName
    why: ActReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRebuild(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRebuild(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestVerification(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoTakeover(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPreviousRows(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseProjection(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeProjection(ProjectionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryParkedEvents(ProjectionCommand):
    """Apply parked events again: those of the stream of which a parked one is named, or all of the projection."""

    event_position: ActedOnOrEvery = EVERY_EVENT
    parked: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipParkedEvent(ProjectionCommand):
    """Leave out of the rows an event that is parked, or the one at which the projection has stopped."""

    event_position: ActedOn
    parked: bool = fact(False)
    """True also for the event at which the projection has stopped."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    paused: bool = False


# --- Rules ----------------------------------------------------------------------------------------------------------


def _request(event: type[ProjectionEvent]) -> Callable[[ProjectionCommand, Operation], Sequence[ProjectionEvent]]:
    """Return the rule of a command that is recorded as an event of a class, whatever went before."""

    def rule(command: ProjectionCommand, _state: Operation) -> Sequence[ProjectionEvent]:
        return [event(projection=command.projection, why=command.why.strip())]

    return rule


def _pause(command: PauseProjection, state: Operation) -> Sequence[ProjectionEvent]:
    if command.projection == ACTS:
        # The act that resumes it would not be read.
        raise RuleBroken(
            "acts-not-paused", "The list of these acts is not paused: the worker learns from it what to do."
        )
    return [] if state.paused else [ProjectionPaused(projection=command.projection, why=command.why.strip())]


def _resume(command: ResumeProjection, state: Operation) -> Sequence[ProjectionEvent]:
    return [ProjectionResumed(projection=command.projection, why=command.why.strip())] if state.paused else []


def _retry(command: RetryParkedEvents, _state: Operation) -> Sequence[ProjectionEvent]:
    if command.event_position == EVERY_EVENT and not command.parked:
        return []
    _must_be_parked(command)
    why = command.why.strip()
    return [ParkedEventsRetried(projection=command.projection, why=why, event_position=command.event_position)]


def _skip(command: SkipParkedEvent, _state: Operation) -> Sequence[ProjectionEvent]:
    _must_be_parked(command)
    why = command.why.strip()
    return [ParkedEventSkipped(projection=command.projection, why=why, event_position=command.event_position)]


def _must_be_parked(command: RetryParkedEvents | SkipParkedEvent) -> None:
    if not command.parked:
        raise NotFound("parked-event-not-found", "No event is parked for this projection at this position.")


def evolve(state: Operation, event: ProjectionEvent) -> Operation:
    match event:
        case ProjectionPaused():
            return replace(state, paused=True)
        case ProjectionResumed():
            return replace(state, paused=False)
        case _:
            return state


OPERATION: Decider[ProjectionCommand, Operation, ProjectionEvent] = Decider(
    category="projection",
    key=("projection",),
    initial=Operation(),
    rules={
        RequestRebuild: _request(RebuildRequested),
        CancelRebuild: _request(RebuildCancelled),
        RequestVerification: _request(VerificationRequested),
        UndoTakeover: _request(TakeoverUndoRequested),
        DropPreviousRows: _request(PreviousRowsDropRequested),
        PauseProjection: _pause,
        ResumeProjection: _resume,
        RetryParkedEvents: _retry,
        SkipParkedEvent: _skip,
    },
    evolve=evolve,
    events={
        "projection.rebuild-requested.v1": RebuildRequested,
        "projection.rebuild-cancelled.v1": RebuildCancelled,
        "projection.verification-requested.v1": VerificationRequested,
        "projection.takeover-undo-requested.v1": TakeoverUndoRequested,
        "projection.previous-rows-drop-requested.v1": PreviousRowsDropRequested,
        "projection.paused.v1": ProjectionPaused,
        "projection.resumed.v1": ProjectionResumed,
        "projection.parked-events-retried.v1": ParkedEventsRetried,
        "projection.parked-event-skipped.v1": ParkedEventSkipped,
    },
)

DECIDERS = (OPERATION,)
