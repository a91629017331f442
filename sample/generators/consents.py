"""People consent to digital post, refuse it or withdraw, and open their mailboxes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from domain.consent import GrantConsent, RefuseConsent, ShowImpactNotice, WithdrawConsent
from domain.identity.mandate.model import AcceptMandate
from domain.kernel import Command, Jurisdiction
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
from sample.generators.mandates import SampleMandate, act, request
from sample.generators.world import Generator, SampleOrganisation, SamplePerson, SampleRecipient, World
from sample.numbers import digest
from sample.plan.consents import ConsentPlan, PlannedConsent

BE, NL = Jurisdiction.BE, Jurisdiction.NL

_LANGUAGES = {BE: ("nl", "fr", "nl", "fr", "nl", "de", "en"), NL: ("nl", "nl", "nl", "en")}
_MY_EBOX_PCT = 55
_VERIFIED_PCT = 80
_IDLE_PCT = 8
_TWO_YEARS = 730 * civil.DAY


class Parties(NamedTuple):
    """A person and a provider at which they consent, or do not."""

    person: SamplePerson
    provider: SampleOrganisation


class Consents(Generator):
    """The consents of the plan, and those of the Dutch recipients."""

    def __init__(self, world: World, plan: ConsentPlan) -> None:
        super().__init__(world, "consents")
        self._granted: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._refused: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._withdrawn: dict[int, list[PlannedConsent]] = defaultdict(list)
        self._again: dict[int, list[PlannedConsent]] = defaultdict(list)
        for consent in (*plan.consents, *plan.leavers):
            for month, by_month in (
                (consent.granted, self._granted),
                (consent.refused, self._refused),
                (consent.withdrawn, self._withdrawn),
                (consent.again, self._again),
            ):
                if month is not None:
                    by_month[month].append(consent)
        self._refusals = Counter(plan.refusers)
        self._verified: dict[str, bool] = {}

    def write(self, month: int) -> None:
        world = self._world
        for consent in self._refused.pop(month, ()):
            self._refuse(month, self._parties(consent))
        for consent in self._granted.pop(month, ()):
            self._grant(month, consent)
        for consent in self._withdrawn.pop(month, ()):
            at, parties = self._instant(month), self._parties(consent)
            self._decide(at, WithdrawConsent, parties, self._session(at - civil.MINUTE, parties))
        for consent in self._again.pop(month, ()):
            self._consent(self._instant(month), self._parties(consent))
            self._receives(consent)
        for _ in range(self._refusals[month]):
            person = world.refusers.pop(0)
            self._refuse(month, Parties(person, world.providers[BE][0]))
            world.undecided.append(person)
        for person in world.newcomers:
            self._join_dutch(month, person)

    def _parties(self, consent: PlannedConsent) -> Parties:
        """Return the person and the provider. Most begin at the first one; each person has an order of their own."""
        providers, number = self._world.providers[BE], consent.person
        first = 0 if number * 37 % 100 < _MY_EBOX_PCT else 1 + number % (len(providers) - 1)
        provider = providers[(first + consent.place * (1 + number % 2)) % len(providers)]
        return Parties(self._world.citizens[number], provider)

    # --- Belgium ----------------------------------------------------------------------------------------------------

    def _grant(self, month: int, consent: PlannedConsent) -> None:
        parties = self._parties(consent)
        at = self._instant(month)
        if consent.by_mandatary and self._world.recipients:
            at = self._consent_by_mandatary(at, parties)
        else:
            self._consent(at, parties)
        if consent.place == 0:
            self._open_mailbox(at + civil.MINUTE, parties, in_use=True)
            if consent.withdrawn is None:
                self._receives(consent)

    def _receives(self, consent: PlannedConsent) -> None:
        """From next month on this person gets digital post, if this is where they began."""
        if consent.place == 0:
            self._world.arrives(self._world.recipients, self._recipient(self._parties(consent)))

    def _consent(self, at: int, parties: Parties) -> None:
        self._consent_informed(at, parties, self._session(at - 5 * civil.MINUTE, parties))

    def _consent_by_mandatary(self, at: int, parties: Parties) -> int:
        """Let somebody else consent, under a mandate that both sides agreed on before; return when."""
        world, service = self._world, self._world.provider_services[parties.provider.id]
        mandatary = self._rng.choice(world.recipients).person
        mandate = SampleMandate(world.id(), parties.person, mandatary, service, at + _TWO_YEARS)
        request(world, at, mandate, parties.person)
        session_id = act(world, at + civil.HOUR, AcceptMandate, mandatary, mandate)
        granted = at + civil.HOUR + 3 * civil.MINUTE
        self._consent_informed(granted, parties, session_id, mandate.id)
        return granted

    def _consent_informed(self, at: int, parties: Parties, session_id: str, mandate_id: str = "") -> None:
        """Show the notice and, a minute later, consent to it."""
        version = self._show_notice(at - civil.MINUTE, parties, session_id, mandate_id)
        self._decide(at, GrantConsent, parties, session_id, mandate_id=mandate_id, notice_version=version)

    def _refuse(self, month: int, parties: Parties) -> None:
        at = self._instant(month)
        session_id = self._session(at - 5 * civil.MINUTE, parties)
        self._show_notice(at - civil.MINUTE, parties, session_id)
        self._decide(at, RefuseConsent, parties, session_id)

    def _session(self, at: int, parties: Parties) -> str:
        return self._world.open_session(at, parties.person.key, self._world.provider_services[parties.provider.id])

    def _show_notice(self, at: int, parties: Parties, session_id: str, mandate_id: str = "") -> str:
        """Show the notice of the year in a language of the country; return its version."""
        version = f"{civil.as_datetime(at).year}-1"
        language = self._rng.choice(_LANGUAGES[parties.provider.jurisdiction])
        notice = {"notice_version": version, "language": language, "mandate_id": mandate_id}
        shown = digest(f"notice {version} {language}")
        self._decide(at, ShowImpactNotice, parties, session_id, **notice, notice_sha256=shown)
        return version

    def _decide(self, at: int, command: type[Command], parties: Parties, session_id: str, **fields: str) -> None:
        """Add a command about the consent of a person at a provider."""
        ids = {"person_id": parties.person.id, "provider_id": parties.provider.id, "session_id": session_id}
        self._add(at, command, parties.provider.id, **ids, **fields)

    # --- Mailboxes --------------------------------------------------------------------------------------------------

    def _join_dutch(self, month: int, person: SamplePerson) -> None:
        world, parties = self._world, Parties(person, self._world.providers[NL][0])
        at = self._instant(month)
        self._consent(at, parties)
        in_use = self._rng.randrange(100) >= _IDLE_PCT or not world.dutch_recipients
        self._open_mailbox(at + civil.MINUTE, parties, in_use=in_use)
        world.arrives(world.dutch_recipients if in_use else world.idle_recipients, self._recipient(parties))

    def _recipient(self, parties: Parties) -> SampleRecipient:
        return SampleRecipient(parties.person, parties.provider.id, self._verified[parties.person.id])

    def _open_mailbox(self, at: int, parties: Parties, *, in_use: bool) -> None:
        rng, by, mailbox = self._rng, parties.provider.id, {"mailbox_id": parties.person.id}
        self._add(at, OpenMailbox, by, **mailbox, owner_kind=OwnerKind.PERSON)
        if in_use:
            self._add(at + civil.MINUTE, RecordFirstUse, by, **mailbox)
        verified = self._verified[parties.person.id] = rng.randrange(100) < _VERIFIED_PCT
        if verified or rng.randrange(2):
            self._set_address(at + 2 * civil.MINUTE, by, {**mailbox, "address_id": self._world.id()}, verified=verified)
        if rng.randrange(10) == 0:
            self._add(at + 5 * civil.MINUTE, SetChannelPreference, by, **mailbox, exclusive_digital=True)

    def _set_address(self, at: int, by: str, address: dict[str, str], *, verified: bool) -> None:
        """Name an address; those who do not verify it may remove it again."""
        kind = AddressKind.SMS if self._rng.randrange(5) == 0 else AddressKind.EMAIL
        self._add(at, SetNotificationAddress, by, **address, kind=kind)
        if verified:
            self._add(at + civil.MINUTE, VerifyNotificationAddress, by, **address)
        elif self._rng.randrange(4) == 0:
            self._add(at + 20 * civil.DAY, RemoveNotificationAddress, by, **address)
