"""A computed figure: its value, its quality, its growth and its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from domain.kernel import Jurisdiction
from projections.figures.definition import Definition
from projections.figures.period import Period


class Quality(StrEnum):
    """How far a value can be relied on."""

    EXACT = "exact"
    PROVISIONAL = "provisional"
    APPROXIMATE = "approximate"
    EXTERNAL = "external"
    DEFINITION_CHANGED = "definition_changed"
    PARTIAL = "partial"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The stored names of the events that were counted, and the position of the log up to which they were.

    `sample`: the events are of a sample, a history that is made up.
    """

    events: tuple[str, ...]
    position: int
    computed_at: datetime
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Growth:
    """A change against the same period a year earlier; there is no percentage where that value is zero."""

    previous: Fraction
    current: Fraction

    @property
    def percent(self) -> Decimal | None:
        """Return the change in whole percent, halves rounded away from zero."""
        if not self.previous:
            return None
        return rounded((self.current - self.previous) * 100 / self.previous)

    @property
    def factor(self) -> Decimal | None:
        """Return current / previous to two decimals."""
        return rounded(self.current / self.previous, 2) if self.previous else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One definition computed for one jurisdiction and period. Without data the value is 0.

    `growth` is absent unless the history covers both periods: a part against a whole would be a false comparison.
    """

    definition: Definition
    jurisdiction: Jurisdiction
    period: Period
    value: int
    quality: Quality
    growth: Growth | None
    provenance: Provenance

    @property
    def known(self) -> int | None:
        """The value, None without data."""
        return None if self.quality is Quality.NO_DATA else self.value


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a figure in one period of a series; without data it is 0."""

    period: Period
    value: int
    quality: Quality

    @property
    def known(self) -> int | None:
        """The value, None without data."""
        return None if self.quality is Quality.NO_DATA else self.value


def rounded(value: Fraction, digits: int = 0) -> Decimal:
    """Round exactly, halves away from zero: 12.5 becomes 13 and -12.5 becomes -13."""
    scaled = abs(value) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-whole if value < 0 else whole).scaleb(-digits)


def percentage(part: int, whole: int) -> Decimal | None:
    """Return `part` of `whole` in whole percent; nothing of nothing is no percentage."""
    return rounded(Fraction(part * 100, whole)) if whole else None
