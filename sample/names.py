"""Names of organisations and services, in the languages in which they would have one."""

from __future__ import annotations

from random import Random

from domain.kernel import Audience, Jurisdiction
from domain.organisations.values import Names, OrganisationType
from sample.invented import INVENTED

_SUBJECT_KINDS = frozenset({OrganisationType.NATIONAL_ORGANISATION, OrganisationType.SOCIAL_SECURITY_INSTITUTION})


class Namer:
    """Gives organisations and services names; no two organisations of a kind and country share one."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[tuple[Jurisdiction, OrganisationType, str]] = set()

    def organisation(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> Names:
        place = self._place(kind, jurisdiction)
        number = 1
        while (jurisdiction, kind, f"{place}{number}") in self._given:
            number += 1
        self._given.add((jurisdiction, kind, f"{place}{number}"))
        numbered = place if number == 1 else f"{place} {_roman(number)}"
        if kind in _SUBJECT_KINDS:
            subject = self._rng.choice(INVENTED.subjects)
            parts = [f"{word} {numbered}" for word in subject]
        else:
            parts = [numbered] * 4
        nl, fr, de, en = (
            pattern.format(part) for pattern, part in zip(INVENTED.organisations[kind], parts, strict=True)
        )
        if jurisdiction is Jurisdiction.NL:
            return Names(nl=nl, en=en)
        return Names(nl=nl, fr=fr, de=de, en=en)

    def service(self, audience: Audience, owner: Names, number: int) -> Names:
        offered = INVENTED.services[audience]
        nl, fr, de, en = offered[number % len(offered)]
        return Names(
            nl=f"{nl} - {owner.nl}",
            fr=f"{fr} - {owner.fr}" if owner.fr else "",
            de=f"{de} - {owner.de}" if owner.de else "",
            en=f"{en} - {owner.en}",
        )

    def _place(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> str:
        if "{}" not in INVENTED.organisations[kind][0]:
            return ""
        walloon = jurisdiction is Jurisdiction.BE and self._rng.random() < 0.3  # noqa: PLR2004 - about a third
        if walloon:
            return self._rng.choice(INVENTED.towns.walloon)
        return self._rng.choice(INVENTED.towns.beginnings) + self._rng.choice(INVENTED.towns.endings)


def _roman(number: int) -> str:
    """Write a small number in Roman numerals, as parishes and districts are numbered."""
    numerals = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    written = ""
    for value, letters in numerals:
        written += letters * (number // value)
        number %= value
    return written


def same(name: str) -> Names:
    """Return a name that is the same in every language."""
    return Names(nl=name, fr=name, de=name, en=name)
