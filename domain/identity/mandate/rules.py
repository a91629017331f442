"""Rules of a mandate, and the state that each event leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from domain.identity.mandate.model import (
    AcceptMandate,
    ConfirmMandate,
    EndMandateSuspension,
    ExpireMandate,
    Mandate,
    MandateAccepted,
    MandateAct,
    MandateCommand,
    MandateConfirmed,
    MandateEvents,
    MandateExpired,
    MandateRejected,
    MandateRequested,
    MandateResumed,
    MandateSuspended,
    MandateTerms,
    MandateWithdrawn,
    PartyCommand,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    SuspendMandate,
    WithdrawMandate,
)
from domain.identity.values import MandateKind, MandateSide, MandateStatus
from domain.kernel import Decider, Duplicate, InvalidValue, NotAllowed, NotFound, RuleBroken
from domain.kernel.suspensions import must_be_over, must_end_later

ENDED = frozenset({MandateStatus.WITHDRAWN, MandateStatus.REJECTED, MandateStatus.EXPIRED})

# --- Rules ----------------------------------------------------------------------------------------------------------


def _request(command: RequestMandate, state: Mandate) -> Sequence[MandateEvents]:
    if state.terms is not None:
        raise Duplicate("mandate-exists", "There is a mandate with this id already.")
    _check_terms(command)
    terms = _terms(command)
    if command.kind is MandateKind.CHAIN:
        _must_stay_within_parent(command)
    sides = _sides(command, terms)
    return [MandateRequested(mandate_id=command.mandate_id, period=1, terms=terms, act=_act(command, sides))]


def _check_terms(command: RequestMandate) -> None:
    if not command.service_ids and command.kind is not MandateKind.LEGAL_REPRESENTATION:
        raise InvalidValue("services-missing", "Only legal representation covers every service; name the services.")
    if bool(command.parent_mandate_id) is not (command.kind is MandateKind.CHAIN):
        raise InvalidValue("parent-mandate-misplaced", "Only a chain mandate names a parent mandate.")
    if not command.parties.mandator_exists:
        raise NotFound("mandator-not-found", "The person or enterprise to be represented does not exist.")
    if not command.parties.mandatary_exists:
        raise NotFound("mandatary-not-found", "The person or enterprise that is to act does not exist.")
    if tuple(scope.service_id for scope in command.services) != command.service_ids:
        raise NotFound("service-not-found", "A service that the mandate names does not exist.")


def _terms(command: RequestMandate) -> MandateTerms:
    parent = command.parent.terms
    chain = command.kind is MandateKind.CHAIN
    return MandateTerms(
        kind=command.kind,
        mandator_id=command.mandator_id,
        mandator_kind=command.mandator_kind,
        mandatary_id=command.mandatary_id,
        grantor_id=parent.mandatary_id if chain and parent is not None else command.mandator_id,
        parent_mandate_id=command.parent_mandate_id,
        services=command.services,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        jurisdiction=command.parties.jurisdiction,
    )


def _must_stay_within_parent(command: RequestMandate) -> None:
    parent = command.parent.terms
    if parent is None or not command.parent.in_force:
        raise RuleBroken("parent-mandate-not-in-force", "The mandate that would be passed on is not in force.")
    if parent.kind is MandateKind.CHAIN:
        raise RuleBroken("chain-too-long", "A mandate that was passed on cannot be passed on again.")
    if (command.mandator_id, command.mandator_kind) != (parent.mandator_id, parent.mandator_kind):
        raise RuleBroken("other-mandator", "A chain mandate represents the same mandator as its parent.")
    if command.mandatary_id == parent.mandatary_id:
        raise RuleBroken("mandate-passed-to-oneself", "A mandatary cannot pass a mandate on to themselves.")
    if command.valid_from < parent.valid_from or command.valid_until > parent.valid_until:
        raise RuleBroken("longer-than-parent", "A chain mandate cannot be valid longer than its parent.")
    covered = {scope.service_id for scope in parent.services}
    if covered and not covered.issuperset(command.service_ids):
        raise RuleBroken("wider-than-parent", "A chain mandate cannot name services that its parent does not.")


def _accept(command: AcceptMandate, state: Mandate) -> Sequence[MandateEvents]:
    terms = _terms_of(state)
    sides = _sides(command, terms)
    if terms.kind is MandateKind.LEGAL_REPRESENTATION:
        raise RuleBroken("confirmation-needed", "Legal representation is confirmed by an authority, not accepted.")
    _must_be_other_side(state, sides)
    if state.status is MandateStatus.ACTIVE:
        return []
    _must_be_requested(state)
    _must_not_be_over(command, terms)
    return [MandateAccepted(mandate_id=command.mandate_id, period=state.period, act=_act(command, sides))]


def _reject(command: RejectMandate, state: Mandate) -> Sequence[MandateEvents]:
    sides = _sides(command, _terms_of(state))
    _must_be_other_side(state, sides)
    if state.status is MandateStatus.REJECTED:
        return []
    _must_be_requested(state)
    return [MandateRejected(mandate_id=command.mandate_id, period=state.period, act=_act(command, sides))]


def _confirm(command: ConfirmMandate, state: Mandate) -> Sequence[MandateEvents]:
    terms = _terms_of(state)
    if not command.authority.enrolled or command.authority.organisation_id != command.by:
        raise NotAllowed("not-a-registration-authority", "This organisation is not a Local Registration Authority.")
    if command.authority.jurisdiction is not terms.jurisdiction:
        raise NotAllowed("other-jurisdiction", "An authority confirms mandates in its own country only.")
    if terms.kind is not MandateKind.LEGAL_REPRESENTATION:
        raise RuleBroken("acceptance-needed", "This mandate is accepted by the other side, not confirmed.")
    if state.status is MandateStatus.ACTIVE:
        return []
    _must_be_requested(state)
    _must_not_be_over(command, terms)
    return [
        MandateConfirmed(
            mandate_id=command.mandate_id, period=state.period, authority_id=command.by, ground=command.ground
        )
    ]


def _suspend(command: SuspendMandate, state: Mandate) -> Sequence[MandateEvents]:
    sides = _sides(command, _terms_of(state))
    _must_not_have_ended(state)
    if state.status is MandateStatus.SUSPENDED:
        if command.until == state.suspended_until:
            return []
        if state.suspended_by not in sides:
            raise NotAllowed("suspended-by-the-other-side", "Only the side that suspended the mandate can change that.")
    elif state.status is not MandateStatus.ACTIVE:
        raise RuleBroken("mandate-not-active", "Only an active mandate can be suspended.")
    must_end_later(command.until, command.at)
    act = _act(command, sides)
    return [MandateSuspended(mandate_id=command.mandate_id, period=state.period, act=act, until=command.until)]


def _resume(command: ResumeMandate, state: Mandate) -> Sequence[MandateEvents]:
    terms = _terms_of(state)
    sides = _sides(command, terms)
    if state.status is MandateStatus.ACTIVE:
        return []
    _must_not_have_ended(state)
    if state.status is not MandateStatus.SUSPENDED:
        raise RuleBroken("mandate-not-suspended", "Only a suspended mandate can be resumed.")
    if state.suspended_by not in sides:
        raise NotAllowed("suspended-by-the-other-side", "Only the side that suspended the mandate can resume it.")
    _must_not_be_over(command, terms)
    return [
        MandateResumed(mandate_id=command.mandate_id, period=state.period + 1, terms=terms, act=_act(command, sides))
    ]


def _end_suspension(command: EndMandateSuspension, state: Mandate) -> Sequence[MandateEvents]:
    terms = _terms_of(state)
    if state.status is not MandateStatus.SUSPENDED or command.at >= terms.valid_until:
        return []
    must_be_over(state.suspended_until, command.at)
    return [MandateResumed(mandate_id=command.mandate_id, period=state.period + 1, terms=terms, act=None)]


def _withdraw(command: WithdrawMandate, state: Mandate) -> Sequence[MandateEvents]:
    sides = _sides(command, _terms_of(state))
    if state.status is MandateStatus.WITHDRAWN:
        return []
    _must_not_have_ended(state)
    return [MandateWithdrawn(mandate_id=command.mandate_id, period=state.period, act=_act(command, sides))]


def _expire(command: ExpireMandate, state: Mandate) -> Sequence[MandateEvents]:
    terms = _terms_of(state)
    if state.status is MandateStatus.EXPIRED:
        return []
    _must_not_have_ended(state)
    if command.at < terms.valid_until:
        raise RuleBroken("mandate-still-valid", "The validity of this mandate is not over yet.")
    return [MandateExpired(mandate_id=command.mandate_id, period=state.period)]


def _terms_of(state: Mandate) -> MandateTerms:
    if state.terms is None:
        raise NotFound("mandate-not-found", "There is no mandate with this id.")
    return state.terms


def _sides(command: PartyCommand, terms: MandateTerms) -> frozenset[MandateSide]:
    """Return the sides for which the acting person speaks; refuse one who speaks for none."""
    actor = command.actor
    if not actor.in_session:
        raise NotAllowed("no-session-at-caller", "This needs an open authentication session at this organisation.")
    speaks_for = {actor.person_id, actor.represented_id} - {""}
    sides = set()
    if speaks_for & {terms.mandator_id, terms.grantor_id}:
        sides.add(MandateSide.GIVING)
    if terms.mandatary_id in speaks_for:
        sides.add(MandateSide.RECEIVING)
    if not sides:
        raise NotAllowed("not-a-party", "Only the two sides of a mandate can decide on it.")
    return frozenset(sides)


def _act(command: PartyCommand, sides: frozenset[MandateSide]) -> MandateAct:
    return MandateAct(
        side=MandateSide.GIVING if MandateSide.GIVING in sides else MandateSide.RECEIVING,
        session_id=command.actor.session_id,
        acting_person_id=command.actor.person_id,
        acting_mandate_id=command.actor.mandate_id,
    )


def _must_be_other_side(state: Mandate, sides: frozenset[MandateSide]) -> None:
    if sides <= {state.requested_by}:
        raise NotAllowed("other-side-decides", "The side that asked for the mandate cannot answer it.")


def _must_be_requested(state: Mandate) -> None:
    _must_not_have_ended(state)
    if state.status is not MandateStatus.REQUESTED:
        raise RuleBroken("mandate-already-accepted", "This mandate was accepted before; it can be withdrawn.")


def _must_not_have_ended(state: Mandate) -> None:
    if state.status in ENDED:
        raise RuleBroken("mandate-ended", "This mandate was withdrawn, rejected or has expired, for good.")


def _must_not_be_over(command: MandateCommand, terms: MandateTerms) -> None:
    if command.at >= terms.valid_until:
        raise RuleBroken("mandate-ended", "The validity of this mandate is over.")


def evolve(state: Mandate, event: MandateEvents) -> Mandate:
    match event:
        case MandateRequested():
            return Mandate(
                status=MandateStatus.REQUESTED, period=event.period, terms=event.terms, requested_by=event.act.side
            )
        case MandateAccepted() | MandateConfirmed():
            return replace(state, status=MandateStatus.ACTIVE)
        case MandateSuspended():
            return replace(
                state, status=MandateStatus.SUSPENDED, suspended_by=event.act.side, suspended_until=event.until
            )
        case MandateResumed():
            active = replace(state, status=MandateStatus.ACTIVE, period=event.period)
            return replace(active, suspended_by=None, suspended_until=None)
        case MandateRejected():
            return replace(state, status=MandateStatus.REJECTED)
        case MandateWithdrawn():
            return replace(state, status=MandateStatus.WITHDRAWN)
        case MandateExpired():
            return replace(state, status=MandateStatus.EXPIRED)
        case _:
            assert_never(event)


MANDATE: Decider[MandateCommand, Mandate, MandateEvents] = Decider(
    category="mandate",
    key=("mandate_id",),
    initial=Mandate(),
    rules={
        RequestMandate: _request,
        AcceptMandate: _accept,
        RejectMandate: _reject,
        ConfirmMandate: _confirm,
        SuspendMandate: _suspend,
        ResumeMandate: _resume,
        WithdrawMandate: _withdraw,
        ExpireMandate: _expire,
        EndMandateSuspension: _end_suspension,
    },
    evolve=evolve,
    events={
        "identity.mandate-requested.v1": MandateRequested,
        "identity.mandate-accepted.v1": MandateAccepted,
        "identity.mandate-confirmed.v1": MandateConfirmed,
        "identity.mandate-rejected.v1": MandateRejected,
        "identity.mandate-suspended.v1": MandateSuspended,
        "identity.mandate-resumed.v1": MandateResumed,
        "identity.mandate-withdrawn.v1": MandateWithdrawn,
        "identity.mandate-expired.v1": MandateExpired,
    },
)
