"""Invented numbers whose check digits are right, as python-stdnum confirms."""

from __future__ import annotations

from stdnum.be import bis, nn, vat
from stdnum.nl import bsn


def enterprise_number(serial: int) -> str:
    """Make the Belgian enterprise number with this serial (below 900,000)."""
    start = 2_000_000 + serial
    number = f"{start:08d}{97 - start % 97:02d}"
    assert vat.is_valid(number)
    return number


def national_number(serial: int) -> str:
    """Make the Belgian national number of somebody born on 17 May 1985, with this serial (1 to 997)."""
    start = f"850517{serial:03d}"
    number = f"{start}{97 - int(start) % 97:02d}"
    assert nn.is_valid(number)
    return number


def bis_number(serial: int) -> str:
    """Make the Belgian bis number with this serial (1 to 997): 40 is added to the month."""
    start = f"854517{serial:03d}"
    number = f"{start}{97 - int(start) % 97:02d}"
    assert bis.is_valid(number)
    return number


def service_number(serial: int) -> str:
    """Make the first Dutch service number (BSN) from this serial (below 9,000) on."""
    number = next(n for n in (f"{100_000_000 + serial * 1_000 + tail:09d}" for tail in range(1_000)) if bsn.is_valid(n))
    assert number.isdecimal()
    return number


def with_wrong_check_digits(number: str) -> str:
    return number[:-2] + f"{(int(number[-2:]) + 1) % 100:02d}"
