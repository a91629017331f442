"""People authenticate at services, go on to others by single sign-on, and are refused now and then."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from domain.identity.session import AccessService, EndSession, OpenSession
from domain.identity.values import Channel, Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from sample import civil
from sample.generators.world import SampleKey, SampleService, World
from sample.plan.use import DutchMonth, Month, belgian_uses, dutch_authentications

BE, NL = Jurisdiction.BE, Jurisdiction.NL
T = TypeVar("T")

_INDEX_FROM, _INDEX_UNTIL = civil.month(2014, 11), civil.month(2017, 10)
_BELGIAN_MEANS = (Means.EID, Means.TOKEN, Means.ITSME, Means.MOBILE_APP, Means.EIDAS)
_BELGIAN_MIX = {2014: (84, 14, 0, 0, 2), 2018: (70, 13, 14, 0, 3), 2020: (42, 8, 42, 5, 3), 2021: (28, 5, 58, 6, 3)}
"""The share of each means, from that year on."""

_DUTCH_MEANS = (Means.PASSWORD, Means.SMS, Means.EID, Means.EIDAS)
_DUTCH_MIX = (58, 36, 4, 2)
_REFUSED_EACH = 50
"""One refused authentication for so many that succeed."""

_ENDED_EACH = 20
_STOPPED_EACH = 25
_AT_MAILBOX_PCT = 15
_APPS = frozenset({Means.ITSME, Means.MOBILE_APP})
Opened = tuple[int, str, SampleKey, SampleService]


class Authentications:
    """Adds the authentications of a month that are planned and that no other generator opened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._add = world.schedule.add
        self._add = self._add
        self._rng = world.rng("authentications")
        self._belgian = belgian_uses(world.scale)
        self._dutch = dutch_authentications(world.scale)
        self._old: dict[Audience, int] = {}

    def write(self, month: int) -> None:
        if month == _INDEX_FROM:
            self._old = {audience: len(self._world.services[BE, audience]) for audience in Audience}
        if month in self._belgian:
            self._write_belgian(month, self._belgian[month])
        if month in self._dutch:
            self._write_dutch(month, self._dutch[month])

    # --- Belgium ----------------------------------------------------------------------------------------------------

    def _write_belgian(self, month: int, uses: Month) -> None:
        opened: list[Opened] = []
        others = self._world.sessions[BE, month]
        for audience, planned in uses.items():
            count = planned.authentications
            if audience is Audience.CITIZEN:
                count -= others
            opened += self._open_belgian(month, self._services(month, audience), max(0, count))
        for audience, planned in uses.items():
            self._go_on(opened, self._services(month, audience), planned.accesses)
        self._refuse(BE, month, len(opened) // _REFUSED_EACH)
        self._stop_short(opened)
        self._end(opened)

    def _services(self, month: int, audience: Audience) -> Sequence[SampleService]:
        """Return the services in use. The index compares use over years: services that join later are used later."""
        services = self._world.services[BE, audience]
        return services[: self._old[audience]] if month <= _INDEX_UNTIL else services

    def _open_belgian(self, month: int, services: Sequence[SampleService], count: int) -> list[Opened]:
        year = civil.year_and_month(month)[0]
        mix = next(mix for since, mix in reversed(_BELGIAN_MIX.items()) if year >= since)
        pools = [self._world.keys[BE, means] for means in _BELGIAN_MEANS]
        weights = [weight if pool else 0 for weight, pool in zip(mix, pools, strict=True)]
        rng = self._rng
        opened: list[Opened] = []
        for pool in rng.choices(pools, weights, k=count) if count else ():
            service = _popular(services, rng)
            key = _one_of(pool, rng)
            if not opened or not key.level.covers(service.minimum_level):
                key = _one_of(pools[0], rng)
            opened.append(self._open(month, key, service))
        return opened

    def _go_on(self, opened: Sequence[Opened], services: Sequence[SampleService], count: int) -> None:
        """Let sessions reach further services, each one once."""
        strong = [session for session in opened if session[2].level is LevelOfAssurance.HIGH]
        if not strong:
            return
        rng, reached = self._rng, {(session_id, service.id) for _, session_id, _, service in opened}
        for _ in range(count):
            at, session_id, key, _ = _one_of(strong, rng)
            service = _popular(services, rng)
            while (session_id, service.id) in reached:
                at, session_id, key, _ = _one_of(strong, rng)
                service = _one_of(services, rng)
            reached.add((session_id, service.id))
            self._add(
                at + int(rng.random() * 30 * civil.MINUTE) + civil.SECOND,
                AccessService,
                key.provider_id,
                session_id=session_id,
                service_id=service.id,
            )

    def _stop_short(self, opened: Sequence[Opened]) -> None:
        """Let some go on to a service that asks for more than the key they came with: they are refused there."""
        weak = [session for session in opened if session[2].level is LevelOfAssurance.SUBSTANTIAL]
        strict = [
            service
            for service in self._world.services[BE, Audience.CITIZEN]
            if service.minimum_level is LevelOfAssurance.HIGH
        ]
        for at, session_id, key, _ in weak[::_STOPPED_EACH] if strict else ():
            self._add(
                at + 10 * civil.MINUTE,
                AccessService,
                key.provider_id,
                session_id=session_id,
                service_id=_one_of(strict, self._rng).id,
            )

    # --- The Netherlands --------------------------------------------------------------------------------------------

    def _write_dutch(self, month: int, planned: DutchMonth) -> None:
        world, rng = self._world, self._rng
        others, others_by_app = world.sessions[NL, month], world.app_sessions[month]
        by_app = max(0, planned.by_app - others_by_app)
        by_other_means = max(0, planned.citizens - others - by_app)
        pools = [world.keys[NL, means] for means in _DUTCH_MEANS]
        weights = [weight if pool else 0 for weight, pool in zip(_DUTCH_MIX, pools, strict=True)]
        low = [
            service for service in world.services[NL, Audience.CITIZEN] if service.minimum_level is LevelOfAssurance.LOW
        ]
        mailbox = world.provider_services[world.providers_of(NL)[0].id]
        opened = [
            self._open(
                month, _one_of(pool, rng), mailbox if rng.randrange(100) < _AT_MAILBOX_PCT else _popular(low, rng)
            )
            for pool in rng.choices(pools, weights, k=by_other_means)
        ]
        apps = world.keys[NL, Means.MOBILE_APP]
        opened += [
            self._open(month, _one_of(apps, rng), _popular(world.services[NL, Audience.CITIZEN], rng))
            for _ in range(by_app)
        ]
        companies = world.keys[NL, Means.EHERKENNING]
        opened += [
            self._open(month, _one_of(companies, rng), _popular(world.services[NL, Audience.COMPANY], rng))
            for _ in range(planned.companies)
        ]
        self._refuse(NL, month, len(opened) // _REFUSED_EACH)
        self._end(opened)

    # --- Sessions ---------------------------------------------------------------------------------------------------

    def _open(self, month: int, key: SampleKey, service: SampleService) -> Opened:
        at = civil.instant(month, self._rng)
        return at, self._world.authenticate(at, key, service), key, service

    def _end(self, opened: Sequence[Opened]) -> None:
        for at, session_id, key, _ in opened[::_ENDED_EACH]:
            self._add(at + civil.HOUR, EndSession, key.provider_id, session_id=session_id)

    def _refuse(self, jurisdiction: Jurisdiction, month: int, count: int) -> None:
        """Let people try in vain: with a key too weak or no longer usable, above its level, at a closed service."""
        world, rng = self._world, self._rng
        weak = world.keys[jurisdiction, Means.TOKEN if jurisdiction is BE else Means.PASSWORD]
        services = [
            service
            for service in world.services[jurisdiction, Audience.CITIZEN]
            if not LevelOfAssurance.SUBSTANTIAL.covers(service.minimum_level)
        ] or world.app_services
        for number in range(count if weak and services else 0):
            key, service, level = _one_of(weak, rng), _one_of(services, rng), None
            if number % 5 == 1:
                level = LevelOfAssurance.HIGH
            elif number % 5 == 2 and world.dead_keys and jurisdiction is BE:  # noqa: PLR2004 - one reason in five each
                key = _one_of(world.dead_keys, rng)
            elif number % 5 == 3 and world.closed_services and jurisdiction is BE:  # noqa: PLR2004 - the same
                service = _one_of(world.closed_services, rng)
            self._add(
                civil.instant(month, rng),
                OpenSession,
                key.provider_id,
                session_id=world.id(),
                key_id=key.id,
                service_id=service.id,
                level=level or key.level,
                channel=Channel.APP if key.means in _APPS else Channel.WEB,
            )


def _one_of(items: Sequence[T], rng: Random) -> T:
    return items[int(rng.random() * len(items))]


def _popular(items: Sequence[T], rng: Random) -> T:
    """Return one of a list whose first ones are used most."""
    return items[int(rng.random() ** 3 * len(items))]
