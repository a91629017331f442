"""A key: one electronic identification means of one person, given out by an identity provider.

A derived key is activated only after one authentication with the eID, or for a person whom a Local Registration
Authority identified; the event names that evidence. Source: Implementing Regulation (EU) 2015/1502, annex 2.1.2
(identity proofing on the strength of a valid means of the same or a higher level, or face to face).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never, get_args

from domain.identity.values import EvidenceKind, KeyStatus, Means, Route
from domain.kernel import (
    CommandBase,
    Decider,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    LevelOfAssurance,
    NotAllowed,
    NotFound,
    RuleBroken,
    fact,
)
from domain.kernel.checks import check

# --- Values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """What is known of the organisation that gives out the key."""

    organisation_id: str
    recognised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What is known of the person who holds the key: how they were registered (`None`: not at all)."""

    person_id: str
    route: Route | None
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class EidSession:
    """A session that may serve as evidence: whose it is, with which means, and whether it is open now."""

    session_id: str
    person_id: str
    means: Means | None
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an activation rests on: its kind, and the id of the key, session or person that shows it."""

    kind: EvidenceKind
    evidence_id: str


UNKNOWN_KEY_PROVIDER = IdentityProvider(organisation_id="", recognised=False)
UNKNOWN_HOLDER = Holder(person_id="", route=None, jurisdiction=Jurisdiction.BE)
NO_EID_SESSION = EidSession(session_id="", person_id="", means=None, open=False)
ENDED = frozenset({KeyStatus.REVOKED, KeyStatus.EXPIRED})

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRegistered:
    key_id: str
    person_id: str
    provider_id: str
    means: Means
    level: LevelOfAssurance
    jurisdiction: Jurisdiction
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyActivated:
    key_id: str
    person_id: str
    provider_id: str
    means: Means
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySuspended:
    key_id: str
    person_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResumed:
    key_id: str
    person_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    key_id: str
    person_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpired:
    key_id: str
    person_id: str
    provider_id: str


KeyEvent = KeyRegistered | KeyActivated | KeySuspended | KeyResumed | KeyRevoked | KeyExpired

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "key-management"
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterKey(KeyCommand):
    """The provider's wish: the key belongs to the identity provider that registers it."""

    person_id: str
    means: Means
    level: LevelOfAssurance
    valid_until: datetime | None = None
    provider: IdentityProvider = fact(UNKNOWN_KEY_PROVIDER)
    holder: Holder = fact(UNKNOWN_HOLDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateKey(KeyCommand):
    """`session_id` is an open session of the same person with the eID, for a derived key."""

    session_id: str = ""
    provider: IdentityProvider = fact(UNKNOWN_KEY_PROVIDER)
    holder: Holder = fact(UNKNOWN_HOLDER)
    session: EidSession = fact(NO_EID_SESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendKey(KeyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeKey(KeyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey(KeyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireKey(KeyCommand):
    """The platform's own wish, once the key's validity is over."""


KeyCommands = RegisterKey | ActivateKey | SuspendKey | ResumeKey | RevokeKey | ExpireKey

# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentificationKey:
    status: KeyStatus = KeyStatus.ABSENT
    person_id: str = ""
    provider_id: str = ""
    means: Means | None = None
    level: LevelOfAssurance = LevelOfAssurance.LOW
    valid_until: datetime | None = None
    evidence: Evidence | None = None

    @property
    def exists(self) -> bool:
        return self.status is not KeyStatus.ABSENT


def is_usable(key: IdentificationKey, *, at: datetime) -> bool:
    """Return whether a person may authenticate with the key: active, and its validity not over."""
    return key.status is KeyStatus.ACTIVE and (key.valid_until is None or at < key.valid_until)


# --- Rules ----------------------------------------------------------------------------------------------------------


def decide(command: KeyCommands, state: IdentificationKey) -> Sequence[KeyEvent]:
    check(command, command.at)
    if isinstance(command, RegisterKey):
        return _register(command, state)
    if not state.exists:
        raise NotFound("key-not-found", "There is no key with this id.")
    if isinstance(command, ExpireKey):
        return _expire(command, state)
    if command.by != state.provider_id:
        raise NotAllowed("not-the-keys-provider", "Only the identity provider that gave out the key can change it.")
    match command:
        case ActivateKey():
            return _activate(command, state)
        case SuspendKey():
            return _suspend(command, state)
        case ResumeKey():
            return _resume(command, state)
        case RevokeKey():
            return _revoke(command, state)
        case _:
            assert_never(command)


def _register(command: RegisterKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    if state.exists:
        raise Duplicate("key-exists", "There is a key with this id already.")
    _must_be_recognised(command)
    if command.holder.route is None or command.holder.person_id != command.person_id:
        raise NotFound("person-not-found", "There is no person with this id.")
    if command.valid_until is not None and command.valid_until <= command.at:
        raise InvalidValue("validity-over", "The validity of the key must end in the future.")
    return [
        KeyRegistered(
            key_id=command.key_id,
            person_id=command.person_id,
            provider_id=command.by,
            means=command.means,
            level=command.level,
            jurisdiction=command.holder.jurisdiction,
            valid_until=command.valid_until,
        )
    ]


def _activate(command: ActivateKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    match state.status:
        case KeyStatus.ACTIVE:
            return []
        case KeyStatus.SUSPENDED:
            raise RuleBroken("key-suspended", "A suspended key is resumed, not activated.")
        case KeyStatus.REVOKED | KeyStatus.EXPIRED | KeyStatus.ABSENT:
            raise _key_ended()
        case KeyStatus.REGISTERED:
            return _activate_registered(command, state)
        case _:
            assert_never(state.status)


def _activate_registered(command: ActivateKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    _must_be_recognised(command)
    if state.means is None or _is_over(state, command):
        raise _key_ended()
    return [
        KeyActivated(
            key_id=command.key_id,
            person_id=state.person_id,
            provider_id=state.provider_id,
            means=state.means,
            evidence=_evidence(command, state),
        )
    ]


def _evidence(command: ActivateKey, state: IdentificationKey) -> Evidence:
    if state.means is Means.EID:
        return Evidence(kind=EvidenceKind.PRIMARY_MEANS, evidence_id=command.key_id)
    holder, session = command.holder, command.session
    route = holder.route if holder.person_id == state.person_id else None
    if state.means is Means.EIDAS and route is Route.EIDAS:
        return Evidence(kind=EvidenceKind.EIDAS_REGISTRATION, evidence_id=holder.person_id)
    if session.open and session.means is Means.EID and session.person_id == state.person_id:
        return Evidence(kind=EvidenceKind.EID_SESSION, evidence_id=session.session_id)
    if route is Route.REGISTRATION_AUTHORITY:
        return Evidence(kind=EvidenceKind.LRA_REGISTRATION, evidence_id=holder.person_id)
    raise RuleBroken(
        "no-evidence-for-key",
        "This key can be activated only after an authentication with the eID or a registration at a desk.",
    )


def _suspend(command: SuspendKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    if state.status is KeyStatus.SUSPENDED:
        return []
    if state.status in ENDED:
        raise _key_ended()
    if state.status is not KeyStatus.ACTIVE:
        raise RuleBroken("key-not-active", "Only an active key can be suspended.")
    return [KeySuspended(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _resume(command: ResumeKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    if state.status is KeyStatus.ACTIVE:
        return []
    if state.status in ENDED or _is_over(state, command):
        raise _key_ended()
    if state.status is not KeyStatus.SUSPENDED:
        raise RuleBroken("key-not-suspended", "Only a suspended key can be resumed.")
    return [KeyResumed(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _revoke(command: RevokeKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    if state.status is KeyStatus.REVOKED:
        return []
    if state.status is KeyStatus.EXPIRED:
        raise _key_ended()
    return [KeyRevoked(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _expire(command: ExpireKey, state: IdentificationKey) -> Sequence[KeyEvent]:
    if state.status is KeyStatus.EXPIRED:
        return []
    if state.status is KeyStatus.REVOKED:
        raise _key_ended()
    if not _is_over(state, command):
        raise RuleBroken("key-still-valid", "The validity of this key is not over yet.")
    return [KeyExpired(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _must_be_recognised(command: RegisterKey | ActivateKey) -> None:
    if not command.provider.recognised or command.provider.organisation_id != command.by:
        raise NotAllowed("provider-not-recognised", "This organisation is not recognised as an identity provider.")


def _is_over(state: IdentificationKey, command: KeyCommand) -> bool:
    return state.valid_until is not None and command.at >= state.valid_until


def _key_ended() -> RuleBroken:
    return RuleBroken("key-ended", "This key was revoked or has expired, for good.")


def evolve(state: IdentificationKey, event: KeyEvent) -> IdentificationKey:
    match event:
        case KeyRegistered():
            return IdentificationKey(
                status=KeyStatus.REGISTERED,
                person_id=event.person_id,
                provider_id=event.provider_id,
                means=event.means,
                level=event.level,
                valid_until=event.valid_until,
            )
        case KeyActivated():
            return replace(state, status=KeyStatus.ACTIVE, evidence=event.evidence)
        case KeySuspended():
            return replace(state, status=KeyStatus.SUSPENDED)
        case KeyResumed():
            return replace(state, status=KeyStatus.ACTIVE)
        case KeyRevoked():
            return replace(state, status=KeyStatus.REVOKED)
        case KeyExpired():
            return replace(state, status=KeyStatus.EXPIRED)
        case _:
            assert_never(event)


KEY: Decider[KeyCommands, IdentificationKey, KeyEvent] = Decider(
    category="key",
    initial=IdentificationKey(),
    decide=decide,
    evolve=evolve,
    commands=get_args(KeyCommands),
    aggregate_id=lambda command: command.key_id,
    events={
        "identity.key-registered.v1": KeyRegistered,
        "identity.key-activated.v1": KeyActivated,
        "identity.key-suspended.v1": KeySuspended,
        "identity.key-resumed.v1": KeyResumed,
        "identity.key-revoked.v1": KeyRevoked,
        "identity.key-expired.v1": KeyExpired,
    },
)
