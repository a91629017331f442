"""The words of rules: functions that a rule may call beside the helpers of this package."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.kernel import working_days

# Belgium and the Netherlands keep the same civil time; every period of a figure is cut in it.
CIVIL_TIME = ZoneInfo("Europe/Brussels")


YEARS = range(1970, 2100)
"""In these years the month of an instant is found in a table; before and after them it is computed."""

MAX_ZONES = 16
"""The most zones whose months are kept."""


def civil_month(instant: datetime, zone: tzinfo = CIVIL_TIME) -> str:
    """Return the month of an instant in civil time, as `2021-11`."""
    begins, months = _CIVIL_MONTHS if zone is CIVIL_TIME else _months(zone)
    at = bisect_right(begins, instant.timestamp())
    if 0 < at < len(begins):
        return months[at - 1]
    return _written(instant.astimezone(zone))


@lru_cache(maxsize=MAX_ZONES)
def _months(zone: tzinfo) -> tuple[Sequence[float], Sequence[str]]:
    """Return when the months of a zone begin, in seconds since 1970, and the months."""
    begins = [datetime(year, month, 1, tzinfo=zone) for year in YEARS for month in range(1, 13)]
    return [begin.timestamp() for begin in begins], [_written(begin) for begin in begins]


def _written(local: datetime) -> str:
    return f"{local.year:04d}-{local.month:02d}"


_CIVIL_MONTHS = _months(CIVIL_TIME)


def civil_day(instant: datetime) -> date:
    """Return the day of an instant in civil time."""
    return instant.astimezone(CIVIL_TIME).date()


def end_of_day(day: date) -> datetime:
    """Return the instant at which a day ends in civil time."""
    return working_days.end_of_day(day)


def years_after(instant: datetime, years: int) -> datetime:
    """Return the same day and time of day in UTC so many years later; for 29 February, 1 March where there is none."""
    try:
        return instant.replace(year=instant.year + years)
    except ValueError:
        return instant.replace(year=instant.year + years, month=3, day=1)


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return each text once, in the order in which they first come."""
    return tuple(dict.fromkeys(texts))


def first(texts: Sequence[str]) -> str:
    """Return the first of some texts, an empty one where there is none."""
    return texts[0] if texts else ""
