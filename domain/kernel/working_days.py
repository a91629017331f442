"""Working days: Monday to Friday, public holidays left out, in the civil time of a territory."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from domain.kernel.instants import CIVIL_TIME

_DAY = timedelta(days=1)
_SATURDAY = 5

MAX_DAYS_OFF = 31
"""The most days in a row that are no working days; no calendar has as many."""


def working_day_after(day: date, number: int, holidays: Container[date]) -> date:
    """Return the working day with this number, from 1, after a day, which is not counted itself."""
    left, days_off = number, 0
    while left > 0:
        day += _DAY
        is_off = day.weekday() >= _SATURDAY or day in holidays
        days_off = days_off + 1 if is_off else 0
        if days_off > MAX_DAYS_OFF:
            raise ValueError(f"no working day in the {MAX_DAYS_OFF} days until {day}")
        left -= 0 if is_off else 1
    return day


def end_of_day(day: date, zone: tzinfo = CIVIL_TIME) -> datetime:
    """Return the instant, in UTC, at which a day ends in civil time."""
    return datetime.combine(day + _DAY, time(), zone).astimezone(UTC)
