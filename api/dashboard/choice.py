"""The choices of a visitor: language, country, period and filters, read from the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from api.dashboard.localiser import Localiser
from api.web.negotiation import weights
from domain.kernel import Jurisdiction
from projections.figures.period import MONTHS_OF_HALF_YEAR, MONTHS_OF_YEAR, Period
from projections.figures.translations import Language
from projections.open_rates import OpenRateFilter

E = TypeVar("E", Language, Jurisdiction)
DEFAULT_LANGUAGE = Language.EN

FILTERS = ("outsideGovernment", "notificationOnly", "notTakenIntoUse")
FILTERED = "filtered"
"""Present where a form set the filters: a box that is not ticked sends nothing."""


class PageNotFound(Exception):  # noqa: N818 - the answer's own name
    """The address names a page that does not exist."""


def accepted_language(header: str) -> Language:
    """Choose among the four by an Accept-Language header (RFC 9110, 12.5.4); English if the header names none."""
    ranges = ((weight, name.split("-")[0]) for name, weight in weights(header).items())
    accepted = [(weight, Language(name)) for weight, name in ranges if name in tuple(Language)]
    # Among equal weights `max` takes the first, as the header lists them.
    weight, language = max(accepted, key=lambda choice: choice[0], default=(0.0, DEFAULT_LANGUAGE))
    return language if weight > 0 else DEFAULT_LANGUAGE


def one_named(kind: type[E], text: str) -> E:
    """Return the member of an enumeration with a value; raise PageNotFound if there is none."""
    try:
        return kind(text)
    except ValueError:
        raise PageNotFound from None


def filter_named(query: Mapping[str, str]) -> OpenRateFilter:
    if FILTERED not in query:
        return OpenRateFilter()
    outside, notifications, not_in_use = (name in query for name in FILTERS)
    return OpenRateFilter(outside_government=outside, notification_only=notifications, not_taken_into_use=not_in_use)


def filter_query(applied: OpenRateFilter) -> tuple[tuple[str, str], ...]:
    """Write filters as parameters of an address; none for the default filters."""
    if applied == OpenRateFilter():
        return ()
    ticked = (applied.outside_government, applied.notification_only, applied.not_taken_into_use)
    return ((FILTERED, "1"), *((name, "1") for name, on in zip(FILTERS, ticked, strict=True) if on))


def latest_period(months: Sequence[str], now: datetime) -> Period | None:
    """Return the last year or half year that is over and has data; else the last month that has."""
    for month in reversed(months):
        year, number = (int(part) for part in month.split("-"))
        half = Period(year, 1 if number <= MONTHS_OF_HALF_YEAR else MONTHS_OF_HALF_YEAR + 1, MONTHS_OF_HALF_YEAR)
        if half.is_over(now):
            return half if half.month == 1 else Period(year, 1, MONTHS_OF_YEAR)
    return Period.parse(months[-1]) if months else None


def years(months: Sequence[str], chosen: Period | None) -> list[int]:
    """Return the years to choose from, the latest first."""
    known = {int(month[:4]) for month in months} | ({chosen.year} if chosen else set())
    return sorted(known, reverse=True)


def parts(months: Sequence[str], chosen: Period, localiser: Localiser) -> list[tuple[str, str]]:
    """Return the parts of a year to choose from, each as it stands in an address, and its name.

    Only those are offered that have data in one of the years, and the one that is chosen.
    """
    known = {int(month[5:]) for month in months} | {int(month[5:]) for month in chosen.months}
    halves = [(f"H{half}", localiser.text(f"half.{half}")) for half in sorted({(month + 5) // 6 for month in known})]
    offered = [(f"{month:02d}", localiser.month_name(month)) for month in sorted(known)]
    return [("", localiser.text("whole_year")), *halves, *offered]
