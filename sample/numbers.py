"""Invented numbers whose check digits are right, each given out once, and ids in the layout of UUID version 4."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from random import Random
from typing import TypeVar

from domain.kernel import EnterpriseNumber, Jurisdiction, NationalNumber

N = TypeVar("N", NationalNumber, EnterpriseNumber)

_VARIANTS = "89ab"
_BSN_WEIGHTS = range(9, 1, -1)
_ELEVEN, _LARGEST_DIGIT = 11, 9
_BIS_SEX_KNOWN = 40
_DUTCH_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10)


def uuid4(rng: Random) -> str:
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{_VARIANTS[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def digest(text: str) -> str:
    """Return the SHA-256 of a text in base64url without padding."""
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


class Numbers:
    """Gives out numbers, none of them twice."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def national(self, jurisdiction: Jurisdiction, *, bis: bool = False) -> NationalNumber:
        if jurisdiction is Jurisdiction.NL:
            return self._once(self._bsn)
        return self._once(partial(self._belgian, _BIS_SEX_KNOWN if bis else 0))

    def enterprise(self, jurisdiction: Jurisdiction) -> EnterpriseNumber:
        return self._once(self._kvk if jurisdiction is Jurisdiction.NL else self._kbo)

    def _once(self, make: Callable[[], N]) -> N:
        while (number := make()) in self._given:
            pass
        self._given.add(number)
        return number

    def _belgian(self, added_to_month: int) -> NationalNumber:
        """Date of birth in the twentieth century, serial number of the day, two check digits."""
        rng = self._rng
        born = f"{rng.randint(32, 99):02d}{rng.randint(1, 12) + added_to_month:02d}{rng.randint(1, 28):02d}"
        digits = f"{born}{rng.randint(1, 997):03d}"
        return NationalNumber(f"{digits}{97 - int(digits) % 97:02d}")

    def _bsn(self) -> NationalNumber:
        """Eight digits and one by the eleven test; where that would have two digits, the next number is taken."""
        while True:
            digits = f"{self._rng.randint(10_000_000, 99_999_999)}"
            weighted = zip(_BSN_WEIGHTS, digits, strict=True)
            check = sum(weight * int(digit) for weight, digit in weighted) % _ELEVEN
            if check <= _LARGEST_DIGIT:
                return NationalNumber(f"{digits}{check}")

    def _kbo(self) -> EnterpriseNumber:
        digits = f"{self._rng.randint(2_000_000, 8_999_999):08d}"
        return EnterpriseNumber(f"{digits}{97 - int(digits) % 97:02d}")

    def _kvk(self) -> EnterpriseNumber:
        return EnterpriseNumber(f"{self._rng.randint(10_000_000, 89_999_999)}")


def belgian_reference(number: int) -> str:
    """Return a structured communication (OGM-VCS): ten digits and two that check them by 97."""
    return f"{number:010d}{number % 97 or 97:02d}"


def dutch_reference(number: int) -> str:
    """Return a Dutch payment reference of sixteen digits, the first of which checks the others."""
    digits = f"{number:015d}"
    products = sum(int(digit) * weight for digit, weight in zip(reversed(digits), _DUTCH_WEIGHTS, strict=True))
    check = _ELEVEN - products % _ELEVEN
    return f"{ {10: 1, 11: 0}.get(check, check) }{digits}"
