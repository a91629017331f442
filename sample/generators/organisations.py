"""Organisations register and are enrolled in their roles."""

from __future__ import annotations

from domain.kernel import Jurisdiction
from domain.organisations.organisation.model import (
    ChangeDoubleChannel,
    EndSenderEnrolment,
    EnrolAsSender,
    EnrolOrganisation,
    GrantRecognition,
    RegisterOrganisation,
    RenameOrganisation,
    RequestRecognition,
    SuspendRecognition,
    WithdrawRecognition,
)
from domain.organisations.values import Enrolment, Level, Names, OrganisationType
from sample import civil
from sample.generators.world import PLATFORM, Generator, SampleOrganisation, World
from sample.names import Namer, same
from sample.plan import volumes

BE, NL = Jurisdiction.BE, Jurisdiction.NL
Kind = OrganisationType

_BELGIAN_PUBLIC = (
    *((Kind.MUNICIPALITY, 200), (Kind.NATIONAL_ORGANISATION, 60), (Kind.SOCIAL_SECURITY_INSTITUTION, 40)),
    *((Kind.PROVINCE, 10), (Kind.PARTNERSHIP, 30)),
)
_LATER_MUNICIPALITIES = 80
_LEVELS = {
    Kind.MUNICIPALITY: Level.LOCAL,
    Kind.WATER_AUTHORITY: Level.REGIONAL,
    Kind.PROVINCE: Level.REGIONAL,
    Kind.PARTNERSHIP: Level.REGIONAL,
}
_OUTSIDE = frozenset({Kind.PENSION_FUND, Kind.PRIVATE_ORGANISATION})
_COMPANIES = 60
_SERVICE_PROVIDERS = {BE: 110, NL: 60}
_MEMBERS = 45
_DUTCH_RECEIVERS = 45
_AUTHORITIES = {BE: 3, NL: 6}
_RENAMED = 6

_START = civil.month(2014, 1)
_DUTCH_START = civil.month(2016, 1)
_LATE_REGISTRATION = civil.month(2018, 6)
_DUTCH_LATE = civil.month(2017, 5)
_PROVIDERS_FROM = civil.month(2018, 9)
_COMPANIES_FROM = civil.month(2018, 7)
_MEMBERS_FROM = civil.month(2019, 2)
_DUTCH_SENDERS_FROM = civil.month(2016, 9)

MAILBOX_PROVIDERS = (
    ("My eBox", Kind.NATIONAL_ORGANISATION),
    ("Mijn Burgerprofiel", Kind.PARTNERSHIP),
    ("Doccle", Kind.PRIVATE_ORGANISATION),
    ("KBC Mobile", Kind.PRIVATE_ORGANISATION),
    ("bpost bank", Kind.PRIVATE_ORGANISATION),
    ("Trusto", Kind.PRIVATE_ORGANISATION),
)
_KEY_PROVIDERS = (
    ("fas", "Federal Authentication Service", BE, Kind.NATIONAL_ORGANISATION, civil.month(2014, 1)),
    ("passe", "Passepartout", BE, Kind.PRIVATE_ORGANISATION, civil.month(2015, 3)),
    ("sleutel", "Sleutelbos", BE, Kind.PRIVATE_ORGANISATION, civil.month(2016, 5)),
    ("itsme", "itsme", BE, Kind.PRIVATE_ORGANISATION, civil.month(2018, 1)),
    ("digid", "DigiD", NL, Kind.NATIONAL_ORGANISATION, civil.month(2016, 1)),
    ("eherkenning", "Erkend Aanmelden", NL, Kind.PRIVATE_ORGANISATION, civil.month(2016, 2)),
)
SUSPENDED = range(civil.month(2019, 5), civil.month(2019, 9))
"""The months in which the recognition of Sleutelbos was suspended."""

WITHDRAWN_FROM = civil.month(2020, 2)
"""The month in which the recognition of Passepartout was withdrawn."""

_RECOGNITIONS_END = (
    (SUSPENDED[0], SuspendRecognition, "sleutel", "The yearly audit report is late."),
    (WITHDRAWN_FROM, WithdrawRecognition, "passe", "The provider has stopped its service."),
)

_ENDS = frozenset({civil.month(2020, 4), civil.month(2021, 2), civil.month(2022, 2)})


class OrganisationRegister(Generator):
    """The register of organisations and their roles."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "organisations")
        self._namer = Namer(world.rng("names"))
        self._to_enrol: list[SampleOrganisation] = []
        self._enrolled_senders: list[SampleOrganisation] = []
        self._to_receive: list[SampleOrganisation] = []
        self._in_transition: set[str] = set()
        self._dutch_senders: list[tuple[int, SampleOrganisation]] = []
        """The Dutch senders, with the month in which each is enrolled."""

        self._receiving = 0

    def write(self, month: int) -> None:
        if month == _START:
            self._found_belgium(month)
        if month == _DUTCH_START:
            self._found_netherlands(month)
        if month == _LATE_REGISTRATION:
            self._to_enrol += self._many(Kind.MUNICIPALITY, BE, _LATER_MUNICIPALITIES, month)
        self._found_key_providers(month)
        if month == _PROVIDERS_FROM:
            for name, kind in MAILBOX_PROVIDERS:
                self._offer_mailboxes(self._register(kind, BE, self._instant(month), same(name)), month + 1)
        if month == _COMPANIES_FROM:
            self._world.companies += self._many(Kind.PRIVATE_ORGANISATION, BE, _COMPANIES, month)
        if month == _MEMBERS_FROM:
            self._enrol_members(month)
        self._enrol_senders(month)
        self._enrol_dutch_senders(month)
        self._enrol_receivers(month)
        self._change_recognitions(month)

    # --- Registration -----------------------------------------------------------------------------------------------

    def _register(
        self, kind: Kind, jurisdiction: Jurisdiction, at: int, names: Names | None = None
    ) -> SampleOrganisation:
        world = self._world
        names = names or self._namer.organisation(kind, jurisdiction)
        organisation = SampleOrganisation(world.id(), kind, jurisdiction, names)
        self._add(
            at,
            RegisterOrganisation,
            PLATFORM,
            organisation_id=organisation.id,
            names=names,
            organisation_type=kind,
            level=_LEVELS.get(kind, Level.FEDERAL),
            enterprise_number=world.numbers.enterprise(jurisdiction),
            jurisdiction=jurisdiction,
            outside_government=kind in _OUTSIDE,
        )
        return organisation

    def _many(self, kind: Kind, jurisdiction: Jurisdiction, count: int, month: int) -> list[SampleOrganisation]:
        return [self._register(kind, jurisdiction, self._instant(month)) for _ in range(count)]

    def _enrol(self, organisation: SampleOrganisation, role: Enrolment, month: int) -> None:
        at = self._instant(month)
        self._add(at, EnrolOrganisation, PLATFORM, organisation_id=organisation.id, enrolment=role)

    def _found_belgium(self, month: int) -> None:
        public, rng = self._world.public[BE], self._rng
        for kind, count in _BELGIAN_PUBLIC:
            public += self._many(kind, BE, count, month)
        self._to_enrol = rng.sample(public, len(public))
        self._to_receive = rng.sample(public, len(public))
        self._give_roles(BE, month + 1)
        for number, organisation in enumerate(rng.sample(public, _RENAMED)):
            at = self._instant(civil.month(2015 + number, 1))
            names = self._namer.organisation(organisation.kind, BE)
            self._add(at, RenameOrganisation, PLATFORM, organisation_id=organisation.id, names=names)

    def _found_netherlands(self, month: int) -> None:
        world = self._world
        for kind, (first, then) in volumes.DUTCH_SENDERS.items():
            early = self._dutch(kind, first, month, range(_DUTCH_SENDERS_FROM, _DUTCH_SENDERS_FROM + 3))
            if kind not in _OUTSIDE:
                world.public[NL] += early
            self._dutch(kind, then - first, _DUTCH_LATE, range(_DUTCH_LATE + 1, _DUTCH_LATE + 8))
        self._give_roles(NL, month + 1)
        at = self._instant(month)
        self._offer_mailboxes(self._register(Kind.NATIONAL_ORGANISATION, NL, at, same("MijnOverheid")), month + 1)
        for organisation in world.public[NL][:_DUTCH_RECEIVERS]:
            self._enrol(organisation, Enrolment.INVOICE_RECEIVER, civil.month(2016, 10))
            world.receivers[NL].append(organisation)

    def _dutch(self, kind: Kind, count: int, month: int, enrolled_in: range) -> list[SampleOrganisation]:
        """Register Dutch organisations in a month; each is enrolled as a sender in one of some later months."""
        organisations = self._many(kind, NL, count, month)
        self._dutch_senders += [(self._rng.choice(enrolled_in), organisation) for organisation in organisations]
        return organisations

    def _give_roles(self, jurisdiction: Jurisdiction, month: int) -> None:
        public = self._world.public[jurisdiction]
        municipalities = [organisation for organisation in public if organisation.kind is Kind.MUNICIPALITY]
        authorities = municipalities[: _AUTHORITIES[jurisdiction]]
        for organisation in authorities:
            self._enrol(organisation, Enrolment.REGISTRATION_AUTHORITY, month)
        self._world.authorities[jurisdiction] += authorities
        # The services of an organisation connect once it is enrolled, so enrolments lie in the month before.
        for organisation in service_providers(self._world, jurisdiction):
            self._enrol(organisation, Enrolment.SERVICE_PROVIDER, month)

    # --- Providers --------------------------------------------------------------------------------------------------

    def _found_key_providers(self, month: int) -> None:
        for code, name, jurisdiction, kind, since in _KEY_PROVIDERS:
            if since == month:
                at = self._instant(month)
                provider = self._world.key_providers[code] = self._register(kind, jurisdiction, at, same(name))
                self._add(at + civil.HOUR, RequestRecognition, provider.id, organisation_id=provider.id)
                self._recognise(provider, at + 3 * civil.HOUR)

    def _recognise(self, provider: SampleOrganisation, at: int) -> None:
        checked = {"conditions_version": "2017-1", "checked_by": self._world.id()}
        self._add(at, GrantRecognition, PLATFORM, organisation_id=provider.id, **checked)

    def _change_recognitions(self, month: int) -> None:
        providers = self._world.key_providers
        for since, command, code, reason in _RECOGNITIONS_END:
            if month == since:
                self._add(self._instant(month), command, PLATFORM, organisation_id=providers[code].id, reason=reason)
        if month == SUSPENDED[-1] + 1:
            self._recognise(providers["sleutel"], self._instant(month))

    def _offer_mailboxes(self, organisation: SampleOrganisation, month: int) -> None:
        self._enrol(organisation, Enrolment.MAILBOX_PROVIDER, month)
        self._enrol(organisation, Enrolment.SERVICE_PROVIDER, month)
        self._world.providers[organisation.jurisdiction].append(organisation)

    # --- Senders, members, receivers --------------------------------------------------------------------------------

    def _enrol_senders(self, month: int) -> None:
        if month in _ENDS:
            # An early sender leaves that sent little; another one takes its place.
            gone = next(sender for sender in reversed(self._world.senders) if sender.id not in self._in_transition)
            self._world.senders.remove(gone)
            self._enrolled_senders.remove(gone)
            self._add(self._instant(month), EndSenderEnrolment, gone.id, organisation_id=gone.id)
        while len(self._enrolled_senders) < volumes.belgian_senders(month):
            organisation = self._to_enrol.pop(0)
            self._enrol_sender(organisation, month, double=len(self._enrolled_senders) % 5 == 0)
            self._enrolled_senders.append(organisation)
            self._world.arrives(self._world.senders, organisation)

    def _enrol_sender(self, organisation: SampleOrganisation, month: int, *, double: bool) -> None:
        by, at = organisation.id, self._instant(month)
        until = civil.as_date(at + 365 * civil.DAY) if double else None
        self._add(at, EnrolAsSender, by, organisation_id=by, double_channel_until=until)
        if double:
            self._in_transition.add(by)
            if self._rng.randrange(4) == 0:
                later, sooner = at + 200 * civil.DAY, civil.as_date(at + 230 * civil.DAY)
                self._add(later, ChangeDoubleChannel, by, organisation_id=by, double_channel_until=sooner)

    def _enrol_dutch_senders(self, month: int) -> None:
        for since, organisation in self._dutch_senders:
            if since == month:
                self._enrol_sender(organisation, month, double=False)
                self._world.arrives(self._world.dutch_senders[organisation.kind], organisation)

    def _enrol_members(self, month: int) -> None:
        federal = (Kind.NATIONAL_ORGANISATION, Kind.SOCIAL_SECURITY_INSTITUTION, Kind.PARTNERSHIP)
        candidates = [organisation for organisation in self._world.public[BE] if organisation.kind in federal]
        self._world.members += self._rng.sample(candidates, _MEMBERS)
        for organisation in self._world.members:
            self._enrol(organisation, Enrolment.BUS_MEMBER, month)

    def _enrol_receivers(self, month: int) -> None:
        receivers, until = self._world.receivers[BE], volumes.belgian_receivers(month)
        receivers += self._to_receive[len(receivers) : self._receiving]
        for organisation in self._to_receive[self._receiving : until]:
            self._enrol(organisation, Enrolment.INVOICE_RECEIVER, month)
        self._receiving = max(self._receiving, until)


def service_providers(world: World, jurisdiction: Jurisdiction) -> list[SampleOrganisation]:
    """Return the public organisations of a country that offer services."""
    public, count = world.public[jurisdiction], _SERVICE_PROVIDERS[jurisdiction]
    return public[:: max(1, len(public) // count)][:count]
