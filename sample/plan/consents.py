"""The plan of consents to digital post in Belgium: as many as printed at each date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sample import civil
from sample.plan.scale import FINE, scaled, scaled_figure

MAX_PLACES = 3
"""The largest number of providers at which one person consents."""

_USERS_2020_11 = 1_130_000
_USERS_2022_06 = 2_716_000
_CONSENTS_2022_06 = 3_712_000
_FIRST = civil.month(2019, 3)
_NOV_2020 = civil.month(2020, 11)
_NOV_2021 = civil.month(2021, 11)
_LAST = civil.month(2022, 6)


@dataclass(slots=True, kw_only=True)
class PlannedConsent:
    """One person at their first, second or third provider: granted in a month, perhaps withdrawn, and granted again."""

    person: int
    place: int
    granted: int
    refused: int | None = None
    withdrawn: int | None = None
    again: int | None = None
    by_mandatary: bool = False


@dataclass(slots=True, kw_only=True)
class ConsentPlan:
    """`refusers` are the months in which persons refuse who never consent; `leavers` withdraw their only consent."""

    consents: list[PlannedConsent] = field(default_factory=list)
    leavers: list[PlannedConsent] = field(default_factory=list)
    refusers: list[int] = field(default_factory=list)
    first_grants: list[int] = field(default_factory=list)
    """By person, the month of their first grant."""

    def active(self, month: int) -> int:
        """Count the consents in force at the end of a month."""
        return sum(is_active(consent, month) for consent in (*self.consents, *self.leavers))

    def users(self, month: int) -> int:
        """Count the persons with a consent in force at the end of a month."""
        return len({consent.person for consent in (*self.consents, *self.leavers) if is_active(consent, month)})


def is_active(consent: PlannedConsent, month: int) -> bool:
    if consent.again is not None and consent.again <= month:
        return True
    return consent.granted <= month and (consent.withdrawn is None or consent.withdrawn > month)


def consent_plan(scale: Fraction) -> ConsentPlan:
    plan = ConsentPlan()
    users_2020 = scaled(_USERS_2020_11, FINE, scale)
    consents_2020 = scaled_figure("be.ebox.active_consents.2020-11", FINE, scale)
    users_2021 = scaled_figure("be.ebox.unique_users.2021-11", FINE, scale)
    consents_2021 = scaled_figure("be.ebox.active_consents.2021-11", FINE, scale)
    users_2022 = scaled(_USERS_2022_06, FINE, scale)
    consents_2022 = scaled(_CONSENTS_2022_06, FINE, scale)

    _grow(plan, range(_FIRST, _NOV_2020 + 1), users_2020, consents_2020)
    _try_again(plan.consents[: scaled(15_000, FINE, scale)])
    _withdraw(plan, range(_NOV_2020 + 1, _NOV_2021 - 2), scaled(55_000, FINE, scale), scaled(20_000, FINE, scale))
    _grow(plan, range(_NOV_2020 + 1, _NOV_2021 + 1), users_2021, consents_2021)
    _withdraw(plan, range(_NOV_2021 + 1, _LAST - 1), scaled(40_000, FINE, scale), 0)
    _grow(plan, range(_NOV_2021 + 1, _LAST + 1), users_2022, consents_2022)
    _refuse(plan, scale)
    _leave(plan, scaled(30_000, FINE, scale))
    late = [consent for consent in plan.consents if consent.granted > _NOV_2021 + 1]
    for consent in late[: scaled(12_000, FINE, scale)]:
        consent.by_mandatary = True
    return plan


def _grow(plan: ConsentPlan, months: range, users: int, consents: int) -> None:
    """Add grants in some months, so that at their end there are so many users and consents in force."""
    new_users = users - len(plan.first_grants)
    for place in range(new_users):
        granted = _month(months, place, new_users)
        plan.consents.append(PlannedConsent(person=len(plan.first_grants), place=0, granted=granted))
        plan.first_grants.append(granted)
    missing = consents - plan.active(months[-1])
    open_places = _open_places(plan)
    for number in range(missing):
        person, place = open_places[number]
        granted = max(_month(months, number, missing), plan.first_grants[person])
        plan.consents.append(PlannedConsent(person=person, place=place, granted=granted))


def _month(months: Sequence[int], place: int, of: int) -> int:
    """Spread over months so that later ones get more: the square root makes growth rise evenly."""
    return months[min(len(months) - 1, int(len(months) * ((place + 1) / of) ** 0.6 - 1e-9))]


def _open_places(plan: ConsentPlan) -> list[tuple[int, int]]:
    """Return the persons who can consent at one more provider, those with the fewest first, of them the earliest."""
    taken: dict[int, int] = {}
    for consent in plan.consents:
        taken[consent.person] = max(taken.get(consent.person, 0), consent.place + 1)
    persons = sorted(taken, key=lambda person: (taken[person], plan.first_grants[person], person))
    return [(person, taken[person]) for person in persons if taken[person] < MAX_PLACES]


def _try_again(consents: Sequence[PlannedConsent]) -> None:
    for consent in consents:
        if consent.granted + 4 <= _NOV_2020:
            consent.withdrawn, consent.again = consent.granted + 2, consent.granted + 4


def _withdraw(plan: ConsentPlan, months: range, count: int, again: int) -> None:
    """Withdraw consents of persons who keep another one; the first of them are granted again two months later."""
    candidates = [consent for consent in plan.consents if consent.place > 0 and consent.withdrawn is None][:count]
    for number, consent in enumerate(candidates):
        consent.withdrawn = months[number % len(months)]
        if number < again:
            consent.again = consent.withdrawn + 2


def _refuse(plan: ConsentPlan, scale: Fraction) -> None:
    never = scaled(90_000, FINE, scale)
    plan.refusers = [_month(range(_FIRST, _LAST + 1), number, never) for number in range(never)]
    lasting = [consent for consent in plan.consents if consent.place == 0 and consent.withdrawn is None]
    later = [consent for consent in lasting if consent.granted > _NOV_2020]
    for consent in later[: scaled(25_000, FINE, scale)]:
        consent.refused = consent.granted - 1


def _leave(plan: ConsentPlan, count: int) -> None:
    """Persons beside all others, who grant once and withdraw before the next printed date."""
    months = range(_NOV_2020 + 1, _NOV_2021 - 3)
    for number in range(count):
        granted = months[number % len(months)]
        person = len(plan.first_grants)
        plan.leavers.append(PlannedConsent(person=person, place=0, granted=granted, withdrawn=granted + 3))
        plan.first_grants.append(granted)
