"""Numbers of persons: right check digits, and a counter and a date of birth that somebody can have."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import bis, nn
from stdnum.nl import bsn

from domain.kernel import InvalidValue, Jurisdiction
from domain.kernel.national_numbers import check_national_number, check_number_in, is_bis_number, is_national_number

TODAY = date(2026, 11, 30)
BE, NL = Jurisdiction.BE, Jurisdiction.NL


def belgian(start: str, *, century: str = "") -> str:
    """Return nine digits with the two that check them; a 2 stands before those of who is born from 2000 on."""
    return f"{start}{97 - int(century + start) % 97:02d}"


def code_of(number: str, jurisdiction: Jurisdiction = BE, on: date = TODAY) -> str:
    try:
        check_national_number(number)
        check_number_in(number, jurisdiction, on)
    except InvalidValue as refusal:
        return refusal.code
    return ""


RIGHT = (
    *(belgian("850517001"), belgian("850517998"), belgian("000229001", century="2"), belgian("261130001", century="2")),
    # Of some, the day, or the month and the day, are not known; then the day makes room for more of them.
    *(belgian("850500001"), belgian("850000001"), belgian("850001001"), belgian("000001001")),
    *(belgian("852517001"), belgian("854517001"), belgian("854000001")),
)
IMPOSSIBLE = (
    *(belgian("850517000"), belgian("850517999")),
    *(belgian("850231001"), belgian("850532001"), belgian("850599001"), belgian("850099001"), belgian("000229001")),
    *(belgian("851317001"), belgian("853317001"), belgian("856017001")),
    *(belgian("261201001", century="2"), belgian("270000001", century="2"), belgian("261200001", century="2")),
)
WRONG = (
    *(
        "",
        "85051700148 ",
        "85.05.17-001.48",
        "8505170014",
        "850517001480",
        "85051700149",
        "BE850517001",
        "\u0668\u0665\u0660\u0665\u0661\u0667\u0660\u0660\u0661\u0664\u0668",
    ),
    *("00000000000", "000000000", "111222334", "11122233x", "\uff11\uff11\uff11\uff12\uff12\uff12\uff13\uff13\uff13"),
    # Congruent, and still not equal: 97 less the remainder is 01 to 97.
    *("85051700145", "00000000097"[:9] + "00"),
)


@pytest.mark.parametrize("number", RIGHT)
def test_a_number_that_somebody_can_have(number: str) -> None:
    assert code_of(number) == ""
    assert is_national_number(number)


@pytest.mark.parametrize("number", IMPOSSIBLE)
def test_a_number_that_nobody_can_have(number: str) -> None:
    assert code_of(number) == "impossible-national-number"


@pytest.mark.parametrize("number", WRONG)
def test_a_number_with_wrong_check_digits(number: str) -> None:
    assert code_of(number) == "invalid-check-digits"
    assert not is_national_number(number)


def test_a_number_of_the_other_state() -> None:
    assert code_of("111222333", NL) == ""
    assert code_of("111222333", BE) == code_of(RIGHT[0], NL) == "wrong-national-number"


def test_nobody_is_registered_before_they_are_born() -> None:
    born = belgian("040310001", century="2")
    assert code_of(born, on=date(2004, 3, 10)) == ""
    assert code_of(born, on=date(2004, 3, 9)) == "impossible-national-number"


def test_a_bis_number_is_told_by_its_month() -> None:
    assert [is_bis_number(belgian(start)) for start in ("850517001", "852517001", "854517001")] == [False, True, True]


@given(st.integers(0, 10**9 - 1), st.sampled_from(["", "2"]))
def test_what_is_taken_is_a_number_for_the_library_too(start: int, century: str) -> None:
    number = belgian(f"{start:09d}", century=century)
    if code_of(number) == "":
        assert bis.is_valid(number) if is_bis_number(number) else nn.is_valid(number)


@given(st.integers(0, 10**9 - 1))
def test_a_service_number_is_one_for_the_library_too(number: int) -> None:
    assert is_national_number(f"{number:09d}") == bsn.is_valid(f"{number:09d}")
