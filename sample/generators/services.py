"""Organisations connect their online services, and close some of them again."""

from __future__ import annotations

from itertools import cycle

from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.service import CloseService, RegisterService
from sample import civil
from sample.generators.organisations import service_providers
from sample.generators.world import Generator, SampleOrganisation, SampleService, World
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

_CLOSINGS = range(civil.month(2018, 3), civil.MONTHS, 6)
"""The months in which one service closes: March and September of each year."""


class ServiceRegister(Generator):
    """The register of services."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "services")
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
        if month in _CLOSINGS:
            self._close(month)
        while self._open < volumes.belgian_services(month):
            self._register_next(BE, month)
            self._open += 1
        if month == _DUTCH_FROM:
            for _ in range(_DUTCH_SERVICES):
                self._register_next(NL, month)

    def _register_next(self, jurisdiction: Jurisdiction, month: int) -> None:
        owners = service_providers(self._world, jurisdiction)
        owner, level = owners[self._number % len(owners)], next(self._levels[jurisdiction])
        service = self._register(owner, next(self._audiences), level, month)
        if jurisdiction is BE and self._number % _RESERVED_EACH == _RESERVED_EACH - 1:
            self._reserved.append(service)
        else:
            self._world.arrives(self._world.services[jurisdiction, service.audience], service)

    def _register(
        self, owner: SampleOrganisation, audience: Audience, level: LevelOfAssurance, month: int
    ) -> SampleService:
        world = self._world
        service = SampleService(world.id(), owner.id, owner.jurisdiction, audience, level)
        names = self._namer.service(audience, owner.names, self._number)
        self._number += 1
        self._add(
            self._instant(month),
            RegisterService,
            owner.id,
            service_id=service.id,
            names=names,
            audience=audience,
            minimum_level=level,
        )
        if owner.jurisdiction is NL and level is not LOW:
            world.app_services.append(service)
        return service

    def _open_mailboxes(self, jurisdiction: Jurisdiction, month: int) -> None:
        for provider in self._world.providers[jurisdiction]:
            service = self._register(provider, Audience.CITIZEN, LOW, month)
            self._world.arrives(self._world.services[jurisdiction, service.audience], service)
            self._world.provider_services[provider.id] = service
            self._open += jurisdiction is BE

    def _close(self, month: int) -> None:
        service = self._reserved.pop(0)
        self._add(self._instant(month), CloseService, service.organisation_id, service_id=service.id)
        self._world.arrives(self._world.closed_services, service)
        self._open -= 1
