"""How often services are used: authentications, and accesses by single sign-on, by month and target group.

From November 2014 to October 2017 the uses are those that give the printed index; the authentications of 2016 are a
part of them. Afterwards the printed number of authentications leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from domain.kernel import Audience
from sample import civil, published
from sample.arithmetic import apportion, half_up, percent_of, rising
from sample.plan.scale import COARSE, figure_year_before, scaled, scaled_figure

_PERIODS = 18
"""Two-month periods from November/December 2014 to September/October 2017."""

_FIRST_PERIOD = civil.month(2014, 11)
_WAVE = (0, 1, -1, 2, -2, 1, 0, -1, 1, 2, -1, 0)
"""How far a period lies beside its trend, in hundredths."""

_SESSION_PCT = 86
"""Outside 2016: the share of uses that began with an authentication."""

_SSO_PCT = 8
_AUDIENCE_WEIGHTS = {Audience.CITIZEN: 72, Audience.COMPANY: 15, Audience.GOVERNMENT: 13}
_OTHER_YEARS = {2018: 59_000_000, 2019: 89_000_000, 2022: 149_000_000}
"""Years between the printed ones, 2022 up to June."""

_LATE_2017 = 7_600_000
_DUTCH_CITIZENS = (21_000_000, 280_000_000)
"""Their authentications in the last two months of 2016 and in 2017."""

_ONE_BY_APP_OF = 50
"""Before 2018, one authentication of so many is by app."""

_YEAR_RISE = 3
"""How much each month weighs more than the one before, in hundredths of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """The uses of services of one target group in one month: sessions opened, and services reached within them."""

    authentications: int
    accesses: int


Month = dict[Audience, Uses]


def belgian_uses(scale: Fraction) -> dict[int, Month]:
    """Return the uses of each month by target group."""
    return dict(_up_to_index(scale)) | dict(_after_index(scale))


def _growth(printed: Fraction) -> Fraction:
    """Return the growth of use that gives a printed index: the simplest fraction whose hundredfold rounds to it."""
    for denominator in range(1, 10_000):
        grown = half_up(printed * denominator / 100)
        if half_up(Fraction(10_000 * grown, denominator)) == half_up(100 * printed):
            return Fraction(grown, denominator)
    raise AssertionError("every index of two decimals has a fraction of ten thousandths")


def _up_to_index(scale: Fraction) -> Iterator[tuple[int, Month]]:
    uses = {audience: _trend(audience, scale) for audience in Audience}
    sessions = _sessions(uses, scale)
    for period in range(_PERIODS):
        # The second month of two has the odd one.
        for half in range(2):
            month: Month = {}
            for audience in Audience:
                opened, used = ((counts[audience][period] + half) // 2 for counts in (sessions, uses))
                month[audience] = Uses(authentications=opened, accesses=used - opened)
            yield _FIRST_PERIOD + 2 * period + half, month


def _trend(audience: Audience, scale: Fraction) -> list[int]:
    """Return the uses of each period: exact at both ends, rising evenly between with small waves."""
    fraction = _growth(Fraction(published.index_values()[audience]))
    about = {Audience.CITIZEN: 300, Audience.COMPANY: 66, Audience.GOVERNMENT: 75}[audience]
    times = max(1, half_up(about * scale / fraction.denominator))
    first, last = fraction.denominator * times, fraction.numerator * times
    steps = _PERIODS - 1
    between = [
        half_up((first + Fraction((last - first) * step, steps)) * (100 + _WAVE[step % len(_WAVE)]) / 100)
        for step in range(1, steps)
    ]
    return [first, *between, last]


def _sessions(uses: dict[Audience, list[int]], scale: Fraction) -> dict[Audience, list[int]]:
    sessions = {audience: [percent_of(count, _SESSION_PCT) for count in counts] for audience, counts in uses.items()}
    first = (civil.month(2016, 1) - _FIRST_PERIOD) // 2
    cells = [(audience, period) for audience in Audience for period in range(first, first + 6)]
    total = scaled_figure("be.fas.authentications.2016", COARSE, scale)
    shares = apportion(total, [uses[audience][period] for audience, period in cells])
    for (audience, period), share in zip(cells, shares, strict=True):
        sessions[audience][period] = share
    return sessions


def _after_index(scale: Fraction) -> Iterator[tuple[int, Month]]:
    totals = {
        civil.months((2017, 11), (2017, 12)): scaled(_LATE_2017, COARSE, scale),
        **{civil.year(year): scaled(count, COARSE, scale) for year, count in _OTHER_YEARS.items()},
        civil.year(2020): figure_year_before("be.fas.authentications.2021", COARSE, scale),
        civil.year(2021): scaled_figure("be.fas.authentications.2021", COARSE, scale),
    }
    for months, total in totals.items():
        for month, count in rising(total, months, _YEAR_RISE).items():
            yield month, _by_audience(count)


def _by_audience(count: int) -> Month:
    shares = apportion(count, list(_AUDIENCE_WEIGHTS.values()))
    return {
        audience: Uses(authentications=share, accesses=percent_of(share, _SSO_PCT))
        for audience, share in zip(_AUDIENCE_WEIGHTS, shares, strict=True)
    }


@dataclass(frozen=True, slots=True)
class DutchMonth:
    """Authentications of one month in the Netherlands: those by app are a part of those of citizens."""

    citizens: int
    by_app: int
    companies: int


def dutch_authentications(scale: Fraction) -> dict[int, DutchMonth]:
    companies = "nl.eherkenning.authentications.2018"
    in_2016, in_2017 = (scaled(count, COARSE, scale) for count in _DUTCH_CITIZENS)
    in_2018 = scaled_figure("nl.digid.authentications.2018", COARSE, scale)
    by_app = scaled_figure("nl.digid.app_authentications.2018", COARSE, scale)
    by_month: dict[int, DutchMonth] = {}
    for months, *totals in (
        (civil.months((2016, 11), (2016, 12)), in_2016, in_2016 // _ONE_BY_APP_OF, 0),
        (civil.year(2017), in_2017, in_2017 // _ONE_BY_APP_OF, figure_year_before(companies, COARSE, scale)),
        (civil.year(2018), in_2018, by_app, scaled_figure(companies, COARSE, scale)),
    ):
        shares = [apportion(total, [1] * len(months)) for total in totals]
        for month, *counts in zip(months, *shares, strict=True):
            by_month[month] = DutchMonth(*counts)
    return by_month
