"""What the generators share: the organisations, persons and services so far, and the schedule that they fill."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from random import Random
from typing import TypeVar

from domain.identity.session import OpenSession
from domain.identity.values import Channel, Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations.values import OrganisationType
from sample import civil
from sample.numbers import Numbers, uuid4
from sample.schedule import Schedule

T = TypeVar("T")

PLATFORM = "platform"
"""The organisation on whose behalf the platform's own systems and administrators act."""


@dataclass(frozen=True, slots=True)
class SampleOrganisation:
    id: str
    kind: OrganisationType
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True)
class SampleService:
    id: str
    organisation_id: str
    audience: Audience
    minimum_level: LevelOfAssurance


@dataclass(frozen=True, slots=True)
class SampleKey:
    id: str
    person_id: str
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


@dataclass(slots=True)
class World:
    """Lists grow as the history goes on; what is in a list has happened before the month that is being written."""

    seed: int
    scale: Fraction
    schedule: Schedule = field(init=False)
    numbers: Numbers = field(init=False)
    ids: Random = field(init=False)

    key_providers: dict[str, str] = field(default_factory=dict)
    authorities: dict[Jurisdiction, list[SampleOrganisation]] = field(default_factory=lambda: defaultdict(list))
    providers: list[SampleOrganisation] = field(default_factory=list)
    provider_services: dict[str, SampleService] = field(default_factory=dict)
    public: dict[Jurisdiction, list[SampleOrganisation]] = field(default_factory=lambda: defaultdict(list))
    companies: list[SampleOrganisation] = field(default_factory=list)
    senders: list[SampleOrganisation] = field(default_factory=list)
    dutch_senders: dict[OrganisationType, list[SampleOrganisation]] = field(default_factory=lambda: defaultdict(list))
    receivers: dict[Jurisdiction, list[SampleOrganisation]] = field(default_factory=lambda: defaultdict(list))
    members: list[SampleOrganisation] = field(default_factory=list)

    services: dict[tuple[Jurisdiction, Audience], list[SampleService]] = field(
        default_factory=lambda: defaultdict(list)
    )
    closed_services: list[SampleService] = field(default_factory=list)
    app_services: list[SampleService] = field(default_factory=list)
    """Dutch services that a password does not open."""

    keys: dict[tuple[Jurisdiction, Means], list[SampleKey]] = field(default_factory=lambda: defaultdict(list))
    dead_keys: list[SampleKey] = field(default_factory=list)
    citizens: dict[int, SamplePerson] = field(default_factory=dict)
    """The Belgians of the plan of consents, by their number in it."""

    refusers: list[SamplePerson] = field(default_factory=list)
    undecided: list[SamplePerson] = field(default_factory=list)
    """Belgians who are not asked for their consent: they get their post on paper."""

    newcomers: list[SamplePerson] = field(default_factory=list)
    """Dutch persons who can consent to digital post from this month on."""

    recipients: list[SampleRecipient] = field(default_factory=list)
    dutch_recipients: list[SampleRecipient] = field(default_factory=list)
    idle_recipients: list[SampleRecipient] = field(default_factory=list)
    """Dutch persons who never took their mailbox into use."""

    sessions: Counter[tuple[Jurisdiction, int]] = field(default_factory=Counter)
    """The sessions by month that other generators than `Authentications` opened."""

    app_sessions: Counter[int] = field(default_factory=Counter)

    arriving: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.seed)
        self.numbers = Numbers(self.rng("numbers"))
        self.ids = self.rng("ids")

    def arrives(self, where: list[T], what: T) -> None:
        """Let something be in a list from the next month on."""
        self.arriving.append(partial(where.append, what))

    def begin_month(self) -> None:
        for arrive in self.arriving:
            arrive()
        self.arriving.clear()

    def providers_of(self, jurisdiction: Jurisdiction) -> list[SampleOrganisation]:
        return [provider for provider in self.providers if provider.jurisdiction is jurisdiction]

    def rng(self, name: str) -> Random:
        return Random(f"{self.seed}:{name}")  # noqa: S311 - invented data, the same every time

    def id(self) -> str:
        return uuid4(self.ids)

    def open_session(self, at: int, key: SampleKey, service: SampleService, jurisdiction: Jurisdiction) -> str:
        """Write an authentication down that is a part of the planned ones."""
        month = civil.month_of(at)
        if at < civil.END:
            self.sessions[jurisdiction, month] += 1
            if key.means is Means.MOBILE_APP and jurisdiction is Jurisdiction.NL:
                self.app_sessions[month] += 1
        return self.authenticate(at, key, service)

    def authenticate(self, at: int, key: SampleKey, service: SampleService) -> str:
        session_id = self.id()
        self.schedule.add(
            at,
            OpenSession,
            key.provider_id,
            session_id=session_id,
            key_id=key.id,
            service_id=service.id,
            level=key.level,
            channel=Channel.APP if key.means in _APPS else Channel.WEB,
        )
        return session_id


_APPS = frozenset({Means.ITSME, Means.MOBILE_APP})
