"""Which numbers the columns of read models can hold."""

from __future__ import annotations

from decimal import Decimal

LEAST, MOST = -(2**63), 2**63 - 1
"""The bounds of a bigint."""

MAX_DIGITS = 1_000
"""Digits of a numeric before its point, and behind it."""


def is_numeric(value: Decimal) -> bool:
    """Return whether a column of numbers with a fraction can hold a value."""
    if not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and value.adjusted() < MAX_DIGITS
