"""Numbers of persons in national registers: Belgian national and bis numbers, Dutch service numbers (BSN).

Sources: Belgian Royal Decree of 3 April 1984 (composition of the number of the National Register) and Royal Decree of
8 February 1991 (bis numbers); Dutch Regeling burgerservicenummer (the eleven test).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from domain.kernel.refusals import InvalidValue
from domain.kernel.vocabulary import Jurisdiction

BELGIAN_LENGTH, DUTCH_LENGTH = 11, 9
_LENGTHS = {Jurisdiction.BE: BELGIAN_LENGTH, Jurisdiction.NL: DUTCH_LENGTH}
_COUNTERS = range(1, 999)
_MODULUS, _ELEVEN, _MONTHS = 97, 11, 12
_BIS_MONTHS = frozenset(range(20, 33)) | frozenset(range(40, 53))
"""In a bis number 20 is added to the month of birth, or 40 if the sex is known."""

_DAYS_WITHOUT_MONTH = range(32)
"""Without a known month the day has no meaning: it only makes room for more numbers."""


def check_national_number(number: str) -> None:
    """Refuse a number that is no number of any register: wrong check digits, or a date or counter that cannot be."""
    if not _has_check_digits(number):
        raise InvalidValue("invalid-check-digits", "This is not a valid national, bis or service number.")
    if len(number) == BELGIAN_LENGTH and not _is_possible(number):
        raise _impossible()


def check_number_in(number: str, jurisdiction: Jurisdiction, on: date) -> None:
    """Refuse a number of another state's register, and that of a person who is not born on that day.

    The number is one that `check_national_number` lets through.
    """
    if len(number) != _LENGTHS[jurisdiction]:
        raise InvalidValue("wrong-national-number", "This is not a national number of this country.")
    if jurisdiction is Jurisdiction.BE and _earliest_birth(number) > on:
        raise _impossible()


def is_national_number(text: str) -> bool:
    """Return whether a text is the number of a person."""
    return _has_check_digits(text) and (len(text) == DUTCH_LENGTH or _is_possible(text))


def is_bis_number(number: str) -> bool:
    """Return whether a Belgian number is that of somebody outside the National Register."""
    return int(number[2:4]) in _BIS_MONTHS


def _impossible() -> InvalidValue:
    sentence = "There is no such national or bis number: its counter or its date of birth cannot be."
    return InvalidValue("impossible-national-number", sentence)


def _has_check_digits(number: str) -> bool:
    if not (number.isascii() and number.isdigit()):
        return False
    if len(number) == BELGIAN_LENGTH:
        return _century(number) is not None
    return len(number) == DUTCH_LENGTH and int(number) > 0 and _passes_eleven_test(number)


def _century(number: str) -> int | None:
    """Return the century of birth by the check digits of a Belgian number; None if they are wrong."""
    check = int(number[9:])
    if check == _MODULUS - int(number[:9]) % _MODULUS:
        return 1900
    return 2000 if check == _MODULUS - int(f"2{number[:9]}") % _MODULUS else None


def _passes_eleven_test(number: str) -> bool:
    weighted = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), number[:8], strict=True))
    return weighted % _ELEVEN == int(number[8])


def _is_possible(number: str) -> bool:
    month, day = int(number[2:4]), int(number[4:6])
    month -= month // 20 * 20 if month in _BIS_MONTHS else 0
    if int(number[6:9]) not in _COUNTERS or month > _MONTHS:
        return False
    if month == 0:
        return day in _DAYS_WITHOUT_MONTH
    return day <= monthrange(_year(number), month)[1]


def _year(number: str) -> int:
    return (_century(number) or 0) + int(number[:2])


def _earliest_birth(number: str) -> date:
    """Return the first day of birth that the number allows."""
    return date(_year(number), max(int(number[2:4]) % 20, 1), max(int(number[4:6]), 1))
