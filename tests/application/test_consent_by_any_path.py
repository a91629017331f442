"""A consent exists only after a shown notice and by the person or a mandatary, by any sequence of commands.

Random wishes of everyone involved, wrong ones among them, go through the real handler, readers of facts and deciders,
one by one and many at once. An oracle that knows only what is in the log then looks for what each grant must rest on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.gathering import Rules
from application.handler import CommandEnvelope, handle_many
from application.registry import BY_COMMAND, READERS
from domain.consent import (
    ConsentGranted,
    ConsentWithdrawn,
    GrantConsent,
    ImpactNoticeShown,
    RefuseConsent,
    ShowImpactNotice,
    WithdrawConsent,
    consent_id,
)
from domain.contexts import DECIDERS
from domain.identity.key import ActivateKey, RegisterKey
from domain.identity.mandate.model import (
    AcceptMandate,
    MandateAccepted,
    MandateRequested,
    MandateResumed,
    MandateSuspended,
    MandateWithdrawn,
    RequestMandate,
    ResumeMandate,
    SuspendMandate,
    WithdrawMandate,
)
from domain.identity.person import RegisterPersonFromNationalRegister
from domain.identity.session import (
    AccessService,
    AuthenticationSucceeded,
    EndSession,
    OpenSession,
    ServiceAccessed,
    SessionEnded,
)
from domain.identity.values import Channel, MandateKind, Means, PartyKind
from domain.kernel import (
    Audience,
    Command,
    Context,
    EnterpriseNumber,
    Jurisdiction,
    LevelOfAssurance,
    NationalNumber,
    Recorded,
)
from domain.organisations.organisation.model import (
    EndEnrolment,
    EnrolOrganisation,
    GrantRecognition,
    RegisterOrganisation,
    RequestRecognition,
)
from domain.organisations.service import RegisterService
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from infrastructure.codec import Codec
from tests.check_digits import enterprise_number
from tests.memory_log import MemoryLog

RULES = Rules(deciders=BY_COMMAND, readers=READERS)
CODEC = Codec(DECIDERS)
AT = datetime(2021, 11, 3, 9, 0, tzinfo=UTC)
PLATFORM, ISSUER = "platform", "issuer"
PROVIDERS = ("box-1", "box-2")
PEOPLE = ("ann", "bob", "cem")
MANDATES = tuple(f"mandate-{number}" for number in range(1, 6))
RECENT_SESSIONS = 5
NOTICES = ("2021-1", "2021-2")
SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def _beginning() -> Iterator[Command]:
    for number, name in enumerate((ISSUER, *PROVIDERS)):
        yield RegisterOrganisation(
            at=AT,
            by=PLATFORM,
            organisation_id=name,
            names=Names(nl=name),
            organisation_type=OrganisationType.NATIONAL_ORGANISATION,
            level=Level.FEDERAL,
            enterprise_number=EnterpriseNumber(enterprise_number(number)),
            jurisdiction=Jurisdiction.BE,
        )
    yield RequestRecognition(at=AT, by=ISSUER, organisation_id=ISSUER)
    yield GrantRecognition(at=AT, by=PLATFORM, organisation_id=ISSUER, conditions_version="1", checked_by="officer")
    for name in PROVIDERS:
        for enrolment in (Enrolment.SERVICE_PROVIDER, Enrolment.MAILBOX_PROVIDER):
            yield EnrolOrganisation(at=AT, by=PLATFORM, organisation_id=name, enrolment=enrolment)
        yield RegisterService(
            at=AT,
            by=name,
            service_id=f"service-of-{name}",
            names=Names(nl=name),
            audience=Audience.CITIZEN,
            minimum_level=LevelOfAssurance.LOW,
        )
    for person, digits in zip(PEOPLE, ("85073003328", "93051822361", "85051700148"), strict=True):
        yield RegisterPersonFromNationalRegister(
            at=AT, by=PLATFORM, person_id=person, national_number=NationalNumber(digits), jurisdiction=Jurisdiction.BE
        )
        yield RegisterKey(
            at=AT, by=ISSUER, key_id=f"key-of-{person}", person_id=person, means=Means.EID, level=LevelOfAssurance.HIGH
        )
        yield ActivateKey(at=AT, by=ISSUER, key_id=f"key-of-{person}")


BEGINNING = tuple(_beginning())

# --- Random wishes --------------------------------------------------------------------------------------------------


@dataclass
class Wishes:
    """Makes wishes that are often right and often not: what was drawn before is drawn again more often."""

    random: Random
    now: datetime = AT
    sessions: list[str] = field(default_factory=lambda: ["session-0"])
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    parties: dict[str, tuple[str, str]] = field(default_factory=dict)
    drawn: dict[Sequence[str], str] = field(default_factory=dict)

    def some(self, steps: int) -> Sequence[Command]:
        kinds = [kind for kind, weight in self._weights().items() for _ in range(weight)]
        wishes = []
        for _ in range(steps):
            self.now += timedelta(minutes=self.random.choice((1, 2, 5, 60)))
            wishes.append(self.random.choice(kinds)())
        return wishes

    def _weights(self) -> dict[Callable[[], Command], int]:
        return {
            self._session: 6,
            self._session_change: 1,
            self._notice: 4,
            self._grant: 6,
            self._refuse: 1,
            self._withdraw: 1,
            self._mandate: 6,
            self._mandate_change: 1,
            self._enrolment: 1,
        }

    def _pick(self, *choices: Sequence[str]) -> list[str]:
        return [self._draw(choice) for choice in choices]

    def _draw(self, choice: Sequence[str]) -> str:
        if choice not in self.drawn or self.random.random() < 0.3:
            self.drawn[choice] = self.random.choice(choice)
        return self.drawn[choice]

    def _session_id(self, person: str, provider: str) -> str:
        if self.random.random() < 0.8 and (person, provider) in self.last:
            return self.last[person, provider]
        return self.random.choice(self.sessions[-RECENT_SESSIONS:])

    def _session(self) -> Command:
        person, provider = self.random.choice(PEOPLE), self.random.choice(PROVIDERS)
        session = f"session-{len(self.sessions)}"
        self.sessions.append(session)
        self.last[person, provider] = session
        return OpenSession(
            at=self.now,
            by=ISSUER,
            session_id=session,
            key_id=f"key-of-{person}",
            service_id=f"service-of-{provider}",
            level=LevelOfAssurance.HIGH,
            channel=Channel.WEB,
        )

    def _session_change(self) -> Command:
        person, provider = self._pick(PEOPLE, PROVIDERS)
        session = self._session_id(person, provider)
        if self.random.random() < 0.5:
            return EndSession(at=self.now, by=ISSUER, session_id=session)
        return AccessService(at=self.now, by=ISSUER, session_id=session, service_id=f"service-of-{provider}")

    def _consent(self) -> dict[str, Any]:
        provider, person, mandate = self._pick(PROVIDERS, PEOPLE, MANDATES)
        actor = self.random.choice((person, *PEOPLE))
        if self.random.random() < 0.6 and mandate in self.parties:
            person, actor = self.parties[mandate]
        return {
            "at": self.now,
            "by": provider if self.random.random() < 0.95 else self.random.choice((*PROVIDERS, ISSUER)),
            "person_id": person,
            "provider_id": provider,
            "session_id": self._session_id(actor, provider),
            "mandate_id": mandate if self.random.random() < 0.7 else "",
        }

    def _notice(self) -> Command:
        (version,) = self._pick(NOTICES)
        return ShowImpactNotice(**self._consent(), notice_version=version, language="nl", notice_sha256=SHA256)

    def _grant(self) -> Command:
        return GrantConsent(**self._consent(), notice_version=self._draw(NOTICES) if self.random.random() < 0.9 else "")

    def _refuse(self) -> Command:
        return RefuseConsent(**self._consent())

    def _withdraw(self) -> Command:
        return WithdrawConsent(**self._consent())

    def _mandate(self) -> Command:
        mandate, provider = self._pick(MANDATES, PROVIDERS)
        mandator, mandatary = self.random.sample(PEOPLE, 2)
        mandator, mandatary = self.parties.setdefault(mandate, (mandator, mandatary))
        session = self._session_id(self.random.choice((mandator, mandatary)), provider)
        if self.random.random() < 0.5:
            return AcceptMandate(at=self.now, by=provider, mandate_id=mandate, session_id=session)
        return RequestMandate(
            at=self.now,
            by=provider,
            mandate_id=mandate,
            session_id=session,
            kind=MandateKind.VOLUNTARY,
            mandator_id=mandator,
            mandator_kind=PartyKind.PERSON,
            mandatary_id=mandatary,
            service_ids=(f"service-of-{provider}",),
            valid_from=self.now,
            valid_until=self.now + timedelta(days=self.random.choice((1, 300))),
        )

    def _mandate_change(self) -> Command:
        mandate, provider = self._pick(MANDATES, PROVIDERS)
        session = self._session_id(self.random.choice(PEOPLE), provider)
        change = self.random.choice((SuspendMandate, ResumeMandate, WithdrawMandate))
        return change(at=self.now, by=provider, mandate_id=mandate, session_id=session)

    def _enrolment(self) -> Command:
        (provider,) = self._pick(PROVIDERS)
        change = EnrolOrganisation if self.random.random() < 0.9 else EndEnrolment
        return change(at=self.now, by=PLATFORM, organisation_id=provider, enrolment=Enrolment.MAILBOX_PROVIDER)


def _order(command: Command) -> CommandEnvelope:
    return CommandEnvelope(command=command, context=Context(acting_id="somebody", effective_at=command.at))


async def _history(wishes: Sequence[Command], random: Random) -> list[Recorded[Any]]:
    log = MemoryLog(CODEC)
    begun = await handle_many([_order(command) for command in BEGINNING], log, RULES)
    assert not [answer for answer in begun if isinstance(answer, Exception)]
    left = list(wishes)
    while left:
        many = random.choice((1, 1, 3, 10))
        await handle_many([_order(command) for command in left[:many]], log, RULES)
        left = left[many:]
    return list(log.recorded())


# --- The oracle -----------------------------------------------------------------------------------------------------


def ground(grant: Recorded[ConsentGranted], before: Sequence[Recorded[Any]]) -> str:
    """Say what is missing below a grant, or `mandate` or `person` for who gave it."""
    event, at = grant.event, grant.context.effective_at
    if not _shown_since_the_last_withdrawal(event, before):
        return "no notice"
    if not _session_open(event, at, before):
        return "no session"
    if event.acting_person_id == event.person_id:
        return "person"
    return "mandate" if _mandate_holds(event, at, before) else "no mandate"


def _shown_since_the_last_withdrawal(event: ConsentGranted, before: Sequence[Recorded[Any]]) -> bool:
    for earlier in (one.event for one in reversed(before)):
        if isinstance(earlier, (ImpactNoticeShown, ConsentWithdrawn)) and _same(earlier, event):
            return isinstance(earlier, ImpactNoticeShown) and (
                (earlier.notice_version, earlier.shown_to) == (event.notice_version, event.acting_person_id)
            )
    return False


def _same(earlier: ImpactNoticeShown | ConsentWithdrawn, event: ConsentGranted) -> bool:
    ids = (event.person_id, event.provider_id)
    return consent_id(earlier.person_id, earlier.provider_id) == consent_id(*ids)


def _session_open(event: ConsentGranted, at: datetime, before: Sequence[Recorded[Any]]) -> bool:
    reached, owner, ended = set(), "", False
    for earlier in (one.event for one in before):
        if getattr(earlier, "session_id", "") != event.session_id:
            continue
        if isinstance(earlier, AuthenticationSucceeded):
            owner = earlier.person_id if earlier.opened_at <= at < earlier.expires_at else ""
            reached.add(earlier.organisation_id)
        elif isinstance(earlier, ServiceAccessed):
            reached.add(earlier.organisation_id)
        elif isinstance(earlier, SessionEnded):
            ended = True
    return owner == event.acting_person_id and event.provider_id in reached and not ended


def _mandate_holds(event: ConsentGranted, at: datetime, before: Sequence[Recorded[Any]]) -> bool:
    holds, parties = False, ("", "", at, at)
    for earlier in (one.event for one in before):
        if getattr(earlier, "mandate_id", None) != event.mandate_id:
            continue
        if isinstance(earlier, MandateRequested):
            terms = earlier.terms
            parties = (terms.mandator_id, terms.mandatary_id, terms.valid_from, terms.valid_until)
        elif isinstance(earlier, (MandateAccepted, MandateResumed)):
            holds = True
        elif isinstance(earlier, (MandateSuspended, MandateWithdrawn)):
            holds = False
    mandator, mandatary, start, end = parties
    return holds and (mandator, mandatary) == (event.person_id, event.acting_person_id) and start <= at < end


def grounds_of(seed: int, steps: int) -> list[str]:
    random = Random(seed)
    wishes = Wishes(random).some(steps)
    events = asyncio.run(_history(wishes, random))
    return [
        ground(recorded, events[:index])
        for index, recorded in enumerate(events)
        if isinstance(recorded.event, ConsentGranted)
    ]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_every_grant_rests_on_a_notice_and_on_the_person_or_a_mandatary(seed: int) -> None:
    assert set(grounds_of(seed, 200)) <= {"person", "mandate"}


def test_the_random_wishes_do_reach_grants_by_both() -> None:
    found = [ground for seed in range(40) for ground in grounds_of(seed, 300)]
    assert found.count("person") > 20
    assert found.count("mandate") > 0
