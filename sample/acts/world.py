"""What the acts of the history share: who and what there is by now, and the script that they write."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

from domain.identity import Channel, Means, OpenSession, Route
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from domain.organisations import OrganisationType
from sample import civil
from sample.numbers import Numbers, uuid4
from sample.script import Script

PLATFORM = "platform"
"""The organisation on whose behalf the platform's own systems and administrators act."""


@dataclass(frozen=True, slots=True)
class Organisation:
    id: str
    kind: OrganisationType
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    organisation_id: str
    audience: Audience
    minimum_level: LevelOfAssurance


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    person_id: str
    provider_id: str
    means: Means
    level: LevelOfAssurance


@dataclass(frozen=True, slots=True)
class Person:
    """`key` is the one that the person uses in sessions that other acts ask for."""

    id: str
    route: Route
    key: Key


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person with a consent in force at a provider, and whether notifications reach them."""

    person: Person
    provider_id: str
    verified: bool


@dataclass(slots=True)
class World:
    """Lists grow as the history goes on; what is in a list has happened before the month that is being written."""

    seed: int
    scale: Fraction
    script: Script = field(init=False)
    numbers: Numbers = field(init=False)
    ids: Random = field(init=False)

    key_providers: dict[str, str] = field(default_factory=dict)
    authorities: dict[Jurisdiction, list[Organisation]] = field(default_factory=lambda: defaultdict(list))
    providers: list[Organisation] = field(default_factory=list)
    provider_services: dict[str, Service] = field(default_factory=dict)
    public: dict[Jurisdiction, list[Organisation]] = field(default_factory=lambda: defaultdict(list))
    companies: list[Organisation] = field(default_factory=list)
    senders: list[Organisation] = field(default_factory=list)
    dutch_senders: dict[OrganisationType, list[Organisation]] = field(default_factory=lambda: defaultdict(list))
    receivers: dict[Jurisdiction, list[Organisation]] = field(default_factory=lambda: defaultdict(list))
    members: list[Organisation] = field(default_factory=list)

    services: dict[tuple[Jurisdiction, Audience], list[Service]] = field(default_factory=lambda: defaultdict(list))
    closed_services: list[Service] = field(default_factory=list)
    app_services: list[Service] = field(default_factory=list)
    """Dutch services that a password does not open."""

    keys: dict[tuple[Jurisdiction, Means], list[Key]] = field(default_factory=lambda: defaultdict(list))
    dead_keys: list[Key] = field(default_factory=list)
    citizens: dict[int, Person] = field(default_factory=dict)
    """The Belgians of the plan of consents, by their number in it."""

    refusers: list[Person] = field(default_factory=list)
    undecided: list[Person] = field(default_factory=list)
    """Belgians who are not asked for their consent: they get their post on paper."""

    newcomers: list[Person] = field(default_factory=list)
    """Dutch persons who can consent to digital post from this month on."""

    recipients: list[Recipient] = field(default_factory=list)
    dutch_recipients: list[Recipient] = field(default_factory=list)
    idle_recipients: list[Recipient] = field(default_factory=list)
    """Dutch persons who never took their mailbox into use."""

    sessions: Counter[tuple[Jurisdiction, int]] = field(default_factory=Counter)
    """The sessions by month that other acts than the authentications opened."""

    app_sessions: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.script = Script(self.seed)
        self.numbers = Numbers(self.rng("numbers"))
        self.ids = self.rng("ids")

    def providers_of(self, jurisdiction: Jurisdiction) -> list[Organisation]:
        return [it for it in self.providers if it.jurisdiction is jurisdiction]

    def rng(self, name: str) -> Random:
        return Random(f"{self.seed}:{name}")  # noqa: S311 - invented data, the same every time

    def id(self) -> str:
        return uuid4(self.ids)

    def open_session(self, at: int, key: Key, service: Service, jurisdiction: Jurisdiction) -> str:
        """Write an authentication down that is a part of the planned ones."""
        month = civil.month_of(at)
        if at < civil.END:
            self.sessions[jurisdiction, month] += 1
            if key.means is Means.MOBILE_APP and jurisdiction is Jurisdiction.NL:
                self.app_sessions[month] += 1
        return self.authenticate(at, key, service)

    def authenticate(self, at: int, key: Key, service: Service) -> str:
        session_id = self.id()
        self.script.add(
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
