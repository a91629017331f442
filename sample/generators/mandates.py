"""People let others act for them: asked for, accepted or rejected, suspended, passed on, withdrawn, expired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.identity.mandate.model import (
    AcceptMandate,
    ExpireMandate,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    SuspendMandate,
    WithdrawMandate,
)
from domain.identity.values import MandateKind, PartyKind
from domain.kernel import Audience, Jurisdiction
from sample import civil
from sample.generators.world import PLATFORM, SamplePerson, SampleService, World
from sample.plan.scale import FINE, scaled

BE, NL = Jurisdiction.BE, Jurisdiction.NL
_COUNTS = {NL: (240_000, civil.months((2017, 1), (2018, 6))), BE: (130_000, civil.months((2019, 6), (2022, 3)))}
_DUTCH_ORGANISATIONS = 35
"""The organisations at whose services one can act for another in the Netherlands."""

_YEAR = 365 * civil.DAY


@dataclass(frozen=True, slots=True)
class _Mandate:
    id: str
    mandator: SamplePerson
    mandatary: SamplePerson
    service: SampleService
    until: int


class Mandates:
    def __init__(self, world: World) -> None:
        self._world = world
        self._add = world.schedule.add
        self._add = self._add
        self._rng = world.rng("mandates")
        self._by_month: dict[int, list[Jurisdiction]] = {}
        self._number = 0
        for jurisdiction, (count, months) in _COUNTS.items():
            for _ in range(scaled(count, FINE, world.scale)):
                self._by_month.setdefault(self._rng.choice(months), []).append(jurisdiction)

    def write(self, month: int) -> None:
        for jurisdiction in self._by_month.pop(month, ()):
            recipients = self._world.recipients if jurisdiction is BE else self._world.dutch_recipients
            people = [recipient.person for recipient in recipients]
            if len(people) > 2:  # noqa: PLR2004 - the two sides and one to pass it on to
                self._agree(month, jurisdiction, people)

    def _agree(self, month: int, jurisdiction: Jurisdiction, people: Sequence[SamplePerson]) -> None:
        rng = self._rng
        mandator, mandatary, third = rng.sample(people, 3)
        service = rng.choice(self._services(jurisdiction))
        at = civil.instant(month, rng)
        self._number += 1
        until = at + (1 if self._number % 3 else 3) * _YEAR
        mandate = _Mandate(self._world.id(), mandator, mandatary, service, until)
        self._request(at, mandate, mandator)
        later = at + rng.randint(1, 5) * civil.DAY
        if self._number % 12 == 0:
            self._act(later, RejectMandate, mandatary, mandate)
            return
        self._act(later, AcceptMandate, mandatary, mandate)
        if self._number % 10 == 1:
            self._pass_on(later + 10 * civil.DAY, mandate, third)
        self._go_on(later, mandate)

    def _go_on(self, at: int, mandate: _Mandate) -> None:
        """Write what becomes of an accepted mandate: most run until they expire."""
        match self._number % 8:
            case 2:
                self._act(at + 60 * civil.DAY, WithdrawMandate, mandate.mandator, mandate)
            case 3:
                self._act(at + 90 * civil.DAY, WithdrawMandate, mandate.mandatary, mandate)
            case 4:
                self._act(at + 40 * civil.DAY, SuspendMandate, mandate.mandator, mandate)
                self._act(at + 70 * civil.DAY, ResumeMandate, mandate.mandator, mandate)
                self._expire(mandate)
            case 5:
                self._act(at + 50 * civil.DAY, SuspendMandate, mandate.mandatary, mandate)
            case _:
                self._expire(mandate)

    def _services(self, jurisdiction: Jurisdiction) -> list[SampleService]:
        services = self._world.services[jurisdiction, Audience.CITIZEN]
        if jurisdiction is BE:
            return services[:200]
        owners = list(dict.fromkeys(service.organisation_id for service in services))[:_DUTCH_ORGANISATIONS]
        return [
            service
            for service in services
            if service.organisation_id in owners and service not in self._world.app_services
        ]

    def _request(self, at: int, mandate: _Mandate, grantor: SamplePerson, parent_id: str = "") -> None:
        self._add(
            at + civil.MINUTE,
            RequestMandate,
            mandate.service.organisation_id,
            mandate_id=mandate.id,
            session_id=self._session(at, grantor, mandate.service),
            kind=MandateKind.CHAIN if parent_id else MandateKind.VOLUNTARY,
            mandator_id=mandate.mandator.id,
            mandator_kind=PartyKind.PERSON,
            mandatary_id=mandate.mandatary.id,
            service_ids=(mandate.service.id,),
            valid_from=civil.as_datetime(at),
            valid_until=civil.as_datetime(mandate.until),
            parent_mandate_id=parent_id,
        )

    def _pass_on(self, at: int, parent: _Mandate, third: SamplePerson) -> None:
        """Let the mandatary pass the mandate on to a third person, who accepts."""
        until = at + _YEAR // 2
        mandate = _Mandate(self._world.id(), parent.mandator, third, parent.service, until)
        self._request(at, mandate, parent.mandatary, parent.id)
        self._act(at + civil.DAY, AcceptMandate, third, mandate)
        self._expire(mandate)

    def _act(
        self,
        at: int,
        command: type[AcceptMandate | RejectMandate | SuspendMandate | ResumeMandate | WithdrawMandate],
        person: SamplePerson,
        mandate: _Mandate,
    ) -> None:
        service = mandate.service
        session_id = self._session(at, person, service)
        self._add(at + civil.MINUTE, command, service.organisation_id, mandate_id=mandate.id, session_id=session_id)

    def _expire(self, mandate: _Mandate) -> None:
        self._add(mandate.until + civil.HOUR, ExpireMandate, PLATFORM, mandate_id=mandate.id)

    def _session(self, at: int, person: SamplePerson, service: SampleService) -> str:
        jurisdiction = NL if service.organisation_id in self._dutch else BE
        return self._world.open_session(at, person.key, service, jurisdiction)

    @property
    def _dutch(self) -> frozenset[str]:
        return frozenset(service.organisation_id for service in self._world.services[NL, Audience.CITIZEN])
