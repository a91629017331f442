"""The state that the generators share: organisations, persons and services so far, and the schedule that they fill."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeVar

from domain.identity.session import OpenSession
from domain.identity.values import Channel, Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.values import Names, OrganisationType
from sample import civil
from sample.chance import Chance
from sample.numbers import Numbers, uuid4
from sample.schedule import Schedule

T = TypeVar("T")

PLATFORM = "platform"
"""The organisation on whose behalf the platform's own systems and administrators act."""

_APPS = frozenset({Means.ITSME, Means.MOBILE_APP})


@dataclass(frozen=True, slots=True)
class SampleOrganisation:
    id: str
    kind: OrganisationType
    jurisdiction: Jurisdiction
    names: Names


@dataclass(frozen=True, slots=True)
class SampleService:
    id: str
    organisation_id: str
    jurisdiction: Jurisdiction
    audience: Audience
    minimum_level: LevelOfAssurance


@dataclass(frozen=True, slots=True)
class SampleKey:
    id: str
    provider_id: str
    means: Means
    level: LevelOfAssurance


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """`key` is the one that the person uses in sessions that other generators open."""

    id: str
    key: SampleKey


@dataclass(frozen=True, slots=True)
class SampleRecipient:
    """A person with a consent in force at a provider, and whether notifications reach them."""

    person: SamplePerson
    provider_id: str
    verified: bool


class World:
    """Lists grow as the history goes on; what is in a list has happened before the month that is being written."""

    def __init__(self, seed: int, scale: Fraction) -> None:
        self.seed, self.scale = seed, scale
        self.schedule = Schedule(seed)
        self.numbers = Numbers(self.rng("numbers"))
        self._ids = self.rng("ids")
        self._arriving: list[Callable[[], None]] = []

        self.key_providers: dict[str, SampleOrganisation] = {}
        self.authorities: dict[Jurisdiction, list[SampleOrganisation]] = defaultdict(list)
        self.providers: dict[Jurisdiction, list[SampleOrganisation]] = defaultdict(list)
        """The organisations that offer mailboxes."""

        self.provider_services: dict[str, SampleService] = {}
        self.public: dict[Jurisdiction, list[SampleOrganisation]] = defaultdict(list)
        self.companies: list[SampleOrganisation] = []
        self.senders: list[SampleOrganisation] = []
        self.dutch_senders: dict[OrganisationType, list[SampleOrganisation]] = defaultdict(list)
        self.receivers: dict[Jurisdiction, list[SampleOrganisation]] = defaultdict(list)
        self.members: list[SampleOrganisation] = []

        self.services: dict[tuple[Jurisdiction, Audience], list[SampleService]] = defaultdict(list)
        self.closed_services: list[SampleService] = []
        self.app_services: list[SampleService] = []
        """Dutch services that a password does not open."""

        self.keys: dict[tuple[Jurisdiction, Means], list[SampleKey]] = defaultdict(list)
        self.dead_keys: list[SampleKey] = []
        self.citizens: dict[int, SamplePerson] = {}
        """The Belgians of the plan of consents, by their number in it."""

        self.refusers: list[SamplePerson] = []
        self.undecided: list[SamplePerson] = []
        """Belgians who are not asked for their consent: they get their post on paper."""

        self.newcomers: list[SamplePerson] = []
        """Dutch persons who can consent to digital post from this month on."""

        self.recipients: list[SampleRecipient] = []
        self.dutch_recipients: list[SampleRecipient] = []
        self.idle_recipients: list[SampleRecipient] = []
        """Dutch persons who never took their mailbox into use."""

        self.sessions: Counter[tuple[Jurisdiction, int]] = Counter()
        """The sessions by month that other generators than `Authentications` opened."""

        self.app_sessions: Counter[int] = Counter()

    def arrives(self, where: list[T], what: T) -> None:
        """Let something be in a list from the next month on."""
        self._arriving.append(partial(where.append, what))

    def begin_month(self) -> None:
        for arrive in self._arriving:
            arrive()
        self._arriving.clear()

    def rng(self, name: str) -> Chance:
        return Chance(f"{self.seed}:{name}")

    def id(self) -> str:
        return uuid4(self._ids)

    def open_session(self, at: int, key: SampleKey, service: SampleService) -> str:
        """Add an authentication that is a part of the planned ones; return the id of its session."""
        if at < civil.END:
            month = civil.month_of(at)
            self.sessions[service.jurisdiction, month] += 1
            if key.means is Means.MOBILE_APP and service.jurisdiction is Jurisdiction.NL:
                self.app_sessions[month] += 1
        return self.authenticate(at, key, service)

    def authenticate(
        self, at: int, key: SampleKey, service: SampleService, level: LevelOfAssurance | None = None
    ) -> str:
        """Add an authentication, at the level of the key if no other is asked; return the id of its session."""
        session_id = self.id()
        self.schedule.add(
            at,
            OpenSession,
            key.provider_id,
            session_id=session_id,
            key_id=key.id,
            service_id=service.id,
            level=level or key.level,
            channel=Channel.APP if key.means in _APPS else Channel.WEB,
        )
        return session_id


class Generator(ABC):
    """One part of the platform, with its own source of draws."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._add = world.schedule.add
        self._rng = world.rng(name)

    @abstractmethod
    def write(self, month: int) -> None:
        """Schedule the commands that begin in a month, and what follows from them later."""

    def _instant(self, month: int) -> int:
        return civil.instant(month, self._rng)
