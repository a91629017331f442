"""Mandates: asked by one side, answered by the other, suspended or withdrawn by either, never beyond their terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.identity.mandate.model import (
    AcceptMandate,
    ConfirmMandate,
    ExpireMandate,
    MandateAccepted,
    MandateAct,
    MandateConfirmed,
    MandateExpired,
    MandateParties,
    MandateRejected,
    MandateRequested,
    MandateResumed,
    MandateSuspended,
    MandateTerms,
    MandateWithdrawn,
    ParentMandate,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    ServiceScope,
    SuspendMandate,
    WithdrawMandate,
    in_force,
)
from domain.identity.mandate.rules import MANDATE
from domain.identity.values import MandateKind, MandateSide, PartyKind
from domain.kernel import (
    Actor,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    RuleBroken,
)
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
END = AT + timedelta(days=365)
GIVER, RECEIVER, STRANGER, AGENCY = "person-1", "person-2", "person-3", "organisation-1"
TAX = ServiceScope(service_id="service-1", organisation_id=AGENCY)
HEALTH = ServiceScope(service_id="service-2", organisation_id="organisation-2")

AS_GIVER = Actor(person_id=GIVER, session_id="session-1", in_session=True)
AS_RECEIVER = Actor(person_id=RECEIVER, session_id="session-2", in_session=True)
BY_GIVER = MandateAct(side=MandateSide.GIVING, session_id="session-1", acting_person_id=GIVER, acting_mandate_id="")
BY_RECEIVER = MandateAct(
    side=MandateSide.RECEIVING, session_id="session-2", acting_person_id=RECEIVER, acting_mandate_id=""
)

FRAME: dict[str, Any] = {"at": AT, "by": AGENCY, "mandate_id": "mandate-1"}
GIVES: dict[str, Any] = {**FRAME, "session_id": "session-1", "actor": AS_GIVER}
RECEIVES: dict[str, Any] = {**FRAME, "session_id": "session-2", "actor": AS_RECEIVER}
REQUEST = RequestMandate(
    **GIVES,
    kind=MandateKind.VOLUNTARY,
    mandator_id=GIVER,
    mandator_kind=PartyKind.PERSON,
    mandatary_id=RECEIVER,
    service_ids=("service-1", "service-2"),
    valid_from=AT,
    valid_until=END,
    parties=MandateParties(mandator_exists=True, mandatary_exists=True, jurisdiction=Jurisdiction.BE),
    services=(TAX, HEALTH),
)
ACCEPT, REJECT = AcceptMandate(**RECEIVES), RejectMandate(**RECEIVES)
SUSPEND, RESUME, WITHDRAW = SuspendMandate(**GIVES), ResumeMandate(**GIVES), WithdrawMandate(**GIVES)
EXPIRE = ExpireMandate(at=END, by="platform", mandate_id="mandate-1")

TERMS = MandateTerms(
    kind=MandateKind.VOLUNTARY,
    mandator_id=GIVER,
    mandator_kind=PartyKind.PERSON,
    mandatary_id=RECEIVER,
    grantor_id=GIVER,
    parent_mandate_id="",
    services=(TAX, HEALTH),
    valid_from=AT,
    valid_until=END,
    jurisdiction=Jurisdiction.BE,
)
STEP: dict[str, Any] = {"mandate_id": "mandate-1", "period": 1}
REQUESTED = MandateRequested(**STEP, terms=TERMS, act=BY_GIVER)
ACCEPTED = MandateAccepted(**STEP, act=BY_RECEIVER)
REJECTED = MandateRejected(**STEP, act=BY_RECEIVER)
SUSPENDED = MandateSuspended(**STEP, act=BY_GIVER)
RESUMED = MandateResumed(mandate_id="mandate-1", period=2, terms=TERMS, act=BY_GIVER)
WITHDRAWN = MandateWithdrawn(**STEP, act=BY_GIVER)
EXPIRED = MandateExpired(**STEP)
ACTIVE = (REQUESTED, ACCEPTED)


# --- Request and answer ---------------------------------------------------------------------------------------------


def test_one_side_asks_and_the_other_accepts() -> None:
    given(MANDATE).when(REQUEST).then(REQUESTED)
    given(MANDATE, REQUESTED).when(REQUEST).refused(Duplicate, "mandate-exists")
    given(MANDATE, REQUESTED).when(ACCEPT).then(ACCEPTED)
    given(MANDATE, *ACTIVE).when(ACCEPT).then()


def test_the_mandatary_may_ask_and_the_mandator_accepts() -> None:
    requested = replace(REQUESTED, act=BY_RECEIVER)
    given(MANDATE).when(replace(REQUEST, actor=AS_RECEIVER)).then(requested)
    given(MANDATE, requested).when(AcceptMandate(**GIVES)).then(replace(ACCEPTED, act=BY_GIVER))


def test_nobody_answers_their_own_request() -> None:
    given(MANDATE, REQUESTED).when(AcceptMandate(**GIVES)).refused(NotAllowed, "other-side-decides")
    given(MANDATE, REQUESTED).when(RejectMandate(**GIVES)).refused(NotAllowed, "other-side-decides")


def test_rejected_for_good() -> None:
    given(MANDATE, REQUESTED).when(REJECT).then(REJECTED)
    given(MANDATE, REQUESTED, REJECTED).when(REJECT).then()
    given(MANDATE, REQUESTED, REJECTED).when(ACCEPT).refused(RuleBroken, "mandate-ended")
    given(MANDATE, *ACTIVE).when(REJECT).refused(RuleBroken, "mandate-already-accepted")


def test_a_request_is_not_accepted_once_its_validity_is_over() -> None:
    given(MANDATE, REQUESTED).when(replace(ACCEPT, at=END)).refused(RuleBroken, "mandate-ended")


@pytest.mark.parametrize("wish", [REQUEST, ACCEPT, REJECT, SUSPEND, RESUME, WITHDRAW])
def test_only_the_two_sides_decide_in_a_session_at_the_caller(wish: Any) -> None:
    history = () if wish is REQUEST else (REQUESTED,)
    stranger = Actor(person_id=STRANGER, session_id="session-3", in_session=True)
    elsewhere = replace(wish.actor, in_session=False)
    given(MANDATE, *history).when(replace(wish, actor=stranger)).refused(NotAllowed, "not-a-party")
    given(MANDATE, *history).when(replace(wish, actor=elsewhere)).refused(NotAllowed, "no-session-at-caller")


@pytest.mark.parametrize("wish", [ACCEPT, REJECT, SUSPEND, RESUME, WITHDRAW, EXPIRE])
def test_an_unknown_mandate_is_not_found(wish: Any) -> None:
    given(MANDATE).when(wish).refused(NotFound, "mandate-not-found")


@pytest.mark.parametrize(
    ("wish", "kind", "code"),
    [
        (replace(REQUEST, mandatary_id=GIVER), InvalidValue, "mandate-to-oneself"),
        (replace(REQUEST, valid_from=END), InvalidValue, "validity-ends-before-start"),
        (
            replace(REQUEST, valid_from=AT - timedelta(days=2), valid_until=AT),
            InvalidValue,
            "validity-over",
        ),
        (replace(REQUEST, service_ids=(), services=()), InvalidValue, "services-missing"),
        (replace(REQUEST, parent_mandate_id="mandate-0"), InvalidValue, "parent-mandate-misplaced"),
        (replace(REQUEST, kind=MandateKind.CHAIN), InvalidValue, "parent-mandate-misplaced"),
        (replace(REQUEST, services=(TAX,)), NotFound, "service-not-found"),
        (
            replace(REQUEST, parties=replace(REQUEST.parties, mandator_exists=False)),
            NotFound,
            "mandator-not-found",
        ),
        (
            replace(REQUEST, parties=replace(REQUEST.parties, mandatary_exists=False)),
            NotFound,
            "mandatary-not-found",
        ),
    ],
)
def test_terms_that_cannot_be(wish: RequestMandate, kind: Any, code: str) -> None:
    given(MANDATE).when(wish).refused(kind, code)


def test_a_legal_representative_acts_for_the_enterprise_under_the_mandate_that_is_named() -> None:
    director = Actor(
        person_id="person-9", session_id="session-9", in_session=True, mandate_id="mandate-0", represented_id=GIVER
    )
    act = MandateAct(
        side=MandateSide.GIVING, session_id="session-9", acting_person_id="person-9", acting_mandate_id="mandate-0"
    )
    given(MANDATE).when(replace(REQUEST, actor=director)).then(replace(REQUESTED, act=act))


# --- Suspension, withdrawal, expiry ---------------------------------------------------------------------------------


def test_suspended_and_resumed_by_the_same_side_in_a_new_period() -> None:
    given(MANDATE, *ACTIVE).when(SUSPEND).then(SUSPENDED)
    given(MANDATE, *ACTIVE, SUSPENDED).when(SUSPEND).then()
    given(MANDATE, *ACTIVE, SUSPENDED).when(RESUME).then(RESUMED)
    given(MANDATE, *ACTIVE, SUSPENDED, RESUMED).when(RESUME).then()
    given(MANDATE, *ACTIVE, SUSPENDED, RESUMED).when(SUSPEND).then(replace(SUSPENDED, period=2))
    given(MANDATE, *ACTIVE, SUSPENDED).when(ResumeMandate(**RECEIVES)).refused(
        NotAllowed, "suspended-by-the-other-side"
    )
    given(MANDATE, *ACTIVE, SUSPENDED).when(replace(RESUME, at=END)).refused(RuleBroken, "mandate-ended")


def test_what_was_never_active_is_neither_suspended_nor_resumed() -> None:
    given(MANDATE, REQUESTED).when(SUSPEND).refused(RuleBroken, "mandate-not-active")
    given(MANDATE, REQUESTED).when(RESUME).refused(RuleBroken, "mandate-not-suspended")


@pytest.mark.parametrize("history", [(REQUESTED,), ACTIVE, (*ACTIVE, SUSPENDED)])
def test_withdrawn_by_either_side_at_any_time(history: tuple[Any, ...]) -> None:
    given(MANDATE, *history).when(WITHDRAW).then(WITHDRAWN)
    given(MANDATE, *history).when(WithdrawMandate(**RECEIVES)).then(replace(WITHDRAWN, act=BY_RECEIVER))
    given(MANDATE, *history, WITHDRAWN).when(WITHDRAW).then()


@pytest.mark.parametrize("history", [(REQUESTED,), ACTIVE, (*ACTIVE, SUSPENDED)])
def test_expired_after_its_validity_only(history: tuple[Any, ...]) -> None:
    given(MANDATE, *history).when(EXPIRE).then(EXPIRED)
    given(MANDATE, *history, EXPIRED).when(EXPIRE).then()
    early = replace(EXPIRE, at=END - timedelta(seconds=1))
    given(MANDATE, *history).when(early).refused(RuleBroken, "mandate-still-valid")


@pytest.mark.parametrize("last", [REJECTED, WITHDRAWN, EXPIRED])
def test_an_end_is_final(last: Any) -> None:
    for wish in (ACCEPT, SUSPEND, RESUME):
        given(MANDATE, *ACTIVE, last).when(wish).refused(RuleBroken, "mandate-ended")
    if last is not WITHDRAWN:
        given(MANDATE, *ACTIVE, last).when(WITHDRAW).refused(RuleBroken, "mandate-ended")
    if last is not EXPIRED:
        given(MANDATE, *ACTIVE, last).when(EXPIRE).refused(RuleBroken, "mandate-ended")


# --- Legal representation -------------------------------------------------------------------------------------------

LEGAL = replace(TERMS, kind=MandateKind.LEGAL_REPRESENTATION, services=())
LEGAL_REQUESTED = replace(REQUESTED, terms=LEGAL, act=BY_RECEIVER)
CONFIRM = ConfirmMandate(
    at=AT,
    by="town-1",
    mandate_id="mandate-1",
    ground="judgment-2021-17",
    authority=OrganisationFacts(organisation_id="town-1", enrolled=True, jurisdiction=Jurisdiction.BE),
)
CONFIRMED = MandateConfirmed(**STEP, authority_id="town-1", ground="judgment-2021-17")


def test_legal_representation_covers_every_service_and_is_confirmed_by_an_authority() -> None:
    wish = replace(REQUEST, kind=MandateKind.LEGAL_REPRESENTATION, service_ids=(), services=(), actor=AS_RECEIVER)
    given(MANDATE).when(wish).then(LEGAL_REQUESTED)
    given(MANDATE, LEGAL_REQUESTED).when(CONFIRM).then(CONFIRMED)
    given(MANDATE, LEGAL_REQUESTED, CONFIRMED).when(CONFIRM).then()
    given(MANDATE, LEGAL_REQUESTED).when(AcceptMandate(**GIVES)).refused(RuleBroken, "confirmation-needed")
    state = MANDATE.fold([LEGAL_REQUESTED, CONFIRMED])
    assert in_force(state, mandatary_id=RECEIVER, at=AT, organisation_id="any")


def test_only_an_authority_of_the_country_confirms_on_a_ground() -> None:
    unenrolled, dutch = (
        replace(CONFIRM.authority, enrolled=False),
        replace(CONFIRM.authority, jurisdiction=Jurisdiction.NL),
    )
    history = (LEGAL_REQUESTED,)
    given(MANDATE, *history).when(replace(CONFIRM, authority=unenrolled)).refused(
        NotAllowed, "not-a-registration-authority"
    )
    given(MANDATE, *history).when(replace(CONFIRM, by="another")).refused(NotAllowed, "not-a-registration-authority")
    given(MANDATE, *history).when(replace(CONFIRM, authority=dutch)).refused(NotAllowed, "other-jurisdiction")
    given(MANDATE, *history).when(replace(CONFIRM, ground=" ")).refused(InvalidValue, "ground-missing")
    given(MANDATE, *history).when(replace(CONFIRM, at=END)).refused(RuleBroken, "mandate-ended")
    given(MANDATE, REQUESTED).when(CONFIRM).refused(RuleBroken, "acceptance-needed")
    given(MANDATE).when(CONFIRM).refused(NotFound, "mandate-not-found")


# --- Chains ---------------------------------------------------------------------------------------------------------

EMPLOYEE = "person-4"
PASS_ON = replace(
    REQUEST,
    mandate_id="mandate-2",
    kind=MandateKind.CHAIN,
    mandatary_id=EMPLOYEE,
    parent_mandate_id="mandate-1",
    service_ids=("service-1",),
    services=(TAX,),
    actor=AS_RECEIVER,
    parent=ParentMandate(terms=TERMS, in_force=True),
)
CHAIN_TERMS = replace(
    TERMS,
    kind=MandateKind.CHAIN,
    mandatary_id=EMPLOYEE,
    grantor_id=RECEIVER,
    parent_mandate_id="mandate-1",
    services=(TAX,),
)
CHAIN_BY_GRANTOR = replace(BY_RECEIVER, side=MandateSide.GIVING)
CHAIN_REQUESTED = MandateRequested(mandate_id="mandate-2", period=1, terms=CHAIN_TERMS, act=CHAIN_BY_GRANTOR)
CHAIN_ACCEPTED = replace(ACCEPTED, mandate_id="mandate-2")


def test_a_mandatary_passes_a_mandate_on() -> None:
    given(MANDATE).when(PASS_ON).then(CHAIN_REQUESTED)


def test_the_mandator_at_the_top_of_a_chain_may_withdraw_it_too() -> None:
    withdraw = replace(WITHDRAW, mandate_id="mandate-2")
    given(MANDATE, CHAIN_REQUESTED, CHAIN_ACCEPTED).when(withdraw).then(replace(WITHDRAWN, mandate_id="mandate-2"))


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (replace(PASS_ON, parent=ParentMandate(terms=TERMS, in_force=False)), "parent-mandate-not-in-force"),
        (replace(PASS_ON, parent=ParentMandate(terms=None, in_force=False)), "parent-mandate-not-in-force"),
        (replace(PASS_ON, parent=ParentMandate(terms=CHAIN_TERMS, in_force=True)), "chain-too-long"),
        (replace(PASS_ON, mandator_id=STRANGER), "other-mandator"),
        (replace(PASS_ON, mandator_kind=PartyKind.ENTERPRISE), "other-mandator"),
        (replace(PASS_ON, mandatary_id=RECEIVER), "mandate-passed-to-oneself"),
        (replace(PASS_ON, valid_until=END + timedelta(seconds=1)), "longer-than-parent"),
        (replace(PASS_ON, valid_from=AT - timedelta(seconds=1)), "longer-than-parent"),
        (
            replace(PASS_ON, parent=ParentMandate(terms=replace(TERMS, services=(HEALTH,)), in_force=True)),
            "wider-than-parent",
        ),
    ],
)
def test_a_chain_reaches_no_further_than_its_parent(wish: RequestMandate, code: str) -> None:
    given(MANDATE).when(wish).refused(RuleBroken, code)


def test_legal_representation_can_be_passed_on_for_any_service() -> None:
    given(MANDATE).when(replace(PASS_ON, parent=ParentMandate(terms=LEGAL, in_force=True))).then(CHAIN_REQUESTED)


def test_a_chain_is_in_force_only_while_its_parent_is() -> None:
    chain = MANDATE.fold([CHAIN_REQUESTED, CHAIN_ACCEPTED])
    parent, suspended = MANDATE.fold(ACTIVE), MANDATE.fold([*ACTIVE, SUSPENDED])
    assert in_force(chain, mandatary_id=EMPLOYEE, at=AT, organisation_id=AGENCY, parent=parent)
    assert not in_force(chain, mandatary_id=EMPLOYEE, at=AT, organisation_id=AGENCY, parent=suspended)
    assert not in_force(chain, mandatary_id=EMPLOYEE, at=AT, organisation_id=AGENCY)


# --- In force -------------------------------------------------------------------------------------------------------


def test_a_mandate_is_in_force_for_its_mandatary_at_its_services_and_within_its_validity() -> None:
    active = MANDATE.fold(ACTIVE)
    assert in_force(active, mandatary_id=RECEIVER, at=AT)
    assert in_force(active, mandatary_id=RECEIVER, at=AT, organisation_id=AGENCY)
    assert not in_force(active, mandatary_id=RECEIVER, at=AT, organisation_id="organisation-9")
    assert not in_force(active, mandatary_id=STRANGER, at=AT)
    assert not in_force(active, mandatary_id="", at=AT)
    assert not in_force(active, mandatary_id=RECEIVER, at=AT - timedelta(seconds=1))
    assert not in_force(active, mandatary_id=RECEIVER, at=END)


@pytest.mark.parametrize(
    "history",
    [(), (REQUESTED,), (REQUESTED, REJECTED), (*ACTIVE, SUSPENDED), (*ACTIVE, WITHDRAWN), (*ACTIVE, EXPIRED)],
)
def test_only_an_active_mandate_is_in_force(history: tuple[Any, ...]) -> None:
    assert not in_force(MANDATE.fold(history), mandatary_id=RECEIVER, at=AT)
