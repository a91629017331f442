"""The sentences of the page in four languages, and how numbers, percentages and periods are written in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from projections.effects import CIVIL_TIME
from projections.figures import LANGUAGES, Language, Period, Text, Window
from projections.figures.period import MONTHS_OF_HALF_YEAR, MONTHS_OF_YEAR

LOCALES: Mapping[Language, Locale] = {
    "nl": Locale("nl"),
    "fr": Locale("fr"),
    "de": Locale("de"),
    "en": Locale("en", "GB"),
}
NAMES: Mapping[Language, str] = {"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}
DEFAULT: Language = "en"
MOST_WISHES = 20
RANGE = " \N{EN DASH} "

_HALF = (
    Text(
        nl="eerste helft van {year}",
        fr="premier semestre {year}",
        de="erstes Halbjahr {year}",
        en="first half of {year}",
    ),
    Text(
        nl="tweede helft van {year}",
        fr="second semestre {year}",
        de="zweites Halbjahr {year}",
        en="second half of {year}",
    ),
)
_AT_END = Text(nl="op {day}", fr="au {day}", de="am {day}", en="on {day}")


def accepted_language(header: str) -> Language:
    """Choose among the four by an Accept-Language header (RFC 9110, 12.5.4); English where it names none of them."""
    parts = [part.partition(";") for part in header.split(",")[:MOST_WISHES]]
    wishes = [
        (_weight(parameters), language)
        for tag, _, parameters in parts
        for language in LANGUAGES
        if tag.strip().lower().split("-")[0] == language
    ]
    # The first of the most wished for: `max` keeps the order of the header among equals.
    weight, language = max(wishes, key=lambda wish: wish[0], default=(0.0, DEFAULT))
    return language if weight > 0 else DEFAULT


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class Writer:
    """Writes in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = LOCALES[language]

    def text(self, text: Text, **values: str) -> str:
        """Write a sentence with its gaps filled in."""
        return text.in_language(self.language).format(**values)

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale)

    def short_number(self, value: int) -> str:
        """Write a number for an axis: 250K, 1,2M."""
        short = format_compact_decimal(value, locale=self.locale, fraction_digits=1)
        # German has no short form of thousands; the digits then still want their points.
        return self.number(value) if short.isdigit() else short

    def decimal(self, value: Decimal) -> str:
        """Write a rounded value with all the digits that it has."""
        digits = max(0, -int(value.as_tuple().exponent))
        return format_decimal(value, format="#,##0" + ("." + "0" * digits if digits else ""), locale=self.locale)

    def percent(self, value: Decimal, *, signed: bool = False) -> str:
        """Write whole percents; `signed` puts a plus before growth."""
        written = format_percent(value / 100, locale=self.locale)
        return f"+{written}" if signed and value > 0 else written

    def points(self, value: Decimal) -> str:
        """Write a difference in percentage points, with its sign."""
        return f"+{self.decimal(value)}" if value > 0 else self.decimal(value)

    def day(self, at: datetime) -> str:
        return format_date(at.astimezone(CIVIL_TIME).date(), format="long", locale=self.locale)

    def moment(self, at: datetime) -> str:
        return format_datetime(at, format="long", tzinfo=CIVIL_TIME, locale=self.locale)

    def period(self, period: Period) -> str:
        """Write a period as it stands in a sentence: November 2021, first half of 2022."""
        if period.length == MONTHS_OF_YEAR:
            return f"{period.year}"
        if period.length == MONTHS_OF_HALF_YEAR:
            return self.text(_HALF[0 if period.month == 1 else 1], year=f"{period.year}")
        return self._months(period, "LLLL")

    def moment_of(self, period: Period, window: Window) -> str:
        """Write what a value of the period stands for: its last day, or the whole of it."""
        if window is Window.AS_OF_END:
            return self.text(_AT_END, day=self.day(period.last_instant))
        return self.period(period)

    def short_period(self, period: Period) -> str:
        """Write a period for a row of a table."""
        if period.length in (MONTHS_OF_YEAR, MONTHS_OF_HALF_YEAR):
            return self.period(period)
        return self._months(period, "LLL")

    def month_name(self, month: int) -> str:
        return self._month(f"2000-{month:02d}", "LLLL")

    def _months(self, period: Period, pattern: str) -> str:
        first, last = period.months[0], period.months[-1]
        if first == last:
            return self._month(first, f"{pattern} y")
        begin = self._month(first, pattern if first[:4] == last[:4] else f"{pattern} y")
        return RANGE.join((begin, self._month(last, f"{pattern} y")))

    def _month(self, month: str, pattern: str) -> str:
        return format_date(date.fromisoformat(f"{month}-01"), format=pattern, locale=self.locale)
