"""People let others act for them: asked for, accepted or rejected, suspended, passed on, withdrawn, expired."""

from __future__ import annotations

from collections.abc import Sequence

from domain.identity import (
    AcceptMandate,
    ExpireMandate,
    MandateKind,
    PartyKind,
    RejectMandate,
    RequestMandate,
    ResumeMandate,
    SuspendMandate,
    WithdrawMandate,
)
from domain.kernel import Audience, Jurisdiction
from infrastructure.sample import civil
from infrastructure.sample.acts.world import PLATFORM, Person, Service, World
from infrastructure.sample.plan.scale import FINE, scaled

BE, NL = Jurisdiction.BE, Jurisdiction.NL
_COUNTS = {NL: (240_000, civil.months((2017, 1), (2018, 6))), BE: (130_000, civil.months((2019, 6), (2022, 3)))}
_DUTCH_ORGANISATIONS = 35
"""The organisations at whose services one can act for another in the Netherlands."""

_YEAR = 365 * civil.DAY


class Mandates:
    def __init__(self, world: World) -> None:
        self._world = world
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

    def _agree(self, month: int, jurisdiction: Jurisdiction, people: Sequence[Person]) -> None:
        world, rng = self._world, self._rng
        mandator, mandatary, third = rng.sample(people, 3)
        service = rng.choice(self._services(jurisdiction))
        at = civil.instant(month, rng)
        self._number += 1
        years = 1 if self._number % 3 else 3
        mandate_id = self._request(at, mandator, mandator, mandatary, service, at + years * _YEAR)
        later = at + rng.randint(1, 5) * civil.DAY
        answer = RejectMandate if self._number % 12 == 0 else AcceptMandate
        self._act(later, answer, mandatary, service, mandate_id)
        if answer is RejectMandate:
            return
        if self._number % 10 == 1:
            self._pass_on(later + 10 * civil.DAY, mandator, mandatary, third, service, mandate_id, at + _YEAR // 2)
        match self._number % 8:
            case 2:
                self._act(later + 60 * civil.DAY, WithdrawMandate, mandator, service, mandate_id)
            case 3:
                self._act(later + 90 * civil.DAY, WithdrawMandate, mandatary, service, mandate_id)
            case 4:
                self._act(later + 40 * civil.DAY, SuspendMandate, mandator, service, mandate_id)
                self._act(later + 70 * civil.DAY, ResumeMandate, mandator, service, mandate_id)
                self._expire(at + years * _YEAR, mandate_id)
            case 5:
                self._act(later + 50 * civil.DAY, SuspendMandate, mandatary, service, mandate_id)
            case _:
                self._expire(at + years * _YEAR, mandate_id)

    def _services(self, jurisdiction: Jurisdiction) -> list[Service]:
        services = self._world.services[jurisdiction, Audience.CITIZEN]
        if jurisdiction is BE:
            return services[:200]
        owners = list(dict.fromkeys(service.organisation_id for service in services))[:_DUTCH_ORGANISATIONS]
        return [it for it in services if it.organisation_id in owners and it not in self._world.app_services]

    def _request(
        self, at: int, mandator: Person, grantor: Person, mandatary: Person, service: Service, until: int, parent: str = ""
    ) -> str:
        mandate_id = self._world.id()
        self._world.script.add(
            at + civil.MINUTE,
            RequestMandate,
            service.organisation_id,
            mandate_id=mandate_id,
            session_id=self._session(at, grantor, service),
            kind=MandateKind.CHAIN if parent else MandateKind.VOLUNTARY,
            mandator_id=mandator.id,
            mandator_kind=PartyKind.PERSON,
            mandatary_id=mandatary.id,
            service_ids=(service.id,),
            valid_from=civil.as_datetime(at),
            valid_until=civil.as_datetime(until),
            parent_mandate_id=parent,
        )
        return mandate_id

    def _pass_on(
        self, at: int, mandator: Person, mandatary: Person, third: Person, service: Service, parent: str, until: int
    ) -> None:
        """Let the mandatary pass the mandate on to a third person, who accepts."""
        mandate_id = self._request(at, mandator, mandatary, third, service, until, parent)
        self._act(at + civil.DAY, AcceptMandate, third, service, mandate_id)
        self._expire(until, mandate_id)

    def _act(
        self,
        at: int,
        wish: type[AcceptMandate | RejectMandate | SuspendMandate | ResumeMandate | WithdrawMandate],
        person: Person,
        service: Service,
        mandate_id: str,
    ) -> None:
        session_id = self._session(at, person, service)
        self._world.script.add(
            at + civil.MINUTE, wish, service.organisation_id, mandate_id=mandate_id, session_id=session_id
        )

    def _expire(self, until: int, mandate_id: str) -> None:
        self._world.script.add(until + civil.HOUR, ExpireMandate, PLATFORM, mandate_id=mandate_id)

    def _session(self, at: int, person: Person, service: Service) -> str:
        jurisdiction = NL if service.organisation_id in self._dutch else BE
        return self._world.open_session(at, person.key, service, jurisdiction)

    @property
    def _dutch(self) -> frozenset[str]:
        return frozenset(service.organisation_id for service in self._world.services[NL, Audience.CITIZEN])
