"""The words of rules: what a rule may call besides its argument, constants and helpers of this package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

# Belgium and the Netherlands keep the same civil time; every period of a figure is cut in it.
CIVIL_TIME = ZoneInfo("Europe/Brussels")


@lru_cache(maxsize=1_000)
def civil_month(instant: datetime, zone: tzinfo = CIVIL_TIME) -> str:
    """Return the month of an instant in civil time, as `2021-11`. Several rules ask for that of one event."""
    local = instant.astimezone(zone)
    return f"{local.year:04d}-{local.month:02d}"


def civil_day(instant: datetime) -> date:
    """Return the day of an instant in civil time."""
    return instant.astimezone(CIVIL_TIME).date()


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return each text once, in the order in which they first come."""
    return tuple(dict.fromkeys(texts))


def first(texts: Sequence[str]) -> str:
    """Return the first of some texts, an empty one where there is none."""
    return texts[0] if texts else ""
