"""An authentication: a session opened at a service with a key, which single sign-on takes on to other services.

A service accepts a higher level of assurance than it asks and refuses a lower one. A refused authentication is an
event with its reason: it is counted and audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never

from domain.identity.key import IdentificationKey, is_usable
from domain.identity.values import SESSION_LENGTH, Channel, Means, Reason, SessionStatus
from domain.kernel import (
    Audience,
    CommandBase,
    Decider,
    Duplicate,
    Jurisdiction,
    LevelOfAssurance,
    NotAllowed,
    NotFound,
    RuleBroken,
    carried,
    fact,
)

# --- Values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedService:
    """The facts of the service that a person asks for."""

    service_id: str = ""
    exists: bool = False
    open: bool = False
    organisation_id: str = ""
    audience: Audience = Audience.CITIZEN
    minimum_level: LevelOfAssurance = LevelOfAssurance.HIGH
    jurisdiction: Jurisdiction = Jurisdiction.BE


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    session_id: str
    person_id: str
    key_id: str
    provider_id: str
    means: Means
    level: LevelOfAssurance
    channel: Channel
    service_id: str
    organisation_id: str
    audience: Audience
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationSucceeded(Authentication):
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationRefused(Authentication):
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccess:
    session_id: str
    person_id: str
    level: LevelOfAssurance
    service_id: str
    organisation_id: str
    audience: Audience
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccessed(ServiceAccess):
    """One more service was reached in the same session, by single sign-on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccessRefused(ServiceAccess):
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    session_id: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired:
    """The time of the session was over."""

    session_id: str
    person_id: str


SessionEvent = (
    AuthenticationSucceeded
    | AuthenticationRefused
    | ServiceAccessed
    | ServiceAccessRefused
    | SessionEnded
    | SessionExpired
)

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "authentication"
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession(SessionCommand):
    """The identity provider authenticates a person; `level` is the level at which the person used the key."""

    key_id: str
    service_id: str
    level: LevelOfAssurance
    channel: Channel
    key: IdentificationKey = fact(IdentificationKey())
    provider_recognised: bool = fact(False)
    service: RequestedService = fact(RequestedService())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessService(SessionCommand):
    """The identity provider takes the person on to another service."""

    service_id: str
    key: IdentificationKey = fact(IdentificationKey())
    provider_recognised: bool = fact(False)
    service: RequestedService = fact(RequestedService())


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(SessionCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireSession(SessionCommand):
    """The platform ends a session whose time is over."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`organisation_ids` are the organisations of the services reached. A refused session has no person."""

    status: SessionStatus = SessionStatus.ABSENT
    person_id: str = ""
    key_id: str = ""
    provider_id: str = ""
    means: Means | None = None
    level: LevelOfAssurance = LevelOfAssurance.LOW
    service_ids: frozenset[str] = frozenset()
    organisation_ids: frozenset[str] = frozenset()
    opened_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def exists(self) -> bool:
        return self.status is not SessionStatus.ABSENT


def is_open(session: Session, *, at: datetime) -> bool:
    """Return whether the session is evidence of a person at this instant: opened, not ended, its time not over."""
    if session.status is not SessionStatus.OPEN or session.opened_at is None or session.expires_at is None:
        return False
    return session.opened_at <= at < session.expires_at


# --- Rules ----------------------------------------------------------------------------------------------------------


def _open(command: OpenSession, state: Session) -> Sequence[SessionEvent]:
    if state.exists:
        raise Duplicate("session-exists", "There is a session with this id already.")
    key, service = command.key, command.service
    if key.means is None:
        raise NotFound("key-not-found", "There is no key with this id.")
    if command.by != key.provider_id:
        raise NotAllowed("not-the-keys-provider", "Only the identity provider that gave out the key can use it.")
    _must_exist(service)
    succeeded = AuthenticationSucceeded(
        session_id=command.session_id,
        person_id=key.person_id,
        key_id=command.key_id,
        provider_id=key.provider_id,
        means=key.means,
        level=command.level,
        channel=command.channel,
        service_id=service.service_id,
        organisation_id=service.organisation_id,
        audience=service.audience,
        jurisdiction=service.jurisdiction,
        opened_at=command.at,
        expires_at=command.at + SESSION_LENGTH,
    )
    reason = _reason_to_refuse(command, command.level)
    if reason is not None:
        return [AuthenticationRefused(**carried(succeeded, Authentication), reason=reason)]
    return [succeeded]


def _access(command: AccessService, state: Session) -> Sequence[SessionEvent]:
    _must_be_its_provider(command, state)
    service = command.service
    _must_exist(service)
    if not is_open(state, at=command.at):
        raise RuleBroken("session-not-open", "This session is over; the person must authenticate again.")
    if service.service_id in state.service_ids:
        return []
    accessed = ServiceAccessed(
        session_id=command.session_id,
        person_id=state.person_id,
        level=state.level,
        service_id=service.service_id,
        organisation_id=service.organisation_id,
        audience=service.audience,
        jurisdiction=service.jurisdiction,
    )
    reason = _reason_to_refuse(command, state.level)
    if reason is not None:
        return [ServiceAccessRefused(**carried(accessed, ServiceAccess), reason=reason)]
    return [accessed]


def _end(command: EndSession, state: Session) -> Sequence[SessionEvent]:
    _must_be_its_provider(command, state)
    if not is_open(state, at=command.at):
        return []
    return [SessionEnded(session_id=command.session_id, person_id=state.person_id)]


def _expire(command: ExpireSession, state: Session) -> Sequence[SessionEvent]:
    if not state.exists:
        raise _unknown()
    if state.status is not SessionStatus.OPEN or state.expires_at is None:
        return []
    if command.at < state.expires_at:
        raise RuleBroken("session-not-over", "The time of this session is not over yet.")
    return [SessionExpired(session_id=command.session_id, person_id=state.person_id)]


def _reason_to_refuse(command: OpenSession | AccessService, level: LevelOfAssurance) -> Reason | None:
    key, service = command.key, command.service
    if not is_usable(key, at=command.at):
        return Reason.KEY_NOT_ACTIVE
    if not command.provider_recognised:
        return Reason.PROVIDER_NOT_RECOGNISED
    if not service.open:
        return Reason.SERVICE_CLOSED
    if not key.level.covers(level):
        return Reason.LEVEL_ABOVE_KEY
    if not level.covers(service.minimum_level):
        return Reason.LEVEL_TOO_LOW
    return None


def _must_be_its_provider(command: SessionCommand, state: Session) -> None:
    if not state.exists:
        raise _unknown()
    if command.by != state.provider_id:
        raise NotAllowed("not-the-sessions-provider", "Only the identity provider that opened the session can do this.")


def _unknown() -> NotFound:
    return NotFound("session-not-found", "There is no session with this id.")


def _must_exist(service: RequestedService) -> None:
    if not service.exists:
        raise NotFound("service-not-found", "There is no service with this id.")


def evolve(state: Session, event: SessionEvent) -> Session:
    match event:
        case AuthenticationSucceeded():
            return Session(
                status=SessionStatus.OPEN,
                person_id=event.person_id,
                key_id=event.key_id,
                provider_id=event.provider_id,
                means=event.means,
                level=event.level,
                service_ids=frozenset({event.service_id}),
                organisation_ids=frozenset({event.organisation_id}),
                opened_at=event.opened_at,
                expires_at=event.expires_at,
            )
        case AuthenticationRefused():
            return Session(status=SessionStatus.REFUSED, key_id=event.key_id, provider_id=event.provider_id)
        case ServiceAccessed():
            return replace(
                state,
                service_ids=state.service_ids | {event.service_id},
                organisation_ids=state.organisation_ids | {event.organisation_id},
            )
        case ServiceAccessRefused():
            return state
        case SessionEnded() | SessionExpired():
            return replace(state, status=SessionStatus.ENDED)
        case _:
            assert_never(event)


SESSION: Decider[SessionCommand, Session, SessionEvent] = Decider(
    category="session",
    key=("session_id",),
    initial=Session(),
    rules={OpenSession: _open, AccessService: _access, EndSession: _end, ExpireSession: _expire},
    evolve=evolve,
    events={
        "identity.authentication-succeeded.v1": AuthenticationSucceeded,
        "identity.authentication-refused.v1": AuthenticationRefused,
        "identity.service-accessed.v1": ServiceAccessed,
        "identity.service-access-refused.v1": ServiceAccessRefused,
        "identity.session-ended.v1": SessionEnded,
        "identity.session-expired.v1": SessionExpired,
    },
)
