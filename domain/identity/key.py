"""A key: one electronic identification means of one person, given out by an identity provider.

A derived key is activated only after one authentication with the eID, or for a person whom a Local Registration
Authority identified; the event names that evidence. Source: Implementing Regulation (EU) 2015/1502, annex 2.1.2
(identity proofing on the strength of a valid means of the same or a higher level, or face to face).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never

from domain.identity.person import Person
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
    OrganisationFacts,
    RuleBroken,
    fact,
)
from domain.kernel.suspensions import must_be_over, must_end_later

# --- Values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EidSession:
    """A session that may serve as evidence: whose it is, with which means, and whether it is open now."""

    session_id: str = ""
    person_id: str = ""
    means: Means | None = None
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence for an activation: its kind, and the id of the key, session or person."""

    kind: EvidenceKind
    evidence_id: str


ENDED = frozenset({KeyStatus.REVOKED, KeyStatus.EXPIRED})

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvent:
    key_id: str
    person_id: str
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRegistered(KeyEvent):
    means: Means
    level: LevelOfAssurance
    jurisdiction: Jurisdiction
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyActivated(KeyEvent):
    means: Means
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySuspended(KeyEvent):
    """The key is suspended until an instant, or until its provider resumes it (None)."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResumed(KeyEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(KeyEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpired(KeyEvent):
    """The validity of the key was over, or it was not used for as long as its means may be."""

    unused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUseFound(KeyEvent):
    """When it would have ended unused, the key turned out to have been used: it ends at `unused_until` if it is not."""

    unused_until: datetime


KeyEvents = KeyRegistered | KeyActivated | KeySuspended | KeyResumed | KeyRevoked | KeyExpired | KeyUseFound

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "key-management"
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterKey(KeyCommand):
    """The key belongs to the identity provider that registers it."""

    person_id: str
    means: Means
    level: LevelOfAssurance
    valid_until: datetime | None = None
    provider: OrganisationFacts = fact(OrganisationFacts())
    holder: Person = fact(Person())


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateKey(KeyCommand):
    """`session_id` is an open session of the same person with the eID, for a derived key."""

    session_id: str = ""
    provider: OrganisationFacts = fact(OrganisationFacts())
    holder: Person = fact(Person())
    session: EidSession = fact(EidSession())


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendKey(KeyCommand):
    """With `until`, the key is resumed then; sent again for a suspended key, it moves that instant."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeKey(KeyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey(KeyCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireKey(KeyCommand):
    """The platform ends a key after its validity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireUnusedKey(KeyCommand):
    """The platform ends a key that was not used for as long as its means may be, or finds that it was.

    `unused_until` is when that is so, by all uses that are known; None where it is not known of all.
    """

    unused_until: datetime | None = fact(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndKeySuspension(KeyCommand):
    """The platform resumes a key whose suspension is over."""


OF_THE_CLOCK = ExpireKey, ExpireUnusedKey, EndKeySuspension
"""Commands that only the platform sends."""

# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentificationKey:
    status: KeyStatus = KeyStatus.ABSENT
    person_id: str = ""
    provider_id: str = ""
    means: Means | None = None
    level: LevelOfAssurance = LevelOfAssurance.LOW
    valid_until: datetime | None = None
    suspended_until: datetime | None = None

    @property
    def exists(self) -> bool:
        return self.status is not KeyStatus.ABSENT


def is_usable(key: IdentificationKey, *, at: datetime) -> bool:
    """Return whether a person may authenticate with the key: active, and its validity not over."""
    return key.status is KeyStatus.ACTIVE and (key.valid_until is None or at < key.valid_until)


# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_be_the_keys_provider(command: KeyCommand, state: IdentificationKey) -> None:
    if isinstance(command, RegisterKey):
        return
    if not state.exists:
        raise NotFound("key-not-found", "There is no key with this id.")
    if command.by != state.provider_id and not isinstance(command, OF_THE_CLOCK):
        raise NotAllowed("not-the-keys-provider", "Only the identity provider that gave out the key can change it.")


def _register(command: RegisterKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.exists:
        raise Duplicate("key-exists", "There is a key with this id already.")
    _must_be_recognised(command)
    if not command.holder.exists:
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


def _activate(command: ActivateKey, state: IdentificationKey) -> Sequence[KeyEvents]:
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


def _activate_registered(command: ActivateKey, state: IdentificationKey) -> Sequence[KeyEvents]:
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
    route, session = command.holder.route, command.session
    if state.means is Means.EIDAS and route is Route.EIDAS:
        return Evidence(kind=EvidenceKind.EIDAS_REGISTRATION, evidence_id=state.person_id)
    if session.open and session.means is Means.EID and session.person_id == state.person_id:
        return Evidence(kind=EvidenceKind.EID_SESSION, evidence_id=session.session_id)
    if route is Route.REGISTRATION_AUTHORITY:
        return Evidence(kind=EvidenceKind.LRA_REGISTRATION, evidence_id=state.person_id)
    raise RuleBroken(
        "no-evidence-for-key",
        "This key can be activated only after an authentication with the eID or a registration at a desk.",
    )


def _suspend(command: SuspendKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status in ENDED:
        raise _key_ended()
    if state.status is KeyStatus.SUSPENDED and command.until == state.suspended_until:
        return []
    if state.status not in (KeyStatus.ACTIVE, KeyStatus.SUSPENDED):
        raise RuleBroken("key-not-active", "Only an active key can be suspended.")
    must_end_later(command.until, command.at)
    return [
        KeySuspended(
            key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id, until=command.until
        )
    ]


def _resume(command: ResumeKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status is KeyStatus.ACTIVE:
        return []
    if state.status in ENDED or _is_over(state, command):
        raise _key_ended()
    if state.status is not KeyStatus.SUSPENDED:
        raise RuleBroken("key-not-suspended", "Only a suspended key can be resumed.")
    return [KeyResumed(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _end_suspension(command: EndKeySuspension, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status is not KeyStatus.SUSPENDED or _is_over(state, command):
        return []
    must_be_over(state.suspended_until, command.at)
    return [KeyResumed(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _revoke(command: RevokeKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status is KeyStatus.REVOKED:
        return []
    if state.status is KeyStatus.EXPIRED:
        raise _key_ended()
    return [KeyRevoked(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _expire(command: ExpireKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status is KeyStatus.EXPIRED:
        return []
    if state.status is KeyStatus.REVOKED:
        raise _key_ended()
    if not _is_over(state, command):
        raise RuleBroken("key-still-valid", "The validity of this key is not over yet.")
    return [KeyExpired(key_id=command.key_id, person_id=state.person_id, provider_id=state.provider_id)]


def _expire_unused(command: ExpireUnusedKey, state: IdentificationKey) -> Sequence[KeyEvents]:
    if state.status is KeyStatus.EXPIRED:
        return []
    if state.status is KeyStatus.REVOKED:
        raise _key_ended()
    until = command.unused_until
    if until is None:
        raise RuleBroken("key-use-not-known", "It is not known yet whether this key was used.")
    whose = {"key_id": command.key_id, "person_id": state.person_id, "provider_id": state.provider_id}
    if command.at < until:
        return [KeyUseFound(**whose, unused_until=until)]
    return [KeyExpired(**whose, unused=True)]


def _must_be_recognised(command: RegisterKey | ActivateKey) -> None:
    if not command.provider.enrolled or command.provider.organisation_id != command.by:
        raise NotAllowed("provider-not-recognised", "This organisation is not recognised as an identity provider.")


def _is_over(state: IdentificationKey, command: KeyCommand) -> bool:
    return state.valid_until is not None and command.at >= state.valid_until


def _key_ended() -> RuleBroken:
    return RuleBroken("key-ended", "This key was revoked or has expired, for good.")


def evolve(state: IdentificationKey, event: KeyEvents) -> IdentificationKey:
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
        case KeyActivated() | KeyResumed():
            return replace(state, status=KeyStatus.ACTIVE, suspended_until=None)
        case KeySuspended():
            return replace(state, status=KeyStatus.SUSPENDED, suspended_until=event.until)
        case KeyRevoked():
            return replace(state, status=KeyStatus.REVOKED)
        case KeyExpired():
            return replace(state, status=KeyStatus.EXPIRED)
        case KeyUseFound():
            return state
        case _:
            assert_never(event)


KEY: Decider[KeyCommand, IdentificationKey, KeyEvents] = Decider(
    category="key",
    key=("key_id",),
    initial=IdentificationKey(),
    guard=_must_be_the_keys_provider,
    rules={
        RegisterKey: _register,
        ActivateKey: _activate,
        SuspendKey: _suspend,
        ResumeKey: _resume,
        RevokeKey: _revoke,
        ExpireKey: _expire,
        ExpireUnusedKey: _expire_unused,
        EndKeySuspension: _end_suspension,
    },
    evolve=evolve,
    events={
        "identity.key-registered.v1": KeyRegistered,
        "identity.key-activated.v1": KeyActivated,
        "identity.key-suspended.v1": KeySuspended,
        "identity.key-resumed.v1": KeyResumed,
        "identity.key-revoked.v1": KeyRevoked,
        "identity.key-expired.v1": KeyExpired,
        "identity.key-use-found.v1": KeyUseFound,
    },
)
