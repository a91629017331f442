"""People are registered by the three routes, and get, use up and lose their keys."""

from __future__ import annotations

from collections import Counter, defaultdict

from domain.identity.key import ActivateKey, ExpireKey, RegisterKey, ResumeKey, RevokeKey, SuspendKey
from domain.identity.person import (
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
)
from domain.identity.values import Means
from domain.kernel import Audience, Command, Jurisdiction, LevelOfAssurance
from sample import civil
from sample.generators.organisations import SUSPENDED, WITHDRAWN_FROM
from sample.generators.world import PLATFORM, Generator, SampleKey, SamplePerson, World
from sample.plan.consents import ConsentPlan
from sample.plan.scale import FINE, scaled

BE, NL = Jurisdiction.BE, Jurisdiction.NL

_LEVELS = {
    Means.EID: LevelOfAssurance.HIGH,
    Means.ITSME: LevelOfAssurance.HIGH,
    Means.TOKEN: LevelOfAssurance.SUBSTANTIAL,
    Means.MOBILE_APP: LevelOfAssurance.SUBSTANTIAL,
    Means.EHERKENNING: LevelOfAssurance.SUBSTANTIAL,
    Means.EIDAS: LevelOfAssurance.SUBSTANTIAL,
    Means.SMS: LevelOfAssurance.LOW,
    Means.PASSWORD: LevelOfAssurance.LOW,
}
_STATES = ("de", "fr", "lu", "es", "it", "pt")

_REGULARS, _DUTCH, _ENTREPRENEURS = 700_000, 2_400_000, 60_000
_CONSENTING_PCT = 55
"""How many of the Belgians who used services from the beginning consent to digital post later."""

_AT_DESK, _BY_EIDAS = (7, 19, 31, 43), (13, 37)
"""Which of every fifty of them are not in the national register."""

_REGULARS_IN = civil.months((2014, 4), (2014, 9))
_DUTCH_IN = civil.months((2016, 4), (2016, 9))
_DUTCH_LATER = civil.months((2016, 11), (2018, 8))
_ENTREPRENEURS_IN = civil.month(2016, 9)
_ITSME_IN = civil.months((2018, 2), (2019, 12))
_PASSE_IN = civil.months((2018, 3), (2018, 8))
_SLEUTEL_EARLY = civil.month(2018, 9)
_SLEUTEL_IN = civil.months((2019, 10), (2020, 6))
_TOKENS_END = civil.month(2018, 1)
_SUSPENSION, _RESUMPTION, _REVOCATION = civil.month(2019, 3), civil.month(2019, 6), civil.month(2020, 5)


class PersonRegister(Generator):
    """The register of persons and of their keys."""

    def __init__(self, world: World, plan: ConsentPlan) -> None:
        super().__init__(world, "people")
        self._number = 0
        self._later: dict[int, list[SampleKey]] = defaultdict(list)
        """By month, the keys that no longer authenticate from it on."""

        self._suspended_provider: list[SampleKey] = []
        self._ending: list[SampleKey] = []
        self._derived: dict[int, dict[tuple[str, Means], list[SamplePerson]]] = defaultdict(lambda: defaultdict(list))
        """By month, the persons who get a key derived from their eID then."""

        regulars = scaled(_REGULARS, FINE, world.scale)
        self._regulars = _spread(regulars, _REGULARS_IN)
        first_acts = _first_acts(plan)
        self._reused = range(min(regulars * _CONSENTING_PCT // 100, len(first_acts)))
        self._consenting: dict[int, list[int]] = defaultdict(list)
        """By month, the persons of the plan who are registered then: the month before they act."""

        for number in range(len(self._reused), len(first_acts)):
            self._consenting[first_acts[number] - 1].append(number)

        self._refusals = Counter(month - 1 for month in plan.refusers)
        dutch = scaled(_DUTCH, FINE, world.scale)
        later = dutch // 8
        self._dutch = _spread(dutch - later, _DUTCH_IN) | _spread(later, _DUTCH_LATER)
        self._new_dutch: list[SamplePerson] = []

    def write(self, month: int) -> None:
        world = self._world
        self._take_over(month)
        for _ in range(self._regulars.get(month, 0)):
            self._register_regular(month)
        for number in self._consenting.get(month, ()):
            world.citizens[number] = self._register_belgian(month, with_itsme=number % 2 == 0)
        for _ in range(self._refusals[month]):
            world.refusers.append(self._register_belgian(month, with_itsme=False))
        for _ in range(self._dutch.get(month, 0)):
            self._register_dutch(month)
        if month == _ENTREPRENEURS_IN:
            for _ in range(max(2, scaled(_ENTREPRENEURS, FINE, world.scale))):
                at = self._instant(month)
                self._person(at, self._at_desk(at, NL), "eherkenning", Means.EHERKENNING)
        for (code, means), persons in self._derived.pop(month, {}).items():
            for person in persons:
                self._derive(self._instant(month), person, code, means)
        self._end_keys(month)

    def _take_over(self, month: int) -> None:
        world = self._world
        world.dead_keys += self._later.pop(month, ())
        if month == SUSPENDED[1]:
            world.dead_keys += self._suspended_provider
        if month == SUSPENDED[-1] + 1:
            world.dead_keys = [key for key in world.dead_keys if key not in self._suspended_provider]
        world.newcomers, self._new_dutch = self._new_dutch, []

    # --- Belgium ----------------------------------------------------------------------------------------------------

    def _register_regular(self, month: int) -> None:
        """Register one of those who use services from the beginning."""
        number, at = self._number, self._instant(month)
        self._number += 1
        kind = number % 50
        if kind in _AT_DESK:
            ends = kind == _AT_DESK[0]
            person_id = self._at_desk(at, BE)
            person = self._person(at, person_id, "fas", Means.TOKEN, ends_in=_TOKENS_END if ends else None)
            if ends:
                self._ending.append(person.key)
        elif kind in _BY_EIDAS:
            self._person(at, self._by_eidas(at, BE), "fas", Means.EIDAS)
        else:
            person = self._register_belgian(month, with_itsme=False)
            self._plan_derived_keys(number, person)
            citizens = self._world.citizens
            if number % 4 and len(citizens) in self._reused:
                citizens[len(citizens)] = person
            else:
                self._world.undecided.append(person)

    def _plan_derived_keys(self, number: int, person: SamplePerson) -> None:
        rng = self._rng
        plans = (
            ((12, 0), _REGULARS_IN[-1] + 1, "fas", Means.TOKEN),
            ((3, 0), rng.choice(_ITSME_IN), "itsme", Means.ITSME),
            ((40, 1), rng.choice(_PASSE_IN), "passe", Means.MOBILE_APP),
            ((50, 8), _SLEUTEL_EARLY, "sleutel", Means.MOBILE_APP),
            ((10, 2), rng.choice(_SLEUTEL_IN), "sleutel", Means.MOBILE_APP),
        )
        for (each, rest), month, code, means in plans:
            if number % each == rest:
                self._derived[month][code, means].append(person)

    def _register_belgian(self, month: int, *, with_itsme: bool) -> SamplePerson:
        at = self._instant(month)
        person = self._person(at, self._from_register(at, BE), "fas", Means.EID)
        if with_itsme:
            self._derive(at + 5 * civil.MINUTE, person, "itsme", Means.ITSME)
        return person

    # --- The Netherlands --------------------------------------------------------------------------------------------

    def _register_dutch(self, month: int) -> None:
        number, at = self._number, self._instant(month)
        self._number += 1
        kind = number % 20
        if kind == 0 and number % 5 == 0:
            self._person(at, self._by_eidas(at, NL), "digid", Means.EIDAS)
            return
        if kind in (1, 2):
            person = self._person(at, self._from_register(at, NL), "digid", Means.EID)
            if month in _DUTCH_IN:
                self._derive(at + 5 * civil.MINUTE, person, "digid", Means.MOBILE_APP)
        else:
            means = Means.SMS if number % 3 == 0 else Means.PASSWORD
            person = self._person(at, self._at_desk(at, NL), "digid", means)
            if kind in (3, 4, 5):
                self._key(at + 5 * civil.MINUTE, person.id, "digid", Means.MOBILE_APP)
        self._new_dutch.append(person)

    # --- Persons and keys -------------------------------------------------------------------------------------------

    def _from_register(self, at: int, jurisdiction: Jurisdiction) -> str:
        number = self._world.numbers.national(jurisdiction)
        return self._register(
            at, RegisterPersonFromNationalRegister, PLATFORM, jurisdiction=jurisdiction, national_number=number
        )

    def _at_desk(self, at: int, jurisdiction: Jurisdiction) -> str:
        world, rng = self._world, self._rng
        return self._register(
            at,
            RegisterPersonByRegistrationAuthority,
            rng.choice(world.authorities[jurisdiction]).id,
            jurisdiction=jurisdiction,
            national_number=world.numbers.national(jurisdiction, bis=jurisdiction is BE),
            office_id=f"desk-{rng.randint(1, 4)}",
            officer_id=f"officer-{rng.randint(1, 12)}",
        )

    def _register(self, at: int, command: type[Command], by: str, **fields: object) -> str:
        person_id = self._world.id()
        self._add(at, command, by, person_id=person_id, **fields)
        return person_id

    def _by_eidas(self, at: int, jurisdiction: Jurisdiction) -> str:
        world, person_id = self._world, self._world.id()
        state = self._rng.choice(_STATES)
        self._add(
            at,
            RegisterPersonByEidas,
            PLATFORM,
            person_id=person_id,
            jurisdiction=jurisdiction,
            member_state=state,
            eidas_identifier=f"{state.upper()}/{jurisdiction.value.upper()}/{world.id()}",
            level=LevelOfAssurance.SUBSTANTIAL,
        )
        return person_id

    def _person(self, at: int, person_id: str, code: str, means: Means, *, ends_in: int | None = None) -> SamplePerson:
        """Give a person who is registered at an instant a first key, a minute later."""
        return SamplePerson(person_id, self._key(at + civil.MINUTE, person_id, code, means, ends_in=ends_in))

    def _key(
        self, at: int, person_id: str, code: str, means: Means, *, session_id: str = "", ends_in: int | None = None
    ) -> SampleKey:
        """Register and activate a key; `ends_in` is the month at whose beginning its validity is over."""
        world, provider = self._world, self._world.key_providers[code]
        key = SampleKey(world.id(), provider.id, means, _LEVELS[means])
        self._add(
            at,
            RegisterKey,
            provider.id,
            key_id=key.id,
            person_id=person_id,
            means=means,
            level=key.level,
            valid_until=None if ends_in is None else civil.as_datetime(civil.start(ends_in)),
        )
        self._add(at + civil.MINUTE, ActivateKey, provider.id, key_id=key.id, session_id=session_id)
        if code == "passe":
            self._later[WITHDRAWN_FROM + 1].append(key)
        elif code == "sleutel" and civil.month_of(at) == _SLEUTEL_EARLY:
            self._suspended_provider.append(key)
        else:
            world.arrives(world.keys[provider.jurisdiction, means], key)
        return key

    def _derive(self, at: int, person: SamplePerson, code: str, means: Means) -> None:
        """Give a person a key on the strength of a session with the eID."""
        world = self._world
        service = world.services[world.key_providers[code].jurisdiction, Audience.CITIZEN][0]
        session_id = world.open_session(at, person.key, service)
        self._key(at + civil.MINUTE, person.id, code, means, session_id=session_id)

    def _end_keys(self, month: int) -> None:
        tokens = self._world.keys[BE, Means.TOKEN]
        if month == _TOKENS_END - 1:
            for key in self._ending:
                tokens.remove(key)
                self._add(civil.start(_TOKENS_END) + civil.HOUR, ExpireKey, PLATFORM, key_id=key.id)
                self._later[_TOKENS_END + 1].append(key)
        if month == _SUSPENSION:
            for key in [tokens.pop() for _ in range(len(tokens) // 10)]:
                self._add(self._instant(month), SuspendKey, key.provider_id, key_id=key.id)
                # Nobody authenticates with it in between.
                self._add(self._instant(_RESUMPTION), ResumeKey, key.provider_id, key_id=key.id)
        if month == _REVOCATION:
            for key in [tokens.pop() for _ in range(len(tokens) // 10)]:
                self._add(self._instant(month), RevokeKey, key.provider_id, key_id=key.id)
                self._later[month + 1].append(key)


def _spread(count: int, months: range) -> dict[int, int]:
    """Share a number out evenly over months; the first one gets the remainder as well."""
    shares = dict.fromkeys(months, count // len(months))
    shares[months[0]] += count % len(months)
    return shares


def _first_acts(plan: ConsentPlan) -> list[int]:
    """Return by person the month of their first act, a grant or a refusal."""
    first = list(plan.first_grants)
    for consent in plan.consents:
        if consent.refused is not None:
            first[consent.person] = min(first[consent.person], consent.refused)
    return first
