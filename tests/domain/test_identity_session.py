"""Authentication: with an active key of a recognised provider, at a level the service accepts; refusals are events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.identity.key import IdentificationKey
from domain.identity.session import (
    SESSION,
    AccessService,
    AuthenticationRefused,
    AuthenticationSucceeded,
    EndSession,
    OpenSession,
    RequestedService,
    ServiceAccessed,
    ServiceAccessRefused,
    SessionEnded,
    is_open,
)
from domain.identity.values import SESSION_LENGTH, Channel, KeyStatus, Means, Reason
from domain.kernel import Audience, Duplicate, Jurisdiction, LevelOfAssurance, NotAllowed, NotFound, RuleBroken
from tests.domain.given import given

AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
OVER = AT + SESSION_LENGTH
PERSON, ISSUER = "person-1", "provider-1"
USED_KEY = IdentificationKey(
    status=KeyStatus.ACTIVE, person_id=PERSON, provider_id=ISSUER, means=Means.EID, level=LevelOfAssurance.HIGH
)
USED: dict[str, Any] = {"key": USED_KEY, "provider_recognised": True}
PORTAL = RequestedService(
    service_id="service-1",
    exists=True,
    open=True,
    organisation_id="organisation-1",
    audience=Audience.CITIZEN,
    minimum_level=LevelOfAssurance.SUBSTANTIAL,
    jurisdiction=Jurisdiction.BE,
)
TAX = replace(PORTAL, service_id="service-2", organisation_id="organisation-2", audience=Audience.COMPANY)
FRAME: dict[str, Any] = {"at": AT, "by": ISSUER, "session_id": "session-1"}
OPEN = OpenSession(
    **FRAME,
    key_id="key-1",
    service_id="service-1",
    level=LevelOfAssurance.SUBSTANTIAL,
    channel=Channel.WEB,
    **USED,
    service=PORTAL,
)
ACCESS = AccessService(**FRAME, service_id="service-2", **USED, service=TAX)
END = EndSession(**FRAME)

WHERE: dict[str, Any] = {
    "session_id": "session-1",
    "person_id": PERSON,
    "level": LevelOfAssurance.SUBSTANTIAL,
    "service_id": "service-1",
    "organisation_id": "organisation-1",
    "audience": Audience.CITIZEN,
    "jurisdiction": Jurisdiction.BE,
}
HOW: dict[str, Any] = {
    "key_id": "key-1",
    "provider_id": ISSUER,
    "means": Means.EID,
    "channel": Channel.WEB,
}
SUCCEEDED = AuthenticationSucceeded(**WHERE, **HOW, opened_at=AT, expires_at=OVER)
REFUSED = AuthenticationRefused(**WHERE, **HOW, reason=Reason.KEY_NOT_ACTIVE)
ELSEWHERE: dict[str, Any] = {
    **WHERE,
    "service_id": "service-2",
    "organisation_id": "organisation-2",
    "audience": Audience.COMPANY,
}
ACCESSED = ServiceAccessed(**ELSEWHERE)
ACCESS_REFUSED = ServiceAccessRefused(**ELSEWHERE, reason=Reason.KEY_NOT_ACTIVE)
ENDED = SessionEnded(session_id="session-1", person_id=PERSON)


# --- Opening --------------------------------------------------------------------------------------------------------


def test_a_person_authenticates_at_a_service() -> None:
    given(SESSION).when(OPEN).then(SUCCEEDED)
    given(SESSION, SUCCEEDED).when(OPEN).refused(Duplicate, "session-exists")
    given(SESSION, REFUSED).when(OPEN).refused(Duplicate, "session-exists")


def test_a_higher_level_than_the_service_asks_is_accepted() -> None:
    high = LevelOfAssurance.HIGH
    given(SESSION).when(replace(OPEN, level=high)).then(replace(SUCCEEDED, level=high))


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (replace(OPEN, key=replace(USED_KEY, status=KeyStatus.SUSPENDED)), Reason.KEY_NOT_ACTIVE),
        (replace(OPEN, provider_recognised=False), Reason.PROVIDER_NOT_RECOGNISED),
        (replace(OPEN, service=replace(PORTAL, open=False)), Reason.SERVICE_CLOSED),
        (replace(OPEN, key=replace(USED_KEY, level=LevelOfAssurance.LOW)), Reason.LEVEL_ABOVE_KEY),
        (replace(OPEN, service=replace(PORTAL, minimum_level=LevelOfAssurance.HIGH)), Reason.LEVEL_TOO_LOW),
    ],
)
def test_a_refused_authentication_is_an_event_with_its_reason(wish: OpenSession, reason: Reason) -> None:
    given(SESSION).when(wish).then(replace(REFUSED, reason=reason))


def test_an_unknown_key_or_service_is_not_found() -> None:
    unknown = OpenSession(**FRAME, key_id="none", service_id="none", level=LevelOfAssurance.LOW, channel=Channel.APP)
    given(SESSION).when(unknown).refused(NotFound, "key-not-found")
    given(SESSION).when(replace(OPEN, service=unknown.service)).refused(NotFound, "service-not-found")


def test_only_the_provider_of_the_key_authenticates_with_it() -> None:
    given(SESSION).when(replace(OPEN, by="another")).refused(NotAllowed, "not-the-keys-provider")


# --- Single sign-on -------------------------------------------------------------------------------------------------


def test_single_sign_on_takes_the_person_to_another_service_once() -> None:
    given(SESSION, SUCCEEDED).when(ACCESS).then(ACCESSED)
    given(SESSION, SUCCEEDED, ACCESSED).when(ACCESS).then()
    given(SESSION, SUCCEEDED).when(replace(ACCESS, service_id="service-1", service=PORTAL)).then()


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (replace(ACCESS, key=replace(USED_KEY, status=KeyStatus.SUSPENDED)), Reason.KEY_NOT_ACTIVE),
        (replace(ACCESS, provider_recognised=False), Reason.PROVIDER_NOT_RECOGNISED),
        (replace(ACCESS, service=replace(TAX, open=False)), Reason.SERVICE_CLOSED),
        (replace(ACCESS, service=replace(TAX, minimum_level=LevelOfAssurance.HIGH)), Reason.LEVEL_TOO_LOW),
    ],
)
def test_a_refused_access_is_an_event_and_the_session_goes_on(wish: AccessService, reason: Reason) -> None:
    refused = replace(ACCESS_REFUSED, reason=reason)
    given(SESSION, SUCCEEDED).when(wish).then(refused)
    given(SESSION, SUCCEEDED, refused).when(ACCESS).then(ACCESSED)


def test_the_session_of_another_provider_is_out_of_reach() -> None:
    for wish in (ACCESS, END):
        given(SESSION).when(wish).refused(NotFound, "session-not-found")
        given(SESSION, SUCCEEDED).when(replace(wish, by="another")).refused(NotAllowed, "not-the-sessions-provider")


def test_an_unknown_service_is_not_found() -> None:
    unknown = AccessService(**FRAME, service_id="none")
    given(SESSION, SUCCEEDED).when(unknown).refused(NotFound, "service-not-found")


@pytest.mark.parametrize("history", [(SUCCEEDED, ENDED), (REFUSED,)])
def test_no_access_in_a_session_that_is_not_open(history: tuple[Any, ...]) -> None:
    given(SESSION, *history).when(ACCESS).refused(RuleBroken, "session-not-open")


def test_a_session_lasts_twelve_hours_at_most() -> None:
    assert SUCCEEDED.expires_at - SUCCEEDED.opened_at == timedelta(hours=12)
    given(SESSION, SUCCEEDED).when(replace(ACCESS, at=OVER)).refused(RuleBroken, "session-not-open")
    session = SESSION.fold([SUCCEEDED])
    assert is_open(session, at=AT)
    assert is_open(session, at=OVER - timedelta(microseconds=1))
    assert not is_open(session, at=OVER)
    assert not is_open(session, at=AT - timedelta(seconds=1))


def test_ended_once() -> None:
    given(SESSION, SUCCEEDED).when(END).then(ENDED)
    given(SESSION, SUCCEEDED, ENDED).when(END).then()
    given(SESSION, SUCCEEDED).when(replace(END, at=OVER)).then()
    given(SESSION, REFUSED).when(END).then()


def test_a_session_shows_who_acts_and_which_organisations_were_reached() -> None:
    session = SESSION.fold([SUCCEEDED, ACCESSED])
    assert (session.person_id, session.means, session.level) == (PERSON, Means.EID, LevelOfAssurance.SUBSTANTIAL)
    assert session.service_ids == {"service-1", "service-2"}
    assert session.organisation_ids == {"organisation-1", "organisation-2"}
    assert not is_open(SESSION.fold([SUCCEEDED, ENDED]), at=AT)


def test_a_refused_session_shows_nobody() -> None:
    session = SESSION.fold([REFUSED])
    assert (session.person_id, session.organisation_ids, is_open(session, at=AT)) == ("", frozenset(), False)
