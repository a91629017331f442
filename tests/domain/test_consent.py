"""Consent: never automatic, only the person or a mandatary, withdrawn at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.consent import (
    CONSENT,
    ConsentGranted,
    ConsentRefused,
    ConsentWithdrawn,
    GrantConsent,
    ImpactNoticeShown,
    RefuseConsent,
    ShowImpactNotice,
    WithdrawConsent,
)
from domain.kernel import Actor, InvalidValue, Jurisdiction, NotAllowed, OrganisationFacts, RuleBroken
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
PERSON, PROVIDER, SESSION = "person-1", "provider-1", "session-1"
WISH: dict[str, Any] = {
    "at": AT,
    "by": PROVIDER,
    "person_id": PERSON,
    "provider_id": PROVIDER,
    "session_id": SESSION,
    "provider": OrganisationFacts(organisation_id=PROVIDER, enrolled=True, jurisdiction=Jurisdiction.BE),
    "actor": Actor(person_id=PERSON, session_id=SESSION, in_session=True),
}
MANDATARY = Actor(
    person_id="person-2", session_id="session-2", in_session=True, mandate_id="mandate-1", represented_id=PERSON
)
SHOW = ShowImpactNotice(**WISH, notice_version="2021-1", language="nl", notice_sha256=SHA256)
GRANT = GrantConsent(**WISH, notice_version="2021-1")
REFUSE = RefuseConsent(**WISH)
WITHDRAW = WithdrawConsent(**WISH)

COMMON: dict[str, Any] = {
    "person_id": PERSON,
    "provider_id": PROVIDER,
    "jurisdiction": Jurisdiction.BE,
    "session_id": SESSION,
}
SHOWN = ImpactNoticeShown(**COMMON, notice_version="2021-1", language="nl", notice_sha256=SHA256, shown_to=PERSON)
GRANTED = ConsentGranted(**COMMON, grant_number=1, notice_version="2021-1", acting_person_id=PERSON, mandate_id="")
REFUSED = ConsentRefused(**COMMON, acting_person_id=PERSON, mandate_id="")
WITHDRAWN = ConsentWithdrawn(**COMMON, grant_number=1, acting_person_id=PERSON, mandate_id="")


def test_the_notice_is_shown_then_consent_is_granted() -> None:
    given(CONSENT).when(SHOW).then(SHOWN)
    given(CONSENT, SHOWN).when(GRANT).then(GRANTED)


def test_no_consent_without_the_notice_in_that_version() -> None:
    given(CONSENT).when(GRANT).refused(RuleBroken, "impact-notice-not-shown")
    given(CONSENT, SHOWN).when(replace(GRANT, notice_version="2022-1")).refused(RuleBroken, "impact-notice-not-shown")


def test_no_consent_on_a_notice_that_somebody_else_saw() -> None:
    given(CONSENT, SHOWN).when(replace(GRANT, actor=MANDATARY)).refused(RuleBroken, "impact-notice-not-shown")


def test_a_mandatary_grants_in_the_persons_name() -> None:
    shown = replace(SHOWN, session_id="session-2", shown_to="person-2")
    granted = replace(GRANTED, session_id="session-2", acting_person_id="person-2", mandate_id="mandate-1")
    given(CONSENT, shown).when(replace(GRANT, actor=MANDATARY)).then(granted)


@pytest.mark.parametrize("wish", [SHOW, GRANT, REFUSE, WITHDRAW])
def test_nobody_else_decides(wish: ShowImpactNotice | GrantConsent | RefuseConsent | WithdrawConsent) -> None:
    stranger = Actor(person_id="person-3", session_id="session-3", in_session=True)
    elsewhere = replace(wish.actor, in_session=False)
    given(CONSENT, SHOWN).when(replace(wish, actor=stranger)).refused(NotAllowed, "not-the-person")
    given(CONSENT, SHOWN).when(replace(wish, actor=elsewhere)).refused(NotAllowed, "no-session-at-provider")
    given(CONSENT, SHOWN).when(replace(wish, by="another")).refused(NotAllowed, "not-your-mailbox-provider")


def test_an_organisation_that_is_not_enrolled_passes_nothing_on() -> None:
    unknown = replace(SHOW.provider, enrolled=False)
    given(CONSENT).when(replace(SHOW, provider=unknown)).refused(NotAllowed, "not-a-mailbox-provider")


def test_granting_twice_says_nothing_new() -> None:
    given(CONSENT, SHOWN, GRANTED).when(GRANT).then()


def test_withdrawn_at_any_time_and_granted_anew_after_a_new_notice() -> None:
    given(CONSENT, SHOWN, GRANTED).when(WITHDRAW).then(WITHDRAWN)
    given(CONSENT, SHOWN, GRANTED, WITHDRAWN).when(WITHDRAW).then()
    given(CONSENT, SHOWN, GRANTED, WITHDRAWN).when(GRANT).refused(RuleBroken, "impact-notice-not-shown")
    given(CONSENT, SHOWN, GRANTED, WITHDRAWN, SHOWN).when(GRANT).then(replace(GRANTED, grant_number=2))


def test_refused_is_not_the_same_as_absent() -> None:
    given(CONSENT, SHOWN).when(REFUSE).then(REFUSED)
    given(CONSENT, SHOWN, REFUSED).when(REFUSE).then()
    given(CONSENT, SHOWN, GRANTED).when(REFUSE).refused(RuleBroken, "consent-active")
    given(CONSENT).when(WITHDRAW).refused(RuleBroken, "no-active-consent")


def test_the_notice_is_in_a_language_of_the_country_and_has_a_digest() -> None:
    given(CONSENT).when(replace(SHOW, language="it")).refused(InvalidValue, "unknown-language")
    given(CONSENT).when(replace(SHOW, notice_sha256="short")).refused(InvalidValue, "invalid-digest")
    given(CONSENT).when(replace(SHOW, notice_sha256="x" * 64)).refused(InvalidValue, "invalid-digest")
    given(CONSENT).when(replace(SHOW, notice_version=" ")).refused(InvalidValue, "notice-version-missing")
    given(CONSENT).when(replace(SHOW, notice_version="x" * 81)).refused(InvalidValue, "notice-version-missing")
