"""Periods of figures: a year, a half year, two months or a month, cut in civil time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from domain.kernel import InvalidValue
from projections.words import CIVIL_TIME

FIRST_YEAR, LAST_YEAR = 2000, 2999
MONTHS_OF_YEAR, MONTHS_OF_HALF_YEAR, TWO_MONTHS = 12, 6, 2


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Whole months from `year`-`month` on. Written `2021`, `2021-11`, `2022-H1` or `2017-09/2017-10`."""

    year: int
    month: int
    length: int

    PATTERN: ClassVar[re.Pattern[str]] = re.compile(
        r"(?P<year>[0-9]{4})(?:-(?:H(?P<half>[12])|(?P<month>0[1-9]|1[0-2])(?:/(?P<until>[0-9]{4}-[0-9]{2}))?))?"
    )

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period; anything but the four written forms is refused as `invalid-period`."""
        found = cls.PATTERN.fullmatch(text)
        if found and FIRST_YEAR <= int(found["year"]) <= LAST_YEAR:
            year, month = int(found["year"]), int(found["month"] or 1)
            if found["half"]:
                period = cls(year, 1 if found["half"] == "1" else 7, MONTHS_OF_HALF_YEAR)
            elif found["month"]:
                period = cls(year, month, TWO_MONTHS if found["until"] else 1)
            else:
                period = cls(year, month, MONTHS_OF_YEAR)
            if str(period) == text:
                return period
        raise InvalidValue(
            "invalid-period", f"{text!r} is not a period: write 2021, 2021-11, 2022-H1 or 2017-09/2017-10."
        )

    def __str__(self) -> str:
        match self.length:
            case 12:
                return f"{self.year:04d}"
            case 6:
                return f"{self.year:04d}-H{1 if self.month == 1 else 2}"
            case _:
                return "/".join(dict.fromkeys((self.months[0], self.months[-1])))

    @property
    def months(self) -> tuple[str, ...]:
        """Its months, each as `2021-11`: the form in which read models count by month."""
        carried = (_carried(self.year, self.month + ahead) for ahead in range(self.length))
        return tuple(f"{year:04d}-{month:02d}" for year, month in carried)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=CIVIL_TIME).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first instant that no longer belongs to it."""
        return self.next().start

    @property
    def last_instant(self) -> datetime:
        return self.end - timedelta(microseconds=1)

    def is_over(self, now: datetime) -> bool:
        return self.end <= now

    def year_before(self) -> Period:
        return Period(self.year - 1, self.month, self.length)

    def next(self) -> Period:
        """Return the period of the same length that follows it."""
        return Period(*_carried(self.year, self.month + self.length), self.length)

    def months_until(self, count: int) -> tuple[Period, ...]:
        """Return the last `count` months up to and with its own last one, oldest first."""
        last = self.month + self.length - 1
        return tuple(Period(*_carried(self.year, last - back), 1) for back in reversed(range(count)))


def _carried(year: int, month: int) -> tuple[int, int]:
    return year + (month - 1) // 12, (month - 1) % 12 + 1
