"""OrganisationRegister connect their online services, and close some of them again."""

from __future__ import annotations

from itertools import cycle

from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.service import CloseService, RegisterService
from sample import civil
from sample.generators.organisations import OrganisationRegister
from sample.generators.world import SampleService, World
from sample.names import Namer
from sample.plan import volumes

BE, NL = Jurisdiction.BE, Jurisdiction.NL
LOW, SUBSTANTIAL, HIGH = LevelOfAssurance

_AUDIENCES = (
    *(Audience.CITIZEN, Audience.COMPANY, Audience.GOVERNMENT, Audience.CITIZEN, Audience.COMPANY),
    *(Audience.CITIZEN, Audience.GOVERNMENT, Audience.CITIZEN),
)
_LEVELS = {BE: (LOW, SUBSTANTIAL, LOW, HIGH, LOW, SUBSTANTIAL, HIGH), NL: (LOW, LOW, LOW, LOW, SUBSTANTIAL)}
_PROVIDER_SERVICES = {BE: civil.month(2018, 11), NL: civil.month(2016, 3)}
_DUTCH_FROM, _DUTCH_SERVICES = civil.month(2016, 3), 160
_RESERVED_EACH = 40
"""Every so many services one is hardly used, and may be closed."""

_CLOSINGS_FROM = civil.month(2018, 1)


class ServiceRegister:
    """The register of services."""

    def __init__(self, world: World, organisations: OrganisationRegister) -> None:
        self._world = world
        self._add = world.schedule.add
        self._add = self._add
        self._organisations = organisations
        self._rng = world.rng("services")
        self._namer = Namer(self._rng)
        self._reserved: list[SampleService] = []
        self._open = 0
        self._number = 0
        self._audiences = cycle(_AUDIENCES)
        self._levels = {jurisdiction: cycle(levels) for jurisdiction, levels in _LEVELS.items()}

    def write(self, month: int) -> None:
        for jurisdiction, since in _PROVIDER_SERVICES.items():
            if month == since:
                self._open_mailboxes(jurisdiction, month)
        if month >= _CLOSINGS_FROM and month % 6 == 2:  # noqa: PLR2004 - twice a year, in March and September
            self._close(month)
        self._connect(month)
        if month == _DUTCH_FROM:
            for _ in range(_DUTCH_SERVICES):
                self._register_next(NL, month)

    def _connect(self, month: int) -> None:
        while self._open < volumes.belgian_services(month):
            self._register_next(BE, month)
            self._open += 1

    def _register_next(self, jurisdiction: Jurisdiction, month: int) -> None:
        owners = self._organisations.service_providers(jurisdiction)
        owner = owners[self._number % len(owners)]
        service = self._register(jurisdiction, owner.id, next(self._audiences), next(self._levels[jurisdiction]), month)
        if jurisdiction is BE and self._number % _RESERVED_EACH == _RESERVED_EACH - 1:
            self._reserved.append(service)
        else:
            self._world.arrives(self._world.services[jurisdiction, service.audience], service)

    def _register(
        self, jurisdiction: Jurisdiction, owner_id: str, audience: Audience, level: LevelOfAssurance, month: int
    ) -> SampleService:
        world = self._world
        service = SampleService(world.id(), owner_id, audience, level)
        names = self._namer.service(audience, self._organisations.names[owner_id], self._number)
        self._number += 1
        self._add(
            civil.instant(month, self._rng),
            RegisterService,
            owner_id,
            service_id=service.id,
            names=names,
            audience=audience,
            minimum_level=level,
        )
        if jurisdiction is NL and level is not LOW:
            world.app_services.append(service)
        return service

    def _open_mailboxes(self, jurisdiction: Jurisdiction, month: int) -> None:
        for provider in self._world.providers:
            if provider.jurisdiction is jurisdiction:
                service = self._register(jurisdiction, provider.id, Audience.CITIZEN, LOW, month)
                self._world.arrives(self._world.services[jurisdiction, service.audience], service)
                self._world.provider_services[provider.id] = service
                self._open += jurisdiction is BE

    def _close(self, month: int) -> None:
        service = self._reserved.pop(0)
        at = civil.instant(month, self._rng)
        self._add(at, CloseService, service.organisation_id, service_id=service.id)
        self._world.arrives(self._world.closed_services, service)
        self._open -= 1
