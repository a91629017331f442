"""From published figures to counts of the sample: 1:1,000 or 1:10,000, times the factor that the caller asks for."""

from __future__ import annotations

from fractions import Fraction

from sample import published
from sample.arithmetic import half_up

FINE = 1_000
"""Messages, consents, users and invoices: a printed figure or percentage needs it."""

COARSE = 10_000
"""Authentications and bus transactions."""


def scale_of(factor: float | Fraction) -> Fraction:
    return factor if isinstance(factor, Fraction) else Fraction(str(factor))


def scaled(value: int, divisor: int, scale: Fraction) -> int:
    return half_up(value * scale / divisor)


def scaled_figure(figure_id: str, divisor: int, scale: Fraction) -> int:
    return scaled(published.figure(figure_id).value, divisor, scale)


def year_before(current: int, growth_pct: int) -> int:
    """Return the count that grew to `current` by the printed percentage."""
    return half_up(Fraction(100 * current, 100 + growth_pct))


def before_growth(current: int, figure_id: str) -> int:
    """Return the count that grew to `current` by the percentage printed with a figure."""
    growth_pct = published.figure(figure_id).growth_pct
    assert growth_pct is not None, f"no growth is printed with {figure_id}"
    return year_before(current, growth_pct)


def figure_year_before(figure_id: str, divisor: int, scale: Fraction) -> int:
    return before_growth(scaled_figure(figure_id, divisor, scale), figure_id)
