"""Instants and days as they are written: one dialect of RFC 3339 at every door, and the years that can be right."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from domain.kernel.refusals import MalformedValue
from domain.kernel.vocabulary import CaribbeanIsland

D = TypeVar("D", date, datetime)

YEARS = range(1900, 9999)
"""No year in which a time zone or a sum of days could leave the calendar of Python or of PostgreSQL."""

CIVIL_TIME = ZoneInfo("Europe/Brussels")
"""Belgium and the Netherlands keep the same civil time; a day in law is a day in it."""

CARIBBEAN_TIME = ZoneInfo("America/Kralendijk")
"""The civil time of Bonaire, Saba and Sint Eustatius."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DAY.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})")


def read_instant(text: object) -> datetime:
    """Return an instant, in UTC, from RFC 3339 with an offset; seconds may be left out.

    Raise MalformedValue for anything else: a number, another dialect of ISO 8601, an instant without an offset.
    """
    sentence = "An instant is written as RFC 3339 has it, with its offset: 2026-01-31T12:00:00+01:00."
    instant = _read(text, _INSTANT, datetime.fromisoformat, sentence).astimezone(UTC)
    check_year(instant)
    return instant


def read_day(text: object) -> date:
    """Return a day from RFC 3339's full-date; raise MalformedValue for anything else."""
    return _read(text, _DAY, date.fromisoformat, "A day is written as RFC 3339 has it: 2026-01-31.")


def _read(text: object, form: re.Pattern[str], read: Callable[[str], D], sentence: str) -> D:
    try:
        day = read(text if isinstance(text, str) and form.fullmatch(text) else "")
    except ValueError as error:
        raise MalformedValue("not-rfc3339", sentence) from error
    check_year(day)
    return day


def check_year(day: date) -> None:
    """Refuse a year that no instant or day of this platform can have."""
    if day.year not in YEARS:
        sentence = f"The year is not one that can be right: {YEARS.start} to {YEARS.stop - 1}."
        raise MalformedValue("out-of-range", sentence)


def civil_day(instant: datetime, zone: tzinfo = CIVIL_TIME) -> date:
    """Return the day of an instant in civil time."""
    return instant.astimezone(zone).date()


def civil_time_of(island: CaribbeanIsland | None) -> tzinfo:
    """Return the civil time of a place: of an island of the Caribbean Netherlands, or of Europe."""
    return CIVIL_TIME if island is None else CARIBBEAN_TIME
