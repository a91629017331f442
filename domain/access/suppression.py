"""Suppression: during an investigation, a person does not learn of the accesses of one organisation to their data.

The record itself stays whole. A suppression has an end, is ordered by somebody who oversees and never by the
organisation that accessed the data, and is itself recorded.
Source: Regulation (EU) 2016/679 (GDPR), article 23(1)(d) and (2); Directive (EU) 2016/680, article 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, assert_never

from domain.kernel import CommandBase, Decider, Duplicate, InvalidValue, NotAllowed, NotFound, RuleBroken, fact
from domain.kernel.kinds import several_lines

# --- Values ---------------------------------------------------------------------------------------------------------

LONGEST = timedelta(days=366)
"""From the order to the end. A longer investigation needs another order."""

MAX_GROUND_LENGTH = 400

SuppressionGround = Annotated[
    str,
    several_lines(
        MAX_GROUND_LENGTH,
        "suppression-ground-missing",
        f"Name the law and the decision that this rests on, in at most {MAX_GROUND_LENGTH} characters.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionParties:
    """Whether the person and the organisation that an order names are registered."""

    person_exists: bool = False
    organisation_exists: bool = False


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessesSuppressed:
    """Accesses of the organisation to the person's data from `since` on are not shown to them before `until`."""

    suppression_id: str
    person_id: str
    organisation_id: str
    since: datetime
    until: datetime
    ground: SuppressionGround

    def check_whole(self, _at: datetime) -> None:
        _check_order(self.since, self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionLifted:
    """The suppression ended before its time."""

    suppression_id: str
    ground: SuppressionGround


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionEnded:
    """The time of the suppression was over."""

    suppression_id: str


Event = AccessesSuppressed | SuppressionLifted | SuppressionEnded

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "oversight"
    suppression_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionOrder(SuppressionCommand):
    """`ground` is the law and the reference of the decision, never anything about the person."""

    ground: SuppressionGround


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressAccesses(SuppressionOrder):
    person_id: str
    organisation_id: str
    since: datetime
    until: datetime
    parties: SuppressionParties = fact(SuppressionParties())


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftSuppression(SuppressionOrder):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSuppression(SuppressionCommand):
    """The platform ends a suppression whose time is over."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    until: datetime | None = None
    lifted: bool = False
    ended: bool = False


# --- Rules ----------------------------------------------------------------------------------------------------------


def _suppress(command: SuppressAccesses, state: Suppression) -> Sequence[Event]:
    if state.until is not None:
        raise Duplicate("suppression-exists", "There is a suppression with this id already.")
    if command.by == command.organisation_id:
        raise NotAllowed("own-accesses-not-suppressed", "Nobody hides what their own organisation looked at.")
    if not command.parties.person_exists:
        raise NotFound("person-not-found", "There is no person with this id.")
    if not command.parties.organisation_exists:
        raise NotFound("organisation-not-found", "There is no organisation with this id.")
    _check_time(command)
    return [
        AccessesSuppressed(
            suppression_id=command.suppression_id,
            person_id=command.person_id,
            organisation_id=command.organisation_id,
            since=command.since,
            until=command.until,
            ground=command.ground.strip(),
        )
    ]


def _check_time(command: SuppressAccesses) -> None:
    if command.until <= command.at:
        raise InvalidValue("suppression-not-in-future", "A suppression ends in the future.")
    if command.until > command.at + LONGEST:
        raise InvalidValue("suppression-too-long", f"A suppression ends within {LONGEST.days} days.")
    _check_order(command.since, command.until)


def _check_order(since: datetime, until: datetime) -> None:
    if until <= since:
        raise InvalidValue("suppression-ends-before-start", "A suppression must end after it begins.")


def _lift(command: LiftSuppression, state: Suppression) -> Sequence[Event]:
    if state.until is None:
        raise _unknown()
    if state.lifted:
        return []
    if state.until <= command.at:
        raise RuleBroken("suppression-over", "This suppression has ended; there is nothing to lift.")
    return [SuppressionLifted(suppression_id=command.suppression_id, ground=command.ground.strip())]


def _end(command: EndSuppression, state: Suppression) -> Sequence[Event]:
    if state.until is None:
        raise _unknown()
    if state.lifted or state.ended:
        return []
    if command.at < state.until:
        raise RuleBroken("suppression-not-over", "The time of this suppression is not over yet.")
    return [SuppressionEnded(suppression_id=command.suppression_id)]


def _unknown() -> NotFound:
    return NotFound("suppression-not-found", "There is no suppression with this id.")


def evolve(state: Suppression, event: Event) -> Suppression:
    match event:
        case AccessesSuppressed():
            return Suppression(until=event.until)
        case SuppressionLifted():
            return replace(state, lifted=True)
        case SuppressionEnded():
            return replace(state, ended=True)
        case _:
            assert_never(event)


SUPPRESSION: Decider[SuppressionCommand, Suppression, Event] = Decider(
    category="access_suppression",
    key=("suppression_id",),
    initial=Suppression(),
    rules={SuppressAccesses: _suppress, LiftSuppression: _lift, EndSuppression: _end},
    evolve=evolve,
    events={
        "access.accesses-suppressed.v1": AccessesSuppressed,
        "access.suppression-lifted.v1": SuppressionLifted,
        "access.suppression-ended.v1": SuppressionEnded,
    },
)
