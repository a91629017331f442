"""Consent to digital post: one stream for each person and mailbox provider.

Never automatic: the impact notice is shown first, and only the person, or a mandatary, grants. A consent covers all
senders; a withdrawal counts for later deliveries only. Source: Belgian law of 27 February 2019 on the exchange of
messages through the eBox (explicit consent beforehand, information on its consequences, withdrawal at any time).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, ClassVar, assert_never

from domain.kernel import Actor, CommandBase, Decider, Jurisdiction, NotAllowed, OrganisationFacts, RuleBroken, fact
from domain.kernel.kinds import ANY_LINE, ID, Count, Digest, OptionalId, one_line, one_of

# --- Values ---------------------------------------------------------------------------------------------------------

LANGUAGES = frozenset({"nl", "fr", "de", "en"})
NOTICE_VERSION_LENGTH = 80

NoticeVersion = Annotated[
    str,
    one_line(
        NOTICE_VERSION_LENGTH,
        "notice-version-missing",
        f"Name the version of the notice, in at most {NOTICE_VERSION_LENGTH} characters.",
    ),
]
Language = Annotated[str, one_of(LANGUAGES, "unknown-language", "The notice must be in nl, fr, de or en.")]


def consent_id(person_id: str, provider_id: str) -> str:
    return f"{person_id}.{provider_id}"


class ConsentStatus(StrEnum):
    """The status of a consent. Refused is not the same as absent."""

    ABSENT = "absent"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    person_id: str
    provider_id: str
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactNoticeShown(ConsentEvent):
    """`shown_to` is the person who saw the notice: the person of the consent, or their mandatary."""

    notice_version: NoticeVersion
    language: Language
    notice_sha256: Digest
    session_id: str
    shown_to: Annotated[str, ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGranted(ConsentEvent):
    grant_number: Count
    notice_version: NoticeVersion
    session_id: str
    acting_person_id: str
    mandate_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRefused(ConsentEvent):
    session_id: str
    acting_person_id: str
    mandate_id: OptionalId


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(ConsentEvent):
    grant_number: Count
    session_id: str
    acting_person_id: str
    mandate_id: OptionalId


Event = ImpactNoticeShown | ConsentGranted | ConsentRefused | ConsentWithdrawn

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentCommand(CommandBase):
    """A command about the consent of one person at one provider, given in an authentication session."""

    ACTIVITY: ClassVar[str] = "digital-mail-consent"
    person_id: str
    provider_id: str
    session_id: str
    mandate_id: str = ""
    provider: OrganisationFacts = fact(OrganisationFacts())
    actor: Actor = fact(Actor())


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowImpactNotice(ConsentCommand):
    notice_version: NoticeVersion
    language: Language
    notice_sha256: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantConsent(ConsentCommand):
    """The rule refuses any version that was not shown."""

    notice_version: Annotated[str, ANY_LINE]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseConsent(ConsentCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawConsent(ConsentCommand):
    pass


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    status: ConsentStatus = ConsentStatus.ABSENT
    notice_version: str = ""
    notice_shown_to: str = ""
    grant_number: int = 0


def is_active(consent: Consent) -> bool:
    return consent.status is ConsentStatus.GRANTED


# --- Rules ----------------------------------------------------------------------------------------------------------


def _must_come_from_the_person(command: ConsentCommand, _state: Consent) -> None:
    if command.by != command.provider_id:
        raise NotAllowed("not-your-mailbox-provider", "Only the mailbox provider itself can pass on this wish.")
    if not command.provider.enrolled:
        raise NotAllowed("not-a-mailbox-provider", "This organisation is not enrolled as a mailbox provider.")
    if not command.actor.in_session:
        raise NotAllowed("no-session-at-provider", "This needs an open authentication session at the mailbox provider.")
    if not command.actor.is_or_represents(command.person_id):
        raise NotAllowed("not-the-person", "Only the person, or someone with a mandate in force, can decide this.")


def _show_notice(command: ShowImpactNotice, state: Consent) -> Sequence[Event]:
    if state.notice_version == command.notice_version and state.notice_shown_to == command.actor.person_id:
        return []
    return [
        ImpactNoticeShown(
            person_id=command.person_id,
            provider_id=command.provider_id,
            jurisdiction=command.provider.jurisdiction,
            notice_version=command.notice_version,
            language=command.language,
            notice_sha256=command.notice_sha256,
            session_id=command.actor.session_id,
            shown_to=command.actor.person_id,
        )
    ]


def _grant(command: GrantConsent, state: Consent) -> Sequence[Event]:
    if is_active(state):
        return []
    shown = state.notice_version == command.notice_version and state.notice_shown_to == command.actor.person_id
    if not command.notice_version or not shown:
        raise RuleBroken("impact-notice-not-shown", "The impact notice must be shown before consent is given.")
    return [
        ConsentGranted(
            person_id=command.person_id,
            provider_id=command.provider_id,
            jurisdiction=command.provider.jurisdiction,
            grant_number=state.grant_number + 1,
            notice_version=command.notice_version,
            session_id=command.actor.session_id,
            acting_person_id=command.actor.person_id,
            mandate_id=command.actor.mandate_id,
        )
    ]


def _refuse(command: RefuseConsent, state: Consent) -> Sequence[Event]:
    match state.status:
        case ConsentStatus.REFUSED:
            return []
        case ConsentStatus.GRANTED:
            raise RuleBroken("consent-active", "A consent that is in force is withdrawn, not refused.")
        case ConsentStatus.ABSENT | ConsentStatus.WITHDRAWN:
            return [
                ConsentRefused(
                    person_id=command.person_id,
                    provider_id=command.provider_id,
                    jurisdiction=command.provider.jurisdiction,
                    session_id=command.actor.session_id,
                    acting_person_id=command.actor.person_id,
                    mandate_id=command.actor.mandate_id,
                )
            ]
        case _:
            assert_never(state.status)


def _withdraw(command: WithdrawConsent, state: Consent) -> Sequence[Event]:
    match state.status:
        case ConsentStatus.WITHDRAWN:
            return []
        case ConsentStatus.ABSENT | ConsentStatus.REFUSED:
            raise RuleBroken("no-active-consent", "There is no consent in force that could be withdrawn.")
        case ConsentStatus.GRANTED:
            return [
                ConsentWithdrawn(
                    person_id=command.person_id,
                    provider_id=command.provider_id,
                    jurisdiction=command.provider.jurisdiction,
                    grant_number=state.grant_number,
                    session_id=command.actor.session_id,
                    acting_person_id=command.actor.person_id,
                    mandate_id=command.actor.mandate_id,
                )
            ]
        case _:
            assert_never(state.status)


def evolve(state: Consent, event: Event) -> Consent:
    match event:
        case ImpactNoticeShown():
            return replace(state, notice_version=event.notice_version, notice_shown_to=event.shown_to)
        case ConsentGranted():
            return replace(state, status=ConsentStatus.GRANTED, grant_number=event.grant_number)
        case ConsentRefused():
            return replace(state, status=ConsentStatus.REFUSED)
        case ConsentWithdrawn():
            # A new grant needs a new notice.
            return replace(state, status=ConsentStatus.WITHDRAWN, notice_version="", notice_shown_to="")
        case _:
            assert_never(event)


CONSENT: Decider[ConsentCommand, Consent, Event] = Decider(
    category="consent",
    key=("person_id", "provider_id"),
    initial=Consent(),
    guard=_must_come_from_the_person,
    rules={
        ShowImpactNotice: _show_notice,
        GrantConsent: _grant,
        RefuseConsent: _refuse,
        WithdrawConsent: _withdraw,
    },
    evolve=evolve,
    events={
        "consent.impact-notice-shown.v1": ImpactNoticeShown,
        "consent.granted.v1": ConsentGranted,
        "consent.refused.v1": ConsentRefused,
        "consent.withdrawn.v1": ConsentWithdrawn,
    },
)

DECIDERS = (CONSENT,)
