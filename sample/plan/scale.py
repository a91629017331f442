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
    return scaled(published.value(figure_id), divisor, scale)


def year_before(current: int, growth_pct: int) -> int:
    """Return the count that grew to `current` by the printed percentage."""
    return half_up(Fraction(100 * current, 100 + growth_pct))


def figure_year_before(figure_id: str, divisor: int, scale: Fraction) -> int:
    growth_pct = int(published.figure(figure_id)["growth_pct"])
    return year_before(scaled_figure(figure_id, divisor, scale), growth_pct)
