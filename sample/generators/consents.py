"""People consent to digital post, refuse it or withdraw, and open their mailboxes."""

from __future__ import annotations

from collections import defaultdict

from domain.consent import GrantConsent, RefuseConsent, ShowImpactNotice, WithdrawConsent
from domain.identity.mandate.model import AcceptMandate, RequestMandate
from domain.identity.values import MandateKind, PartyKind
from domain.kernel import Jurisdiction
from domain.mailbox.mailbox import (
    OpenMailbox,
    RecordFirstUse,
    RemoveNotificationAddress,
    SetChannelPreference,
    SetNotificationAddress,
    VerifyNotificationAddress,
)
from domain.mailbox.values import AddressKind, OwnerKind
from sample import civil
from sample.generators.world import SampleOrganisation, SamplePerson, SampleRecipient, World
from sample.numbers import digest
from sample.plan.consents import ConsentPlan, PlannedConsent

BE, NL = Jurisdiction.BE, Jurisdiction.NL

_LANGUAGES = {BE: ("nl", "fr", "nl", "fr", "nl", "de", "en"), NL: ("nl", "nl", "nl", "en")}
_MY_EBOX_PCT = 55
_VERIFIED_PCT = 80
_IDLE_PCT = 8
_TWO_YEARS = 730 * civil.DAY


class Consents:
    """The consents of the plan, and those of the Dutch recipients."""

    def __init__(self, world: World, plan: ConsentPlan) -> None:
        self._world = world
        self._add = world.schedule.add
        self._add = self._add
        self._rng = world.rng("consents")
        self._granted: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._refused: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._withdrawn: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._again: dict[int, list[PlannedConsent]] = defaultdict(list)
        for consent in (*plan.consents, *plan.leavers):
            self._granted[consent.granted].append(consent)
            for month, by_month in (
                (consent.refused, self._refused),
                (consent.withdrawn, self._withdrawn),
                (consent.again, self._again),
            ):
                if month is not None:
                    by_month[month].append(consent)
        self._refusals = {month: plan.refusers.count(month) for month in set(plan.refusers)}
        self._verified: dict[str, bool] = {}

    def write(self, month: int) -> None:
        world = self._world
        for consent in self._refused.pop(month, ()):
            self._refuse(month, world.citizens[consent.person], self._provider(consent))
        for consent in self._granted.pop(month, ()):
            self._grant(month, consent)
        for consent in self._withdrawn.pop(month, ()):
            self._withdraw(month, world.citizens[consent.person], self._provider(consent))
        for consent in self._again.pop(month, ()):
            self._consent(civil.instant(month, self._rng), world.citizens[consent.person], self._provider(consent))
            self._receives(consent)
        for _ in range(self._refusals.get(month, 0)):
            person = world.refusers.pop(0)
            self._refuse(month, person, world.providers_of(BE)[0])
            world.undecided.append(person)
        for person in world.newcomers:
            self._join_dutch(month, person)

    def _provider(self, consent: PlannedConsent) -> SampleOrganisation:
        """Most begin at the first provider; each person has an order of their own."""
        providers = self._world.providers_of(BE)
        number = consent.person
        first = 0 if number * 37 % 100 < _MY_EBOX_PCT else 1 + number % (len(providers) - 1)
        return providers[(first + consent.place * (1 + number % 2)) % len(providers)]

    # --- Belgium ----------------------------------------------------------------------------------------------------

    def _grant(self, month: int, consent: PlannedConsent) -> None:
        person, provider = self._world.citizens[consent.person], self._provider(consent)
        at = civil.instant(month, self._rng)
        if consent.by_mandatary and self._world.recipients:
            at = self._consent_by_mandatary(at, person, provider)
        else:
            self._consent(at, person, provider)
        if consent.place == 0:
            self._open_mailbox(at + civil.MINUTE, person, provider.id, in_use=True)
            if consent.withdrawn is None:
                self._receives(consent)

    def _receives(self, consent: PlannedConsent) -> None:
        """From next month on this person gets digital post, if this is where they began."""
        if consent.place == 0:
            person = self._world.citizens[consent.person]
            recipient = SampleRecipient(person, self._provider(consent).id, self._verified[person.id])
            self._world.arrives(self._world.recipients, recipient)

    def _consent(self, at: int, person: SamplePerson, provider: SampleOrganisation) -> None:
        session_id = self._session(at - 5 * civil.MINUTE, person, provider)
        self._consent_informed(at, person, provider, session_id)

    def _consent_by_mandatary(self, at: int, person: SamplePerson, provider: SampleOrganisation) -> int:
        """Let somebody else consent, under a mandate that both sides agreed on before; return when."""
        mandate_id = self._world.id()
        mandatary = self._rng.choice(self._world.recipients).person
        session_id = self._session(at, person, provider)
        self._add(
            at + civil.MINUTE,
            RequestMandate,
            provider.id,
            mandate_id=mandate_id,
            session_id=session_id,
            kind=MandateKind.VOLUNTARY,
            mandator_id=person.id,
            mandator_kind=PartyKind.PERSON,
            mandatary_id=mandatary.id,
            service_ids=(self._world.provider_services[provider.id].id,),
            valid_from=civil.as_datetime(at),
            valid_until=civil.as_datetime(at + _TWO_YEARS),
        )
        later = at + civil.HOUR
        session_id = self._session(later, mandatary, provider)
        self._add(later + civil.MINUTE, AcceptMandate, provider.id, mandate_id=mandate_id, session_id=session_id)
        granted = later + 3 * civil.MINUTE
        self._consent_informed(granted, person, provider, session_id, mandate_id)
        return granted

    def _consent_informed(
        self, at: int, person: SamplePerson, provider: SampleOrganisation, session_id: str, mandate_id: str = ""
    ) -> None:
        """Show the notice and, a minute later, consent to it."""
        version = self._show_notice(at - civil.MINUTE, person, provider, session_id, mandate_id)
        self._add(
            at,
            GrantConsent,
            provider.id,
            person_id=person.id,
            provider_id=provider.id,
            session_id=session_id,
            mandate_id=mandate_id,
            notice_version=version,
        )

    def _refuse(self, month: int, person: SamplePerson, provider: SampleOrganisation) -> None:
        at = civil.instant(month, self._rng)
        session_id = self._session(at - 5 * civil.MINUTE, person, provider)
        self._show_notice(at - civil.MINUTE, person, provider, session_id)
        self._add(at, RefuseConsent, provider.id, person_id=person.id, provider_id=provider.id, session_id=session_id)

    def _withdraw(self, month: int, person: SamplePerson, provider: SampleOrganisation) -> None:
        at = civil.instant(month, self._rng)
        session_id = self._session(at - civil.MINUTE, person, provider)
        self._add(at, WithdrawConsent, provider.id, person_id=person.id, provider_id=provider.id, session_id=session_id)

    def _session(self, at: int, person: SamplePerson, provider: SampleOrganisation) -> str:
        service = self._world.provider_services[provider.id]
        return self._world.open_session(at, person.key, service, provider.jurisdiction)

    def _show_notice(
        self, at: int, person: SamplePerson, provider: SampleOrganisation, session_id: str, mandate_id: str = ""
    ) -> str:
        version = f"{civil.as_datetime(at).year}-1"
        language = self._rng.choice(_LANGUAGES[provider.jurisdiction])
        self._add(
            at,
            ShowImpactNotice,
            provider.id,
            person_id=person.id,
            provider_id=provider.id,
            session_id=session_id,
            mandate_id=mandate_id,
            notice_version=version,
            language=language,
            notice_sha256=digest(f"notice {version} {language}"),
        )
        return version

    # --- Mailboxes --------------------------------------------------------------------------------------------------

    def _join_dutch(self, month: int, person: SamplePerson) -> None:
        world, rng = self._world, self._rng
        provider = world.providers_of(NL)[0]
        at = civil.instant(month, rng)
        self._consent(at, person, provider)
        in_use = rng.randrange(100) >= _IDLE_PCT or not world.dutch_recipients
        self._open_mailbox(at + civil.MINUTE, person, provider.id, in_use=in_use)
        recipient = SampleRecipient(person, provider.id, self._verified[person.id])
        world.arrives(world.dutch_recipients if in_use else world.idle_recipients, recipient)

    def _open_mailbox(self, at: int, person: SamplePerson, provider_id: str, *, in_use: bool) -> None:
        rng = self._rng
        self._add(at, OpenMailbox, provider_id, mailbox_id=person.id, owner_kind=OwnerKind.PERSON)
        if in_use:
            self._add(at + civil.MINUTE, RecordFirstUse, provider_id, mailbox_id=person.id)
        self._verified[person.id] = rng.randrange(100) < _VERIFIED_PCT
        if self._verified[person.id] or rng.randrange(2):
            self._set_address(at + 2 * civil.MINUTE, person, provider_id)
        if rng.randrange(10) == 0:
            self._add(
                at + 5 * civil.MINUTE, SetChannelPreference, provider_id, mailbox_id=person.id, exclusive_digital=True
            )

    def _set_address(self, at: int, person: SamplePerson, provider_id: str) -> None:
        """Name an address; those who do not verify it may remove it again."""
        address_id = self._world.id()
        kind = AddressKind.SMS if self._rng.randrange(5) == 0 else AddressKind.EMAIL
        self._add(at, SetNotificationAddress, provider_id, mailbox_id=person.id, address_id=address_id, kind=kind)
        if self._verified[person.id]:
            self._add(
                at + civil.MINUTE, VerifyNotificationAddress, provider_id, mailbox_id=person.id, address_id=address_id
            )
        elif self._rng.randrange(4) == 0:
            self._add(
                at + 20 * civil.DAY, RemoveNotificationAddress, provider_id, mailbox_id=person.id, address_id=address_id
            )
