"""The months of the sample history and the instants in them, in milliseconds since 1970, by civil time."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from random import Random

from projections.words import CIVIL_TIME

FIRST_YEAR = 2014
LAST_MONTH = (2022, 6)
MONTHS = (LAST_MONTH[0] - FIRST_YEAR) * 12 + LAST_MONTH[1]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_OPENS, _CLOSES = 7 * HOUR, 22 * HOUR
_FRIDAY = 4
_WEEKDAY_WEIGHT = 4
"""How much busier a working day is than a day of the weekend."""


def month(year: int, number: int) -> int:
    """Return the place of a month in the sample history, from 0; `number` may run on past 12."""
    return (year - FIRST_YEAR) * 12 + number - 1


def months(first: tuple[int, int], last: tuple[int, int]) -> range:
    return range(month(*first), month(*last) + 1)


def year(number: int) -> range:
    """Return the months of a year, as far as the history has them."""
    return range(month(number, 1), min(month(number, 12) + 1, MONTHS))


def year_and_month(place: int) -> tuple[int, int]:
    return FIRST_YEAR + place // 12, place % 12 + 1


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CIVIL_TIME).timestamp()) * SECOND


def _days(place: int) -> tuple[int, ...]:
    day, last = date(*year_and_month(place), 1), date(*year_and_month(place + 1), 1)
    days: list[int] = []
    while day < last:
        days += [_midnight(day)] * (_WEEKDAY_WEIGHT if day.weekday() <= _FRIDAY else 1)
        day += timedelta(days=1)
    return tuple(days)


_DAYS = tuple(_days(place) for place in range(MONTHS))
_STARTS = tuple(_midnight(date(*year_and_month(place), 1)) for place in range(MONTHS + 1))
END = _STARTS[-1]
"""The first instant after the sample history."""


def instant(place: int, rng: Random) -> int:
    """Return an instant of a month, by day; more often on a working day."""
    days = _DAYS[place]
    return days[int(rng.random() * len(days))] + _OPENS + int(rng.random() * (_CLOSES - _OPENS))


def month_of(at: int) -> int:
    return bisect_right(_STARTS, at) - 1


def as_datetime(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC)


def as_date(at: int) -> date:
    return as_datetime(at).astimezone(CIVIL_TIME).date()


def start(place: int) -> int:
    """Return the first instant of a month."""
    return _STARTS[place]
