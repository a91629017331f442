"""Public holidays of the territories that the platform serves, as their laws have them.

Sources: Belgium: the ten legal holidays of the Royal Decree of 18 April 1974, article 1. The Netherlands: Algemene
termijnenwet, article 3, which has 5 May each year, and Good Friday as well. Bonaire, Saba and Sint Eustatius:
Arbeidsregeling 2000. The days themselves come from the library `holidays`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, date
from functools import lru_cache
from typing import NamedTuple

from holidays import OPTIONAL, PUBLIC, country_holidays

from domain.kernel import CaribbeanIsland, Jurisdiction

MAX_YEARS_KEPT = 64
"""The most pairs of a territory and a year whose holidays are kept in memory."""


class _Calendar(NamedTuple):
    """A calendar of the library. Of `optional` holidays, all are days off by law."""

    country: str
    subdivision: str | None = None
    categories: Sequence[str] = (PUBLIC,)


_CALENDARS: Mapping[Jurisdiction | CaribbeanIsland, _Calendar] = {
    Jurisdiction.BE: _Calendar("BE"),
    Jurisdiction.NL: _Calendar("NL", categories=(PUBLIC, OPTIONAL)),
    CaribbeanIsland.BONAIRE: _Calendar("BQ", "BON"),
    CaribbeanIsland.SABA: _Calendar("BQ", "SAB"),
    CaribbeanIsland.SINT_EUSTATIUS: _Calendar("BQ", "STA"),
}


def public_holidays_from(day: date, territory: Jurisdiction | CaribbeanIsland) -> frozenset[date]:
    """Return the public holidays of the year of a day and of the next year."""
    return _of_year(territory, day.year) | _of_year(territory, min(day.year + 1, MAXYEAR))


@lru_cache(maxsize=MAX_YEARS_KEPT)
def _of_year(territory: Jurisdiction | CaribbeanIsland, year: int) -> frozenset[date]:
    calendar = _CALENDARS[territory]
    return frozenset(
        country_holidays(calendar.country, subdiv=calendar.subdivision, years=year, categories=calendar.categories)
    )
