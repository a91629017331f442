"""Rules of an erasure and its holds, and the state that each event leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import assert_never

from domain.erasure.model import (
    MAX_HOLD_YEARS,
    MAX_HOLDS,
    CarryOutErasure,
    EndLegalHold,
    EraseCommand,
    Erasure,
    ErasureAsked,
    ErasureCommand,
    ErasureRequested,
    ErasureSettled,
    ErasureStatus,
    ErasureWithdrawn,
    Event,
    Hold,
    KeysDestroyed,
    KeysShredded,
    LegalHoldLifted,
    LegalHoldPlaced,
    LiftLegalHold,
    OrderErasure,
    PlaceLegalHold,
    PlaceRetentionHold,
    RecordKeysDestroyed,
    RecordKeysShredded,
    RequestErasure,
    WithdrawErasure,
)
from domain.kernel import Actor, Decider, InvalidValue, NotAllowed, NotFound, PurposeGroup, RuleBroken
from domain.kernel.instants import civil_day

NOBODY = Actor()

# --- Rules ----------------------------------------------------------------------------------------------------------


def _request(command: RequestErasure, state: Erasure) -> Sequence[Event]:
    _must_be_the_person(command)
    requested = _ask(command, state, command.applicant)
    if not command.cooling_off_days:
        return requested
    asked_before = () if state.asked is None else state.asked.groups
    return [
        ErasureAsked(
            person_id=it.person_id,
            groups=tuple(group for group in PurposeGroup if group in (*it.groups, *asked_before)),
            held_groups=it.held_groups,
            ground=it.ground,
            reference=it.reference,
            session_id=it.session_id,
            acting_person_id=it.acting_person_id,
            mandate_id=it.mandate_id,
            due_at=command.at + timedelta(days=command.cooling_off_days),
        )
        for it in requested
        if not set(it.groups) <= set(asked_before)
    ]


def _must_be_the_person(command: RequestErasure | WithdrawErasure) -> None:
    if not command.applicant.in_session:
        raise NotAllowed("no-session-at-caller", "This needs an open authentication session at this organisation.")
    if not command.applicant.is_or_represents(command.person_id):
        raise NotAllowed("not-the-person", "Only the person, or who represents them by law, can ask for this.")


def _withdraw(command: WithdrawErasure, state: Erasure) -> Sequence[Event]:
    _must_be_the_person(command)
    if state.withdrawn:
        return []
    if state.asked is None or command.at >= state.asked.due_at:
        raise RuleBroken("no-erasure-to-withdraw", "Nothing that was asked for can be withdrawn any more.")
    applicant = command.applicant
    return [
        ErasureWithdrawn(
            person_id=command.person_id,
            session_id=applicant.session_id,
            acting_person_id=applicant.person_id,
            mandate_id=applicant.mandate_id,
        )
    ]


def _carry_out(command: CarryOutErasure, state: Erasure) -> Sequence[Event]:
    """Request what was asked for, but what a hold keeps by now."""
    asked = state.asked
    if asked is None:
        return []
    if command.at < asked.due_at:
        raise RuleBroken("erasure-not-due", "The person can still withdraw this.")
    kept = [group for group in asked.groups if state.status(group) is ErasureStatus.KEPT]
    held = tuple(group for group in kept if state.held(group, on=civil_day(command.at)))
    free = tuple(group for group in kept if group not in held)
    if not free:
        return [ErasureSettled(person_id=command.person_id)]
    return [
        ErasureRequested(
            person_id=command.person_id,
            groups=free,
            held_groups=(*asked.held_groups, *held),
            ground=asked.ground,
            reference=asked.reference,
            session_id=asked.session_id,
            acting_person_id=asked.acting_person_id,
            mandate_id=asked.mandate_id,
        )
    ]


def _ask(command: EraseCommand, state: Erasure, applicant: Actor = NOBODY) -> Sequence[ErasureRequested]:
    _must_be_known(command.registered, state)
    wanted = [group for group in PurposeGroup if group in (command.groups or tuple(PurposeGroup))]
    kept = [group for group in wanted if state.status(group) is ErasureStatus.KEPT]
    held = tuple(group for group in kept if state.held(group, on=civil_day(command.at)))
    free = tuple(group for group in kept if group not in held)
    if not free:
        if held == tuple(wanted):
            raise RuleBroken("legal-hold", "The law keeps this data for now; it cannot be erased yet.")
        return []
    return [
        ErasureRequested(
            person_id=command.person_id,
            groups=free,
            held_groups=held,
            ground=command.ground,
            reference=command.reference,
            session_id=applicant.session_id,
            acting_person_id=applicant.person_id,
            mandate_id=applicant.mandate_id,
        )
    ]


def _must_be_known(registered: bool, state: Erasure) -> None:
    """Refuse an unknown person. A contact on an invoice need not be registered, and is known by the hold on it."""
    if not registered and not state.holds:
        raise NotFound("person-not-found", "There is no person with this id.")


def _place(command: PlaceLegalHold, state: Erasure) -> Sequence[Event]:
    _must_be_known(command.registered, state)
    if state.status(command.group) is not ErasureStatus.KEPT:
        raise RuleBroken("erasure-under-way", "This data is being erased, or it was already; it cannot be held.")
    today = civil_day(command.at)
    if not today <= command.until <= date(today.year + MAX_HOLD_YEARS, 12, 31):
        raise InvalidValue(
            "invalid-hold-end", f"A hold names its last day: today or later, within {MAX_HOLD_YEARS} years."
        )
    if command.hold_id not in state.holds and len(state.holds) >= MAX_HOLDS:
        raise RuleBroken("too-many-holds", f"There are {MAX_HOLDS} holds on this person's data already.")
    return _hold(command, state)


def _hold(command: PlaceLegalHold | PlaceRetentionHold, state: Erasure) -> Sequence[Event]:
    """Place a hold; change nothing if it was placed until that day before, it is over, or the data is erased.

    An erasure that is requested and not carried out yet gives way to the law. One reactor carries erasures out and
    sends the commands of policies, in the order of the log, so the two never cross.
    """
    known = state.holds.get(command.hold_id)
    erased = state.status(command.group) in (ErasureStatus.DESTROYED, ErasureStatus.SHREDDED)
    if erased or civil_day(command.at) > command.until or (known is not None and command.until <= known.until):
        return []
    return [
        LegalHoldPlaced(
            person_id=command.person_id,
            hold_id=command.hold_id,
            group=command.group,
            ground=command.ground,
            until=command.until,
            reference=command.reference,
        )
    ]


def _lift(command: LiftLegalHold, state: Erasure) -> Sequence[Event]:
    hold = state.holds.get(command.hold_id)
    if hold is None:
        raise _no_such_hold()
    if hold.lifted:
        return []
    return [LegalHoldLifted(person_id=command.person_id, hold_id=command.hold_id, group=hold.group)]


def _end(command: EndLegalHold, state: Erasure) -> Sequence[Event]:
    hold = state.holds.get(command.hold_id)
    if hold is None:
        raise _no_such_hold()
    if hold.lifted:
        return []
    if civil_day(command.at) <= hold.until:
        raise RuleBroken("legal-hold-not-over", "The last day of this hold is not over yet.")
    return [LegalHoldLifted(person_id=command.person_id, hold_id=command.hold_id, group=hold.group)]


def _no_such_hold() -> NotFound:
    return NotFound("legal-hold-not-found", "There is no such hold on this person's data.")


def _destroyed(command: RecordKeysDestroyed, state: Erasure) -> Sequence[Event]:
    groups = _in_step(command.groups, state, ErasureStatus.REQUESTED)
    return [KeysDestroyed(person_id=command.person_id, groups=groups)] if groups else []


def _shredded(command: RecordKeysShredded, state: Erasure) -> Sequence[Event]:
    groups = _in_step(command.groups, state, ErasureStatus.DESTROYED)
    return [KeysShredded(person_id=command.person_id, groups=groups)] if groups else []


def _in_step(groups: Sequence[PurposeGroup], state: Erasure, status: ErasureStatus) -> tuple[PurposeGroup, ...]:
    """Return those of the groups that are at this step. A further step was recorded before."""
    steps = list(ErasureStatus)
    if any(steps.index(state.status(group)) < steps.index(status) for group in groups):
        raise RuleBroken("erasure-not-requested", "This was not decided, so it cannot have been carried out.")
    return tuple(group for group in PurposeGroup if group in groups and state.status(group) is status)


def evolve(state: Erasure, event: Event) -> Erasure:
    match event:
        case ErasureAsked():
            return replace(state, asked=event, withdrawn=False)
        case ErasureWithdrawn():
            return replace(state, asked=None, withdrawn=True)
        case ErasureSettled():
            return replace(state, asked=None)
        case ErasureRequested():
            # An order leaves what the person asked for beside it.
            asked = None if event.session_id else state.asked
            return replace(_at(state, event.groups, ErasureStatus.REQUESTED), asked=asked)
        case KeysDestroyed():
            return _at(state, event.groups, ErasureStatus.DESTROYED)
        case KeysShredded():
            return _at(state, event.groups, ErasureStatus.SHREDDED)
        case LegalHoldPlaced():
            hold = Hold(group=event.group, until=event.until)
            kept = _at(state, (event.group,), ErasureStatus.KEPT)
            return replace(kept, holds={**kept.holds, event.hold_id: hold})
        case LegalHoldLifted():
            lifted = replace(state.holds[event.hold_id], lifted=True)
            return replace(state, holds={**state.holds, event.hold_id: lifted})
        case _:
            assert_never(event)


def _at(state: Erasure, groups: Sequence[PurposeGroup], status: ErasureStatus) -> Erasure:
    return replace(state, statuses={**state.statuses, **dict.fromkeys(groups, status)})


ERASURE: Decider[ErasureCommand, Erasure, Event] = Decider(
    category="erasure",
    key=("person_id",),
    initial=Erasure(),
    rules={
        RequestErasure: _request,
        WithdrawErasure: _withdraw,
        CarryOutErasure: _carry_out,
        OrderErasure: _ask,
        PlaceLegalHold: _place,
        PlaceRetentionHold: _hold,
        LiftLegalHold: _lift,
        EndLegalHold: _end,
        RecordKeysDestroyed: _destroyed,
        RecordKeysShredded: _shredded,
    },
    evolve=evolve,
    events={
        "erasure.asked.v1": ErasureAsked,
        "erasure.withdrawn.v1": ErasureWithdrawn,
        "erasure.settled.v1": ErasureSettled,
        "erasure.requested.v1": ErasureRequested,
        "erasure.keys-destroyed.v1": KeysDestroyed,
        "erasure.keys-shredded.v1": KeysShredded,
        "erasure.legal-hold-placed.v1": LegalHoldPlaced,
        "erasure.legal-hold-lifted.v1": LegalHoldLifted,
    },
)
