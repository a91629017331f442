"""Texts, numbers, percentages and periods as each of the four languages writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from projections.figures.definition import Window
from projections.figures.period import MONTHS_OF_HALF_YEAR, MONTHS_OF_YEAR, Period
from projections.figures.translations import Language, Text, read_texts
from projections.words import CIVIL_TIME

LOCALES: Mapping[Language, Locale] = {it: Locale(it) for it in Language} | {Language.EN: Locale("en", "GB")}
TEXTS = read_texts(Path(__file__).parent / "texts")
RANGE = " \N{EN DASH} "


class Localiser:
    """Writes in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = LOCALES[language]

    def text(self, key: str, **values: str) -> str:
        """Write the text of a key in the catalogue, with its placeholders filled in; an unknown key is a KeyError."""
        return TEXTS[key].in_language(self.language).format(**values)

    def text_between(self, key: str, periods: Sequence[Period], **values: str) -> str:
        """Write a text about some periods: `{first}` and `{last}` are the months at their ends."""
        first, last = (self.period(Period.parse(month)) for month in (periods[0].months[0], periods[-1].months[-1]))
        return self.text(key, first=first, last=last, **values)

    def name(self, group: str, value: str) -> str:
        """Write the name of a value by which figures are cut.

        A value without a name in the catalogue, such as a new service family, is shown as it is stored.
        """
        known = TEXTS.get(f"{group}.{value}")
        return self.translated(known) if known else value.replace("-", " ").replace("_", " ").capitalize()

    def translated(self, text: Text) -> str:
        return text.in_language(self.language)

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self.locale)

    def short_number(self, value: int) -> str:
        """Write a number for an axis: 250K, 1,2M."""
        short = format_compact_decimal(value, locale=self.locale, fraction_digits=1)
        # German has no short form of thousands: the digits come back without their points.
        return self.number(value) if short.isdigit() else short

    def decimal(self, value: Decimal) -> str:
        """Write a rounded value with all of its digits."""
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

    def period(self, period: Period, month: str = "LLLL") -> str:
        """Write a period as in a sentence: November 2021, first half of 2022. `month` is a pattern of CLDR."""
        if period.length == MONTHS_OF_YEAR:
            return f"{period.year}"
        if period.length == MONTHS_OF_HALF_YEAR:
            return self.text(f"half_of_year.{1 if period.month == 1 else 2}", year=f"{period.year}")
        return self._months(period, month)

    def moment_of(self, period: Period, window: Window) -> str:
        """Write when a value of the period was counted: on its last day, or during the whole of it."""
        if window is Window.AS_OF_END:
            return self.text("at_end", day=self.day(period.last_instant))
        return self.period(period)

    def short_period(self, period: Period) -> str:
        """Write a period for a row of a table."""
        return self.period(period, "LLL")

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
