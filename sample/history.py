"""The whole sample history as commands in order of time, made month by month as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from application.handler import CommandEnvelope
from sample import civil
from sample.acts.authentications import Authentications
from sample.acts.belgian_post import BelgianPost
from sample.acts.bus import Bus
from sample.acts.consents import Consents
from sample.acts.dutch_post import DutchPost
from sample.acts.invoices import Invoices
from sample.acts.mandates import Mandates
from sample.acts.organisations import Organisations
from sample.acts.people import People
from sample.acts.services import Services
from sample.acts.world import World
from sample.plan.consents import consent_plan


class Act(Protocol):
    """One part of the platform: writes what begins in a month, and what follows from it later."""

    def write(self, month: int) -> None: ...


def commands(seed: int, scale: Fraction) -> Iterator[CommandEnvelope]:
    """Yield every command of the history; the same seed and scale give the same ones."""
    world = World(seed, scale)
    acts = _acts(world)
    for month in range(civil.MONTHS):
        for act in acts:
            act.write(month)
        yield from world.script.read(month)


def _acts(world: World) -> tuple[Act, ...]:
    plan = consent_plan(world.scale)
    organisations = Organisations(world)
    return (
        organisations,
        Services(world, organisations),
        People(world, plan),
        Consents(world, plan),
        Mandates(world),
        DutchPost(world),
        BelgianPost(world),
        Bus(world),
        Invoices(world),
        # Last: they fill up the sessions that the other acts left.
        Authentications(world),
    )
