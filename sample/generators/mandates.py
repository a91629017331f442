"""People let others act for them: asked for, accepted or rejected, suspended, passed on, withdrawn, expired."""

from __future__ import annotations

from collections import defaultdict
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
from domain.kernel import Audience, Command, Jurisdiction
from sample import civil
from sample.generators.world import PLATFORM, Generator, SamplePerson, SampleService, World
from sample.plan.scale import FINE, scaled

BE, NL = Jurisdiction.BE, Jurisdiction.NL
_COUNTS = {NL: (240_000, civil.months((2017, 1), (2018, 6))), BE: (130_000, civil.months((2019, 6), (2022, 3)))}
_DUTCH_ORGANISATIONS = 35
"""The organisations at whose services one can act for another in the Netherlands."""

_YEAR = 365 * civil.DAY
_PERSONS = 3
"""The two sides of a mandate, and one to pass it on to."""


@dataclass(frozen=True, slots=True)
class SampleMandate:
    """A mandate of one person to another at one service."""

    id: str
    mandator: SamplePerson
    mandatary: SamplePerson
    service: SampleService
    until: int


def request(world: World, at: int, mandate: SampleMandate, grantor: SamplePerson, parent_id: str = "") -> None:
    """Let the grantor ask for a mandate in a session that begins a minute before."""
    world.schedule.add(
        at + civil.MINUTE,
        RequestMandate,
        mandate.service.organisation_id,
        mandate_id=mandate.id,
        session_id=world.open_session(at, grantor.key, mandate.service),
        kind=MandateKind.CHAIN if parent_id else MandateKind.VOLUNTARY,
        mandator_id=mandate.mandator.id,
        mandator_kind=PartyKind.PERSON,
        mandatary_id=mandate.mandatary.id,
        service_ids=(mandate.service.id,),
        valid_from=civil.as_datetime(at),
        valid_until=civil.as_datetime(mandate.until),
        parent_mandate_id=parent_id,
    )


def act(world: World, at: int, command: type[Command], person: SamplePerson, mandate: SampleMandate) -> str:
    """Let a person decide on a mandate in a session that begins a minute before; return the id of the session."""
    session_id = world.open_session(at, person.key, mandate.service)
    by = mandate.service.organisation_id
    world.schedule.add(at + civil.MINUTE, command, by, mandate_id=mandate.id, session_id=session_id)
    return session_id


class Mandates(Generator):
    def __init__(self, world: World) -> None:
        super().__init__(world, "mandates")
        self._by_month: dict[int, list[Jurisdiction]] = defaultdict(list)
        self._number = 0
        for jurisdiction, (count, months) in _COUNTS.items():
            for _ in range(scaled(count, FINE, world.scale)):
                self._by_month[self._rng.choice(months)].append(jurisdiction)

    def write(self, month: int) -> None:
        for jurisdiction in self._by_month.pop(month, ()):
            recipients = self._world.recipients if jurisdiction is BE else self._world.dutch_recipients
            if len(recipients) >= _PERSONS:
                self._agree(month, jurisdiction, [recipient.person for recipient in recipients])

    def _agree(self, month: int, jurisdiction: Jurisdiction, people: Sequence[SamplePerson]) -> None:
        world, rng = self._world, self._rng
        mandator, mandatary, third = rng.sample(people, _PERSONS)
        service = rng.choice(self._services(jurisdiction))
        at = self._instant(month)
        self._number += 1
        until = at + (1 if self._number % 3 else 3) * _YEAR
        mandate = SampleMandate(world.id(), mandator, mandatary, service, until)
        request(world, at, mandate, mandator)
        later = at + rng.randint(1, 5) * civil.DAY
        if self._number % 12 == 0:
            act(world, later, RejectMandate, mandatary, mandate)
            return
        act(world, later, AcceptMandate, mandatary, mandate)
        if self._number % 10 == 1:
            self._pass_on(later + 10 * civil.DAY, mandate, third)
        self._go_on(later, mandate)

    def _go_on(self, at: int, mandate: SampleMandate) -> None:
        """Schedule the end of an accepted mandate: most run until they expire."""
        world = self._world
        match self._number % 8:
            case 2:
                act(world, at + 60 * civil.DAY, WithdrawMandate, mandate.mandator, mandate)
            case 3:
                act(world, at + 90 * civil.DAY, WithdrawMandate, mandate.mandatary, mandate)
            case 4:
                act(world, at + 40 * civil.DAY, SuspendMandate, mandate.mandator, mandate)
                act(world, at + 70 * civil.DAY, ResumeMandate, mandate.mandator, mandate)
                self._expire(mandate)
            case 5:
                act(world, at + 50 * civil.DAY, SuspendMandate, mandate.mandatary, mandate)
            case _:
                self._expire(mandate)

    def _services(self, jurisdiction: Jurisdiction) -> Sequence[SampleService]:
        services = self._world.services[jurisdiction, Audience.CITIZEN]
        if jurisdiction is BE:
            return services[:200]
        owners = list(dict.fromkeys(service.organisation_id for service in services))[:_DUTCH_ORGANISATIONS]
        apps = self._world.app_services
        return [service for service in services if service.organisation_id in owners and service not in apps]

    def _pass_on(self, at: int, parent: SampleMandate, third: SamplePerson) -> None:
        """Let the mandatary pass the mandate on to a third person, who accepts."""
        mandate = SampleMandate(self._world.id(), parent.mandator, third, parent.service, at + _YEAR // 2)
        request(self._world, at, mandate, parent.mandatary, parent.id)
        act(self._world, at + civil.DAY, AcceptMandate, third, mandate)
        self._expire(mandate)

    def _expire(self, mandate: SampleMandate) -> None:
        self._add(mandate.until + civil.HOUR, ExpireMandate, PLATFORM, mandate_id=mandate.id)
