"""OrganisationRegister register, are enrolled in their roles and connect their services."""

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
from sample.generators.world import PLATFORM, SampleOrganisation, World
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

_ENDS = frozenset({civil.month(2020, 4), civil.month(2021, 2), civil.month(2022, 2)})


class OrganisationRegister:
    """The register of organisations and their roles."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._add = world.schedule.add
        self._rng = world.rng("organisations")
        self._namer = Namer(world.rng("names"))
        self.names: dict[str, Names] = {}
        self._to_enrol: list[SampleOrganisation] = []
        self._enrolled_senders: list[SampleOrganisation] = []
        self._to_receive: list[SampleOrganisation] = []
        self._in_transition: set[str] = set()
        self._dutch_late: list[tuple[int, SampleOrganisation]] = []
        self._receiving = 0

    def write(self, month: int) -> None:
        if month == _START:
            self._found_belgium(month)
        if month == _DUTCH_START:
            self._found_netherlands(month)
        if month == _LATE_REGISTRATION:
            self._to_enrol += self._many(Kind.MUNICIPALITY, BE, _LATER_MUNICIPALITIES, month)
        self._found_key_providers(month)
        self._found_mailbox_providers(month)
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
        organisation = SampleOrganisation(world.id(), kind, jurisdiction)
        self.names[organisation.id] = names or self._namer.organisation(kind, jurisdiction)
        self._add(
            at,
            RegisterOrganisation,
            PLATFORM,
            organisation_id=organisation.id,
            names=self.names[organisation.id],
            organisation_type=kind,
            level=_LEVELS.get(kind, Level.FEDERAL),
            enterprise_number=world.numbers.enterprise(jurisdiction),
            jurisdiction=jurisdiction,
            outside_government=kind in _OUTSIDE,
        )
        return organisation

    def _many(self, kind: Kind, jurisdiction: Jurisdiction, count: int, month: int) -> list[SampleOrganisation]:
        return [self._register(kind, jurisdiction, civil.instant(month, self._rng)) for _ in range(count)]

    def _enrol(self, organisation: SampleOrganisation, role: Enrolment, at: int) -> None:
        self._add(at, EnrolOrganisation, PLATFORM, organisation_id=organisation.id, enrolment=role)

    def _found_belgium(self, month: int) -> None:
        world = self._world
        for kind, count in _BELGIAN_PUBLIC:
            world.public[BE] += self._many(kind, BE, count, month)
        shuffled = self._rng.sample(world.public[BE], len(world.public[BE]))
        self._to_enrol = shuffled
        self._to_receive = self._rng.sample(world.public[BE], len(world.public[BE]))
        self._give_roles(BE, month + 1)
        renamed = self._rng.sample(world.public[BE], 6)
        for number, organisation in enumerate(renamed):
            at = civil.instant(civil.month(2015 + number, 1), self._rng)
            names = self._namer.organisation(organisation.kind, BE)
            self._add(at, RenameOrganisation, PLATFORM, organisation_id=organisation.id, names=names)

    def _found_netherlands(self, month: int) -> None:
        world = self._world
        for kind, (first, then) in volumes.DUTCH_SENDERS.items():
            self._new_dutch_of(kind, first, month)
            late = self._many(kind, NL, then - first, _DUTCH_LATE)
            self._dutch_late += [(_DUTCH_LATE + 1 + self._rng.randrange(7), organisation) for organisation in late]
        self._give_roles(NL, month + 1)
        mijnoverheid = self._register(
            Kind.NATIONAL_ORGANISATION, NL, civil.instant(month, self._rng), same("MijnOverheid")
        )
        self._offer_mailboxes(mijnoverheid, month + 1)
        for organisation in world.public[NL][:_DUTCH_RECEIVERS]:
            self._enrol(organisation, Enrolment.INVOICE_RECEIVER, civil.instant(civil.month(2016, 10), self._rng))
            world.receivers[NL].append(organisation)

    def _new_dutch_of(self, kind: Kind, count: int, month: int) -> None:
        organisations = self._many(kind, NL, count, month)
        self._dutch_late += [
            (_DUTCH_SENDERS_FROM + self._rng.randrange(3), organisation) for organisation in organisations
        ]
        if kind not in _OUTSIDE:
            self._world.public[NL] += organisations

    def _give_roles(self, jurisdiction: Jurisdiction, month: int) -> None:
        world, public = self._world, self._world.public[jurisdiction]
        authorities = [organisation for organisation in public if organisation.kind is Kind.MUNICIPALITY][
            : _AUTHORITIES[jurisdiction]
        ]
        for organisation in authorities:
            self._enrol(organisation, Enrolment.REGISTRATION_AUTHORITY, civil.instant(month, self._rng))
        world.authorities[jurisdiction] += authorities
        # The services of an organisation connect once it is enrolled, so enrolments lie in the month before.
        for organisation in self.service_providers(jurisdiction):
            self._enrol(organisation, Enrolment.SERVICE_PROVIDER, civil.instant(month, self._rng))

    def service_providers(self, jurisdiction: Jurisdiction) -> list[SampleOrganisation]:
        public = self._world.public[jurisdiction]
        step = max(1, len(public) // _SERVICE_PROVIDERS[jurisdiction])
        return public[::step][: _SERVICE_PROVIDERS[jurisdiction]]

    # --- Providers --------------------------------------------------------------------------------------------------

    def _found_key_providers(self, month: int) -> None:
        for code, name, jurisdiction, kind, since in _KEY_PROVIDERS:
            if since == month:
                at = civil.instant(month, self._rng)
                organisation = self._register(kind, jurisdiction, at, same(name))
                self._world.key_providers[code] = organisation.id
                self._add(at + civil.DAY // 24, RequestRecognition, organisation.id, organisation_id=organisation.id)
                self._recognise(organisation.id, at + civil.DAY // 8)

    def _recognise(self, organisation_id: str, at: int) -> None:
        self._add(
            at,
            GrantRecognition,
            PLATFORM,
            organisation_id=organisation_id,
            conditions_version="2017-1",
            checked_by=self._world.id(),
        )

    def _change_recognitions(self, month: int) -> None:
        providers, rng = self._world.key_providers, self._rng
        if month == SUSPENDED[0]:
            self._add(
                civil.instant(month, rng),
                SuspendRecognition,
                PLATFORM,
                organisation_id=providers["sleutel"],
                reason="The yearly audit report is late.",
            )
        if month == SUSPENDED[-1] + 1:
            self._recognise(providers["sleutel"], civil.instant(month, rng))
        if month == WITHDRAWN_FROM:
            self._add(
                civil.instant(month, rng),
                WithdrawRecognition,
                PLATFORM,
                organisation_id=providers["passe"],
                reason="The provider has stopped its service.",
            )

    def _found_mailbox_providers(self, month: int) -> None:
        if month == _PROVIDERS_FROM:
            for name, kind in MAILBOX_PROVIDERS:
                organisation = self._register(kind, BE, civil.instant(month, self._rng), same(name))
                self._offer_mailboxes(organisation, month + 1)

    def _offer_mailboxes(self, organisation: SampleOrganisation, month: int) -> None:
        self._enrol(organisation, Enrolment.MAILBOX_PROVIDER, civil.instant(month, self._rng))
        self._enrol(organisation, Enrolment.SERVICE_PROVIDER, civil.instant(month, self._rng))
        self._world.providers.append(organisation)

    # --- Senders, members, receivers --------------------------------------------------------------------------------

    def _enrol_senders(self, month: int) -> None:
        if month in _ENDS:
            # An early sender leaves that sent little; another one takes its place.
            gone = next(sender for sender in reversed(self._world.senders) if sender.id not in self._in_transition)
            self._world.senders.remove(gone)
            self._enrolled_senders.remove(gone)
            at = civil.instant(month, self._rng)
            self._add(at, EndSenderEnrolment, gone.id, organisation_id=gone.id)
        while len(self._enrolled_senders) < volumes.belgian_senders(month):
            organisation = self._to_enrol.pop(0)
            self._enrol_sender(organisation, month, double=len(self._enrolled_senders) % 5 == 0)
            self._enrolled_senders.append(organisation)
            self._world.arrives(self._world.senders, organisation)

    def _enrol_sender(self, organisation: SampleOrganisation, month: int, *, double: bool) -> None:
        at = civil.instant(month, self._rng)
        until = civil.as_date(at + 365 * civil.DAY) if double else None
        self._add(at, EnrolAsSender, organisation.id, organisation_id=organisation.id, double_channel_until=until)
        if double:
            self._in_transition.add(organisation.id)
        if double and self._rng.randrange(4) == 0:
            later = at + 200 * civil.DAY
            sooner = civil.as_date(at + 230 * civil.DAY)
            self._add(
                later,
                ChangeDoubleChannel,
                organisation.id,
                organisation_id=organisation.id,
                double_channel_until=sooner,
            )

    def _enrol_dutch_senders(self, month: int) -> None:
        for since, organisation in self._dutch_late:
            if since == month:
                self._enrol_sender(organisation, month, double=False)
                self._world.arrives(self._world.dutch_senders[organisation.kind], organisation)

    def _enrol_members(self, month: int) -> None:
        federal = (Kind.NATIONAL_ORGANISATION, Kind.SOCIAL_SECURITY_INSTITUTION, Kind.PARTNERSHIP)
        members = [organisation for organisation in self._world.public[BE] if organisation.kind in federal]
        for organisation in self._rng.sample(members, _MEMBERS):
            self._enrol(organisation, Enrolment.BUS_MEMBER, civil.instant(month, self._rng))
            self._world.members.append(organisation)

    def _enrol_receivers(self, month: int) -> None:
        receivers = self._world.receivers[BE]
        receivers += self._to_receive[len(receivers) : self._receiving]
        for organisation in self._to_receive[self._receiving : volumes.belgian_receivers(month)]:
            self._enrol(organisation, Enrolment.INVOICE_RECEIVER, civil.instant(month, self._rng))
        self._receiving = max(self._receiving, volumes.belgian_receivers(month))
