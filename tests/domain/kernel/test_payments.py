"""Currencies and payment references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649
from stdnum.be import ogm_vcs

from domain.kernel import InvalidValue
from domain.kernel.payments import CURRENCIES, check_currency, check_payment_reference
from sample.numbers import belgian_reference, dutch_reference


def is_reference(text: str) -> bool:
    try:
        check_payment_reference(text)
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize(
    "reference",
    ["090933755493", "000000000097", "000000000101", "RF18539007547034", "RF45G72UUR", dutch_reference(1)],
)
def test_a_reference_with_right_check_digits(reference: str) -> None:
    assert is_reference(reference)


@pytest.mark.parametrize(
    "reference",
    [
        *("", "abc", "090933755494", "+++090/9337/55493+++", "٠٩٠٩٣٣٧٥٥٤٩٣", "9000000000000000"),
        # A remainder of 0 is written as 97, and never as 00; 98 and 99 are congruent to 1 and 2 only.
        *("000000000000", "000000000198", "000000000299", "000000009700"),
        *("RF18539007547035", "rf18539007547034", "RF18 5390 0754 7034", "RF18"),
    ],
)
def test_a_reference_that_is_not_right(reference: str) -> None:
    assert not is_reference(reference)


@given(st.integers(0, 10**10 - 1), st.integers(0, 99))
def test_one_pair_of_check_digits_is_right(number: int, check: int) -> None:
    reference = f"{number:010d}{check:02d}"
    assert is_reference(reference) is (reference == belgian_reference(number))
    assert not is_reference(reference) or ogm_vcs.is_valid(reference)


@given(st.text("ABCXYZ0123456789", min_size=1, max_size=21), st.integers(0, 99))
def test_a_creditor_reference_has_check_digits_from_02_to_98(text: str, check: int) -> None:
    reference = f"RF{check:02d}{text}"
    assert is_reference(reference) is (iso11649.is_valid(reference) and 2 <= check <= 98)


def test_currencies_are_those_of_the_european_invoice() -> None:
    assert len(CURRENCIES) == 178
    for code in ("EUR", "SEK", "CNH", "STD", "XXX"):
        check_currency(code)


@pytest.mark.parametrize("code", ["ZZZ", "STN", "XAD", "eur", "EURO", "EU", "", "€", "BEF", "EUR "])
def test_a_code_that_is_no_currency(code: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        check_currency(code)
    assert refusal.value.code == "invalid-currency"
