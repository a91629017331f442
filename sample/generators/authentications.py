"""People authenticate at services, go on to others by single sign-on, and are refused now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.identity.session import AccessService, EndSession
from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from sample import civil
from sample.generators.world import Generator, SampleKey, SampleService, World
from sample.plan.use import DutchMonth, Month, belgian_uses, dutch_authentications

BE, NL = Jurisdiction.BE, Jurisdiction.NL
LOW, SUBSTANTIAL, HIGH = LevelOfAssurance

_INDEX_FROM, _INDEX_UNTIL = civil.month(2014, 11), civil.month(2017, 10)
_BELGIAN_MEANS = (Means.EID, Means.TOKEN, Means.ITSME, Means.MOBILE_APP, Means.EIDAS)
_BELGIAN_MIX = {2014: (84, 14, 0, 0, 2), 2018: (70, 13, 14, 0, 3), 2020: (42, 8, 42, 5, 3), 2021: (28, 5, 58, 6, 3)}
"""The share of each means, from that year on."""

_DUTCH_MEANS = (Means.PASSWORD, Means.SMS, Means.EID, Means.EIDAS)
_DUTCH_MIX = (58, 36, 4, 2)
_SKEW = 3
"""How much more the first services are used than the others."""

_REFUSED_EACH = 50
"""One refused authentication for so many that succeed."""

_LEVEL_TOO_HIGH, _DEAD_KEY, _CLOSED_SERVICE, _REASONS = 1, 2, 3, 5
"""Which of every five refused authentications are refused for a reason other than a key too weak for the service."""

_ENDED_EACH = 20
_STOPPED_EACH = 25
_AT_MAILBOX_PCT = 15


class Opened(NamedTuple):
    """A session: when it was opened, with which key and at which service."""

    at: int
    session_id: str
    key: SampleKey
    service: SampleService


class Authentications(Generator):
    """Adds the authentications of a month that are planned and that no other generator opened."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "authentications")
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
            count = planned.authentications - (others if audience is Audience.CITIZEN else 0)
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
        rng = self._rng
        opened: list[Opened] = []
        for pool in self._choices(pools, mix, count) if count else ():
            service = rng.one_of(services, _SKEW)
            key = rng.one_of(pool)
            if not opened or not key.level.covers(service.minimum_level):
                key = rng.one_of(pools[0])
            opened.append(self._open(month, key, service))
        return opened

    def _go_on(self, opened: Sequence[Opened], services: Sequence[SampleService], count: int) -> None:
        """Let sessions reach further services, each one once."""
        strong = [session for session in opened if session.key.level is HIGH]
        if not strong:
            return
        rng, reached = self._rng, {(session.session_id, session.service.id) for session in opened}
        for _ in range(count):
            session, service = rng.one_of(strong), rng.one_of(services, _SKEW)
            while (session.session_id, service.id) in reached:
                session, service = rng.one_of(strong), rng.one_of(services)
            reached.add((session.session_id, service.id))
            self._access(int(rng.random() * 30 * civil.MINUTE) + civil.SECOND, session, service)

    def _stop_short(self, opened: Sequence[Opened]) -> None:
        """Let some go on to a service that asks for more than the key they came with: they are refused there."""
        weak = [session for session in opened if session.key.level is SUBSTANTIAL]
        services = self._world.services[BE, Audience.CITIZEN]
        strict = [service for service in services if service.minimum_level is HIGH]
        for session in weak[::_STOPPED_EACH] if strict else ():
            self._access(10 * civil.MINUTE, session, self._rng.one_of(strict))

    def _access(self, after: int, session: Opened, service: SampleService) -> None:
        by, reached = session.key.provider_id, {"session_id": session.session_id, "service_id": service.id}
        self._add(session.at + after, AccessService, by, **reached)

    # --- The Netherlands --------------------------------------------------------------------------------------------

    def _write_dutch(self, month: int, planned: DutchMonth) -> None:
        world, rng = self._world, self._rng
        by_app = max(0, planned.by_app - world.app_sessions[month])
        by_other_means = max(0, planned.citizens - world.sessions[NL, month] - by_app)
        low = [service for service in world.services[NL, Audience.CITIZEN] if service.minimum_level is LOW]
        mailbox = world.provider_services[world.providers[NL][0].id]
        opened = [
            self._open(
                month,
                rng.one_of(pool),
                mailbox if rng.randrange(100) < _AT_MAILBOX_PCT else rng.one_of(low, _SKEW),
            )
            for pool in self._choices([world.keys[NL, means] for means in _DUTCH_MEANS], _DUTCH_MIX, by_other_means)
        ]
        for means, audience, count in (
            (Means.MOBILE_APP, Audience.CITIZEN, by_app),
            (Means.EHERKENNING, Audience.COMPANY, planned.companies),
        ):
            keys, services = world.keys[NL, means], world.services[NL, audience]
            opened += [self._open(month, rng.one_of(keys), rng.one_of(services, _SKEW)) for _ in range(count)]
        self._refuse(NL, month, len(opened) // _REFUSED_EACH)
        self._end(opened)

    # --- Sessions ---------------------------------------------------------------------------------------------------

    def _choices(self, pools: Sequence[list[SampleKey]], mix: Sequence[int], count: int) -> list[list[SampleKey]]:
        """Draw pools by their share in the mix; empty ones have none."""
        return self._rng.choices(pools, [share if pool else 0 for share, pool in zip(mix, pools, strict=True)], k=count)

    def _open(self, month: int, key: SampleKey, service: SampleService) -> Opened:
        at = self._instant(month)
        return Opened(at, self._world.authenticate(at, key, service), key, service)

    def _end(self, opened: Sequence[Opened]) -> None:
        for session in opened[::_ENDED_EACH]:
            self._add(session.at + civil.HOUR, EndSession, session.key.provider_id, session_id=session.session_id)

    def _refuse(self, jurisdiction: Jurisdiction, month: int, count: int) -> None:
        """Add refused authentications: key too weak, no longer usable or below the level; or a closed service."""
        world, rng = self._world, self._rng
        weak = world.keys[jurisdiction, Means.TOKEN if jurisdiction is BE else Means.PASSWORD]
        citizens = world.services[jurisdiction, Audience.CITIZEN]
        strict = [service for service in citizens if not SUBSTANTIAL.covers(service.minimum_level)]
        services = strict or world.app_services
        for number in range(count if weak and services else 0):
            key, service, level = rng.one_of(weak), rng.one_of(services), None
            reason = number % _REASONS
            if reason == _LEVEL_TOO_HIGH:
                level = HIGH
            elif reason == _DEAD_KEY and world.dead_keys and jurisdiction is BE:
                key = rng.one_of(world.dead_keys)
            elif reason == _CLOSED_SERVICE and world.closed_services and jurisdiction is BE:
                service = rng.one_of(world.closed_services)
            world.authenticate(self._instant(month), key, service, level)
