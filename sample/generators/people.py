"""People are registered by the three routes, and get, use up and lose their keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from domain.identity.key import ActivateKey, ExpireKey, RegisterKey, ResumeKey, RevokeKey, SuspendKey
from domain.identity.person import (
    RegisterPersonByEidas,
    RegisterPersonByRegistrationAuthority,
    RegisterPersonFromNationalRegister,
)
from domain.identity.values import Means
from domain.kernel import Audience, Jurisdiction, LevelOfAssurance
from sample import civil
from sample.generators.organisations import SUSPENDED, WITHDRAWN_FROM
from sample.generators.world import PLATFORM, SampleKey, SamplePerson, World
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


class PersonRegister:
    """The register of persons and of their keys."""

    def __init__(self, world: World, plan: ConsentPlan) -> None:
        self._world = world
        self._add = world.schedule.add
        self._rng = world.rng("people")
        self._number = 0
        self._later: dict[int, list[SampleKey]] = defaultdict(list)
        """By month, the keys that no longer authenticate from it on."""

        self._suspended_provider: list[SampleKey] = []
        self._ending: list[SampleKey] = []
        self._derived: dict[tuple[int, str, Means], list[SamplePerson]] = defaultdict(list)
        """By month, the persons who get a key derived from their eID then."""

        self._regulars_by_month = self._spread(scaled(_REGULARS, FINE, world.scale), _REGULARS_IN)
        self._consenting = scaled(_REGULARS, FINE, world.scale) * _CONSENTING_PCT // 100
        self._first_acts = self._months_of_first_acts(plan)
        self._refusals = _numbers_by_month((number, month - 1) for number, month in enumerate(plan.refusers))
        dutch = scaled(_DUTCH, FINE, world.scale)
        later = dutch // 8
        self._dutch_by_month = self._spread(dutch - later, _DUTCH_IN) | self._spread(later, _DUTCH_LATER)
        self._new_dutch: list[SamplePerson] = []

    def write(self, month: int) -> None:
        self._take_over(month)
        for _ in range(self._regulars_by_month.get(month, 0)):
            self._regular(month)
        for number in self._first_acts.get(month, ()):
            self._world.citizens[number] = self._belgian(month, with_itsme=number % 2 == 0)
        for _ in self._refusals.get(month, ()):
            self._world.refusers.append(self._belgian(month, with_itsme=False))
        for _ in range(self._dutch_by_month.get(month, 0)):
            self._dutch(month)
        if month == _ENTREPRENEURS_IN:
            for _ in range(max(2, scaled(_ENTREPRENEURS, FINE, self._world.scale))):
                at = civil.instant(month, self._rng)
                person_id = self._at_desk(at, NL)
                self._key(at + civil.MINUTE, NL, person_id, "eherkenning", Means.EHERKENNING)
        for _, code, means in [key for key in self._derived if key[0] == month]:
            for person in self._derived[month, code, means]:
                self._derive(civil.instant(month, self._rng), BE, person, code, means)
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

    def _regular(self, month: int) -> None:
        """Register one of those who use services from the beginning."""
        number, at = self._number, civil.instant(month, self._rng)
        self._number += 1
        kind = number % 50
        if kind in _AT_DESK:
            person_id = self._at_desk(at, BE)
            ends = kind == _AT_DESK[0]
            key = self._key(at + civil.MINUTE, BE, person_id, "fas", Means.TOKEN, ends_in=_TOKENS_END if ends else None)
            if ends:
                self._ending.append(key)
        elif kind in _BY_EIDAS:
            person_id = self._by_eidas(at, BE)
            key = self._key(at + civil.MINUTE, BE, person_id, "fas", Means.EIDAS)
        else:
            person = self._belgian(month, with_itsme=False)
            self._plan_derived_keys(number, person)
            self._give_part(number, person)

    def _give_part(self, number: int, person: SamplePerson) -> None:
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
                self._derived[month, code, means].append(person)

    def _belgian(self, month: int, *, with_itsme: bool) -> SamplePerson:
        at = civil.instant(month, self._rng)
        person_id = self._from_register(at, BE)
        person = SamplePerson(person_id, self._key(at + civil.MINUTE, BE, person_id, "fas", Means.EID))
        if with_itsme:
            self._derive(at + 5 * civil.MINUTE, BE, person, "itsme", Means.ITSME)
        return person

    def _months_of_first_acts(self, plan: ConsentPlan) -> dict[int, list[int]]:
        """Return by month which persons of the plan are registered then: the month before they act."""
        first = list(plan.first_grants)
        for consent in plan.consents:
            if consent.refused is not None:
                first[consent.person] = min(first[consent.person], consent.refused)
        self._reused = range(min(self._consenting, len(first)))
        return _numbers_by_month(
            (number, month - 1) for number, month in enumerate(first) if number not in self._reused
        )

    # --- The Netherlands --------------------------------------------------------------------------------------------

    def _dutch(self, month: int) -> None:
        number, at = self._number, civil.instant(month, self._rng)
        self._number += 1
        kind = number % 20
        if kind == 0 and number % 5 == 0:
            self._key(at + civil.MINUTE, NL, self._by_eidas(at, NL), "digid", Means.EIDAS)
            return
        if kind in (1, 2):
            person_id = self._from_register(at, NL)
            person = SamplePerson(person_id, self._key(at + civil.MINUTE, NL, person_id, "digid", Means.EID))
            if month in _DUTCH_IN:
                self._derive(at + 5 * civil.MINUTE, NL, person, "digid", Means.MOBILE_APP)
        else:
            person_id = self._at_desk(at, NL)
            means = Means.SMS if number % 3 == 0 else Means.PASSWORD
            person = SamplePerson(person_id, self._key(at + civil.MINUTE, NL, person_id, "digid", means))
            if kind in (3, 4, 5):
                self._key(at + 5 * civil.MINUTE, NL, person_id, "digid", Means.MOBILE_APP)
        self._new_dutch.append(person)

    # --- Persons and keys -------------------------------------------------------------------------------------------

    def _from_register(self, at: int, jurisdiction: Jurisdiction) -> str:
        person_id = self._world.id()
        self._add(
            at,
            RegisterPersonFromNationalRegister,
            PLATFORM,
            person_id=person_id,
            jurisdiction=jurisdiction,
            national_number=self._world.numbers.national(jurisdiction),
        )
        return person_id

    def _at_desk(self, at: int, jurisdiction: Jurisdiction) -> str:
        world, person_id = self._world, self._world.id()
        authority = self._rng.choice(world.authorities[jurisdiction])
        self._add(
            at,
            RegisterPersonByRegistrationAuthority,
            authority.id,
            person_id=person_id,
            jurisdiction=jurisdiction,
            national_number=world.numbers.national(jurisdiction, bis=jurisdiction is BE),
            office_id=f"desk-{self._rng.randint(1, 4)}",
            officer_id=f"officer-{self._rng.randint(1, 12)}",
        )
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

    def _key(
        self,
        at: int,
        jurisdiction: Jurisdiction,
        person_id: str,
        code: str,
        means: Means,
        *,
        session_id: str = "",
        ends_in: int | None = None,
    ) -> SampleKey:
        """Register and activate a key; `ends_in` is the month at whose beginning its validity is over."""
        world = self._world
        key = SampleKey(world.id(), person_id, world.key_providers[code], means, _LEVELS[means])
        until = civil.as_datetime(civil.start(ends_in)) if ends_in is not None else None
        self._add(
            at,
            RegisterKey,
            key.provider_id,
            key_id=key.id,
            person_id=person_id,
            means=means,
            level=key.level,
            valid_until=until,
        )
        self._add(at + civil.MINUTE, ActivateKey, key.provider_id, key_id=key.id, session_id=session_id)
        if code == "passe":
            self._later[WITHDRAWN_FROM + 1].append(key)
        elif code == "sleutel" and civil.month_of(at) == _SLEUTEL_EARLY:
            self._suspended_provider.append(key)
        else:
            world.arrives(world.keys[jurisdiction, means], key)
        return key

    def _derive(self, at: int, jurisdiction: Jurisdiction, person: SamplePerson, code: str, means: Means) -> None:
        """Give a person a key on the strength of a session with the eID."""
        world = self._world
        service = world.services[jurisdiction, Audience.CITIZEN][0]
        session_id = world.open_session(at, person.key, service, jurisdiction)
        self._key(at + civil.MINUTE, jurisdiction, person.id, code, means, session_id=session_id)

    def _end_keys(self, month: int) -> None:
        world, rng = self._world, self._rng
        tokens = world.keys[BE, Means.TOKEN]
        if month == _TOKENS_END - 1:
            for key in self._ending:
                tokens.remove(key)
                at = civil.start(_TOKENS_END) + civil.HOUR
                self._add(at, ExpireKey, PLATFORM, key_id=key.id)
                self._later[_TOKENS_END + 1].append(key)
        if month == _SUSPENSION:
            for key in [tokens.pop() for _ in range(len(tokens) // 10)]:
                self._add(civil.instant(month, rng), SuspendKey, key.provider_id, key_id=key.id)
                self._suspended(key)
        if month == _REVOCATION:
            for key in [tokens.pop() for _ in range(len(tokens) // 10)]:
                self._add(civil.instant(month, rng), RevokeKey, key.provider_id, key_id=key.id)
                self._later[month + 1].append(key)

    def _suspended(self, key: SampleKey) -> None:
        """Resume a suspended key later; nobody authenticates with it in between."""
        at = civil.instant(_RESUMPTION, self._rng)
        self._add(at, ResumeKey, key.provider_id, key_id=key.id)

    def _spread(self, count: int, months: range) -> dict[int, int]:
        shares = {month: count // len(months) for month in months}
        shares[months[0]] += count % len(months)
        return shares


def _numbers_by_month(months: Iterator[tuple[int, int]]) -> dict[int, list[int]]:
    by_month: dict[int, list[int]] = defaultdict(list)
    for number, month in months:
        by_month[month].append(number)
    return by_month
