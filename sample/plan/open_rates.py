"""How many messages each type of organisation sent in a year, and how many were opened within 3 and 6 weeks.

The percentages of every row and of the subtotal are those printed. A printed total is met where the rows allow it at
all; where it is a misprint, the total says what the rows add up to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

from domain.organisations.values import OrganisationType
from sample import published
from sample.arithmetic import apportion, fewest, most, percent_of
from sample.plan.scale import FINE, before_growth, scaled

_LATER_PCT = 4
_ALL_MESSAGES = 82_050_000
"""Printed as more than 82 million, senders outside government included."""

_OUTSIDE_PCT = {2017: {3: 55, 6: 61}, 2018: {3: 57, 6: 63}}
"""Not printed: the table leaves senders outside government out."""

Counts = dict[OrganisationType, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCohort:
    """The messages of one type of organisation in one year; the openings within 6 weeks include those within 3."""

    messages: int
    within_3: int
    within_6: int
    later: int


def cohorts(year: int, scale: Fraction) -> dict[OrganisationType, PlannedCohort]:
    """Return the rows of the table at scale."""
    messages = _messages(year, scale)
    within = {weeks: _opened(year, weeks, messages) for weeks in published.WINDOWS_WEEKS}
    return {kind: _cohort(messages[kind], within[3][kind], max(within[3][kind], within[6][kind])) for kind in messages}


def all_cohorts(year: int, scale: Fraction) -> dict[OrganisationType, PlannedCohort]:
    """Return the rows of the table at scale, and pension funds, which stand outside it."""
    return {**cohorts(year, scale), OrganisationType.PENSION_FUND: outside_government(year, scale)}


def outside_government(year: int, scale: Fraction) -> PlannedCohort:
    total = scaled(_ALL_MESSAGES, FINE, scale)
    if year != published.YEARS[-1]:
        total = before_growth(total, "nl.berichtenbox.messages.2018")
    messages = max(0, total - scaled(published.OPEN_RATE_TOTAL.messages[year], FINE, scale))
    within = {weeks: percent_of(messages, pct) for weeks, pct in _OUTSIDE_PCT[year].items()}
    return _cohort(messages, within[3], within[6])


def _cohort(messages: int, within_3: int, within_6: int) -> PlannedCohort:
    later = min(percent_of(messages, _LATER_PCT), messages - within_6)
    return PlannedCohort(messages=messages, within_3=within_3, within_6=within_6, later=later)


def _messages(year: int, scale: Fraction) -> Counts:
    rows = published.OPEN_RATES
    total = scaled(published.OPEN_RATE_TOTAL.messages[year], FINE, scale)
    return dict(zip(rows, apportion(total, [row.messages[year] for row in rows.values()]), strict=True))


def _opened(year: int, weeks: int, messages: Counts) -> Counts:
    printed = {kind: row.percent(year, weeks) for kind, row in published.OPEN_RATES.items()}
    opened = {kind: percent_of(messages[kind], pct) for kind, pct in printed.items()}
    room = {kind: max(0, most(pct, messages[kind]) - opened[kind]) for kind, pct in printed.items()}
    small = [kind for kind in printed if kind not in published.APART]

    whole = sum(messages[kind] for kind in small)
    subtotal_pct = published.OPEN_RATE_SUBTOTAL.percent(year, weeks)
    _raise(opened, room, small, fewest(subtotal_pct, whole) - _sum(opened, small))

    room_below_subtotal = most(subtotal_pct, whole) - _sum(opened, small)
    missing = fewest(published.OPEN_RATE_TOTAL.percent(year, weeks), sum(messages.values())) - sum(opened.values())
    if missing <= _sum(room, published.APART) + min(room_below_subtotal, _sum(room, small)):
        missing -= _raise(opened, room, published.APART, missing)
        _raise(opened, room, small, missing)
    return opened


def _raise(opened: Counts, room: Counts, kinds: Collection[OrganisationType], missing: int) -> int:
    """Add up to `missing` openings to the given rows as far as their own percentages allow; return how many."""
    left = max(0, missing)
    for kind in kinds:
        added = min(left, room[kind])
        opened[kind] += added
        room[kind] -= added
        left -= added
    return max(0, missing) - left


def _sum(counts: Mapping[OrganisationType, int], kinds: Collection[OrganisationType]) -> int:
    return sum(counts[kind] for kind in kinds)
