"""The whole sample history as commands in order of time, made month by month as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from application.handler import CommandEnvelope
from sample import civil
from sample.generators.authentications import Authentications
from sample.generators.belgian_post import BelgianPost
from sample.generators.bus import Bus
from sample.generators.consents import Consents
from sample.generators.dutch_post import DutchPost
from sample.generators.invoices import Invoices
from sample.generators.mandates import Mandates
from sample.generators.organisations import OrganisationRegister
from sample.generators.people import PersonRegister
from sample.generators.services import ServiceRegister
from sample.generators.world import World
from sample.plan.consents import consent_plan


class MonthGenerator(Protocol):
    """One part of the platform: schedules the commands that begin in a month, and what follows from them later."""

    def write(self, month: int) -> None: ...


def commands(seed: int, scale: Fraction) -> Iterator[CommandEnvelope]:
    """Yield every command of the history; the same seed and scale give the same ones."""
    world = World(seed, scale)
    generators = _generators(world)
    for month in range(civil.MONTHS):
        world.begin_month()
        for generator in generators:
            generator.write(month)
        yield from world.schedule.read(month)


def _generators(world: World) -> tuple[MonthGenerator, ...]:
    plan = consent_plan(world.scale)
    organisations = OrganisationRegister(world)
    return (
        organisations,
        ServiceRegister(world, organisations),
        PersonRegister(world, plan),
        Consents(world, plan),
        Mandates(world),
        DutchPost(world),
        BelgianPost(world),
        Bus(world),
        Invoices(world),
        # Last: they fill up the planned sessions with those that no other generator opened.
        Authentications(world),
    )
