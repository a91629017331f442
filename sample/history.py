"""The whole sample history as commands in order of time, made month by month as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

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
from sample.generators.world import Generator, World
from sample.plan.consents import consent_plan


def commands(seed: int, scale: Fraction) -> Iterator[CommandEnvelope]:
    """Yield every command of the history; the same seed and scale give the same ones."""
    world = World(seed, scale)
    plan = consent_plan(scale)
    generators: tuple[Generator, ...] = (
        OrganisationRegister(world),
        ServiceRegister(world),
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
    for month in range(civil.MONTHS):
        world.begin_month()
        for generator in generators:
            generator.write(month)
        yield from world.schedule.read(month)
