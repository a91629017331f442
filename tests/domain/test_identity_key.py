"""Keys: registered, activated on evidence, suspended, revoked or expired; a derived key needs the eID or a desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.identity.key import (
    KEY,
    ActivateKey,
    EidSession,
    Evidence,
    ExpireKey,
    KeyActivated,
    KeyExpired,
    KeyRegistered,
    KeyResumed,
    KeyRevoked,
    KeySuspended,
    RegisterKey,
    ResumeKey,
    RevokeKey,
    SuspendKey,
    is_usable,
)
from domain.identity.person import Person
from domain.identity.values import EvidenceKind, Means, Route
from domain.kernel import (
    Duplicate,
    InvalidValue,
    Jurisdiction,
    LevelOfAssurance,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    RuleBroken,
)
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
END = AT + timedelta(days=365)
KEY_ID, PERSON, ISSUER = "key-1", "person-1", "provider-1"
FRAME: dict[str, Any] = {"at": AT, "by": ISSUER, "key_id": KEY_ID}
WHOSE: dict[str, Any] = {"key_id": KEY_ID, "person_id": PERSON, "provider_id": ISSUER}
FACTS: dict[str, Any] = {
    "provider": OrganisationFacts(organisation_id=ISSUER, enrolled=True),
    "holder": Person(exists=True, route=Route.NATIONAL_REGISTER),
}
EID_SESSION = EidSession(session_id="session-1", person_id=PERSON, means=Means.EID, open=True)

REGISTER = RegisterKey(
    **FRAME, **FACTS, person_id=PERSON, means=Means.ITSME, level=LevelOfAssurance.HIGH, valid_until=END
)
ACTIVATE = ActivateKey(**FRAME, **FACTS, session_id="session-1", session=EID_SESSION)
SUSPEND, RESUME, REVOKE, EXPIRE = SuspendKey(**FRAME), ResumeKey(**FRAME), RevokeKey(**FRAME), ExpireKey(**FRAME)
EXPIRE_AT_END = replace(EXPIRE, at=END, by="platform")

REGISTERED = KeyRegistered(
    **WHOSE, means=Means.ITSME, level=LevelOfAssurance.HIGH, jurisdiction=Jurisdiction.BE, valid_until=END
)
ACTIVATED = KeyActivated(
    **WHOSE, means=Means.ITSME, evidence=Evidence(kind=EvidenceKind.EID_SESSION, evidence_id="session-1")
)
SUSPENDED, RESUMED, REVOKED, EXPIRED = (kind(**WHOSE) for kind in (KeySuspended, KeyResumed, KeyRevoked, KeyExpired))


# --- Registration ---------------------------------------------------------------------------------------------------


def test_a_recognised_provider_registers_a_key_of_a_known_person() -> None:
    given(KEY).when(REGISTER).then(REGISTERED)
    given(KEY, REGISTERED).when(REGISTER).refused(Duplicate, "key-exists")


def test_a_provider_that_is_not_recognised_registers_and_activates_nothing() -> None:
    unrecognised = OrganisationFacts(organisation_id=ISSUER)
    given(KEY).when(replace(REGISTER, provider=unrecognised)).refused(NotAllowed, "provider-not-recognised")
    given(KEY).when(replace(REGISTER, by="another")).refused(NotAllowed, "provider-not-recognised")
    given(KEY, REGISTERED).when(replace(ACTIVATE, provider=unrecognised)).refused(NotAllowed, "provider-not-recognised")


def test_a_key_belongs_to_a_registered_person_and_ends_in_the_future() -> None:
    nobody = Person()
    given(KEY).when(replace(REGISTER, holder=nobody)).refused(NotFound, "person-not-found")
    given(KEY).when(replace(REGISTER, valid_until=AT)).refused(InvalidValue, "validity-over")


@pytest.mark.parametrize("wish", [ACTIVATE, SUSPEND, RESUME, REVOKE, EXPIRE])
def test_an_unknown_key_is_not_found(wish: Any) -> None:
    given(KEY).when(wish).refused(NotFound, "key-not-found")


@pytest.mark.parametrize("wish", [ACTIVATE, SUSPEND, RESUME, REVOKE])
def test_only_the_provider_that_gave_the_key_out_changes_it(wish: Any) -> None:
    given(KEY, REGISTERED, ACTIVATED).when(replace(wish, by="another")).refused(NotAllowed, "not-the-keys-provider")


# --- Evidence -------------------------------------------------------------------------------------------------------


def test_an_eid_is_activated_by_its_provider_directly() -> None:
    eid = replace(REGISTERED, means=Means.EID)
    wish = ActivateKey(**FRAME, **FACTS)
    given(KEY, eid).when(wish).then(
        KeyActivated(**WHOSE, means=Means.EID, evidence=Evidence(kind=EvidenceKind.PRIMARY_MEANS, evidence_id=KEY_ID))
    )


def test_a_derived_key_is_activated_after_an_authentication_with_the_eid() -> None:
    given(KEY, REGISTERED).when(ACTIVATE).then(ACTIVATED)


@pytest.mark.parametrize(
    "session",
    [
        replace(EID_SESSION, open=False),
        replace(EID_SESSION, means=Means.ITSME),
        replace(EID_SESSION, means=None),
        replace(EID_SESSION, person_id="person-2"),
        EidSession(session_id="", person_id="", means=None, open=False),
    ],
)
def test_no_other_session_is_evidence(session: EidSession) -> None:
    given(KEY, REGISTERED).when(replace(ACTIVATE, session=session)).refused(RuleBroken, "no-evidence-for-key")


def test_a_derived_key_is_activated_for_a_person_who_was_registered_at_a_desk() -> None:
    at_desk = replace(ACTIVATE.holder, route=Route.REGISTRATION_AUTHORITY)
    wish = ActivateKey(**FRAME, provider=FACTS["provider"], holder=at_desk)
    evidence = Evidence(kind=EvidenceKind.LRA_REGISTRATION, evidence_id=PERSON)
    given(KEY, REGISTERED).when(wish).then(replace(ACTIVATED, evidence=evidence))


def test_another_states_means_are_for_a_person_whom_that_state_identified() -> None:
    notified = replace(REGISTERED, means=Means.EIDAS)
    wish = ActivateKey(**FRAME, **FACTS)
    by_eidas = replace(wish, holder=replace(wish.holder, route=Route.EIDAS))
    evidence = Evidence(kind=EvidenceKind.EIDAS_REGISTRATION, evidence_id=PERSON)
    given(KEY, notified).when(by_eidas).then(replace(ACTIVATED, means=Means.EIDAS, evidence=evidence))
    given(KEY, notified).when(wish).refused(RuleBroken, "no-evidence-for-key")
    given(KEY, REGISTERED).when(by_eidas).refused(RuleBroken, "no-evidence-for-key")


def test_an_eid_registration_is_no_evidence_by_itself() -> None:
    given(KEY, REGISTERED).when(ActivateKey(**FRAME, **FACTS)).refused(RuleBroken, "no-evidence-for-key")


# --- Life -----------------------------------------------------------------------------------------------------------


def test_activating_twice_says_nothing_new_and_a_suspended_key_is_resumed_instead() -> None:
    given(KEY, REGISTERED, ACTIVATED).when(ACTIVATE).then()
    given(KEY, REGISTERED, ACTIVATED, SUSPENDED).when(ACTIVATE).refused(RuleBroken, "key-suspended")


def test_suspended_and_resumed() -> None:
    given(KEY, REGISTERED, ACTIVATED).when(SUSPEND).then(SUSPENDED)
    given(KEY, REGISTERED, ACTIVATED, SUSPENDED).when(SUSPEND).then()
    given(KEY, REGISTERED, ACTIVATED, SUSPENDED).when(RESUME).then(RESUMED)
    given(KEY, REGISTERED, ACTIVATED).when(RESUME).then()
    given(KEY, REGISTERED).when(SUSPEND).refused(RuleBroken, "key-not-active")
    given(KEY, REGISTERED).when(RESUME).refused(RuleBroken, "key-not-suspended")


@pytest.mark.parametrize("history", [(REGISTERED,), (REGISTERED, ACTIVATED), (REGISTERED, ACTIVATED, SUSPENDED)])
def test_revoked_or_expired_from_any_state(history: tuple[Any, ...]) -> None:
    given(KEY, *history).when(REVOKE).then(REVOKED)
    given(KEY, *history).when(EXPIRE_AT_END).then(EXPIRED)


@pytest.mark.parametrize("last", [REVOKED, EXPIRED])
def test_an_end_is_final(last: Any) -> None:
    for wish in (ACTIVATE, SUSPEND, RESUME):
        given(KEY, REGISTERED, ACTIVATED, last).when(wish).refused(RuleBroken, "key-ended")


def test_ending_twice_says_nothing_new_and_no_end_turns_into_the_other() -> None:
    given(KEY, REGISTERED, REVOKED).when(REVOKE).then()
    given(KEY, REGISTERED, EXPIRED).when(EXPIRE).then()
    given(KEY, REGISTERED, EXPIRED).when(REVOKE).refused(RuleBroken, "key-ended")
    given(KEY, REGISTERED, REVOKED).when(EXPIRE_AT_END).refused(RuleBroken, "key-ended")


def test_a_key_expires_only_after_its_validity() -> None:
    for_ever = replace(REGISTERED, valid_until=None)
    given(KEY, REGISTERED).when(EXPIRE).refused(RuleBroken, "key-still-valid")
    given(KEY, for_ever).when(EXPIRE_AT_END).refused(RuleBroken, "key-still-valid")


def test_a_key_past_its_validity_is_neither_activated_nor_resumed() -> None:
    given(KEY, REGISTERED).when(replace(ACTIVATE, at=END)).refused(RuleBroken, "key-ended")
    given(KEY, REGISTERED, ACTIVATED, SUSPENDED).when(replace(RESUME, at=END)).refused(RuleBroken, "key-ended")


def test_only_an_active_key_within_its_validity_is_usable() -> None:
    active = KEY.fold([REGISTERED, ACTIVATED])
    assert is_usable(active, at=AT)
    assert not is_usable(active, at=END)
    assert is_usable(replace(active, valid_until=None), at=END)
    assert not is_usable(KEY.fold([REGISTERED]), at=AT)
    assert not is_usable(KEY.fold([REGISTERED, ACTIVATED, SUSPENDED]), at=AT)
