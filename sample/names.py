"""Names of organisations and services, in the languages in which they would have one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from domain.kernel import Audience, Jurisdiction
from domain.organisations.values import Names, OrganisationType
from sample.chance import Chance
from sample.invented import INVENTED

_SUBJECT_KINDS = frozenset({OrganisationType.NATIONAL_ORGANISATION, OrganisationType.SOCIAL_SECURITY_INSTITUTION})
_WALLOON_SHARE = 0.3


class Namer:
    """Gives organisations and services names; no two organisations of a kind and country share one."""

    def __init__(self, rng: Chance) -> None:
        self._rng = rng
        self._given: set[tuple[Jurisdiction, OrganisationType, str]] = set()

    def organisation(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> Names:
        place = self._place(kind, jurisdiction)
        number = next(number for number in count(1) if (jurisdiction, kind, f"{place}{number}") not in self._given)
        self._given.add((jurisdiction, kind, f"{place}{number}"))
        numbered = place if number == 1 else f"{place} {_roman(number)}"
        subject = self._rng.choice(INVENTED.subjects) if kind in _SUBJECT_KINDS else None
        parts = [f"{word} {numbered}" for word in subject] if subject else [numbered] * 4
        nl, fr, de, en = (name.format(part) for name, part in zip(INVENTED.organisations[kind], parts, strict=True))
        return in_four((nl, "", "", en) if jurisdiction is Jurisdiction.NL else (nl, fr, de, en))

    def service(self, audience: Audience, owner: Names, number: int) -> Names:
        """Return the name of a service, in the languages in which its owner has one."""
        offered = INVENTED.services[audience]
        words, names = offered[number % len(offered)], (owner.nl, owner.fr, owner.de, owner.en)
        return in_four([f"{word} - {name}" if name else "" for word, name in zip(words, names, strict=True)])

    def _place(self, kind: OrganisationType, jurisdiction: Jurisdiction) -> str:
        if "{}" not in INVENTED.organisations[kind][0]:
            return ""
        towns, rng = INVENTED.towns, self._rng
        if jurisdiction is Jurisdiction.BE and rng.random() < _WALLOON_SHARE:
            return rng.choice(towns.walloon)
        return rng.choice(towns.beginnings) + rng.choice(towns.endings)


def _roman(number: int) -> str:
    """Write a small number in Roman numerals, as parishes and districts are numbered."""
    written = ""
    for value, letters in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        written += letters * (number // value)
        number %= value
    return written


def in_four(words: Sequence[str]) -> Names:
    """Return the name in nl, fr, de and en."""
    nl, fr, de, en = words
    return Names(nl=nl, fr=fr, de=de, en=en)


def same(name: str) -> Names:
    """Return a name that is the same in every language."""
    return in_four((name,) * 4)
