"""Numbers of organisations in registers and participant schemes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import vat

from domain.kernel import InvalidValue
from domain.kernel.participants import ACTIVE_SCHEMES, SCHEMES, check_enterprise_number, check_participant
from tests.check_digits import enterprise_number

GHENT = "0207451227"


def code_of(scheme: str, number: str) -> str:
    try:
        check_participant(scheme, number)
    except InvalidValue as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        *(("0208", GHENT), ("9925", f"BE{GHENT}"), ("0106", "12345678"), ("0190", "00000001823288444000")),
        *(("9930", "DE123456788"), ("0088", "5412345000013"), ("0192", "991825827"), ("9957", "FR32123456789")),
        *(("9944", "NL123456789B01"), ("0204", "991-33333TEST-33"), ("0130", "any-1.2:3_4"), ("0096", "1")),
    ],
)
def test_a_number_as_those_of_its_scheme(scheme: str, number: str) -> None:
    assert code_of(scheme, number) == ""


@pytest.mark.parametrize(
    ("scheme", "number", "code"),
    [
        *(("0208", "0207451228", "invalid-check-digits"), ("0208", "", "invalid-check-digits")),
        *(("0208", "12345678", "invalid-supplier-number"), ("0106", GHENT, "invalid-supplier-number")),
        *(("0106", "1234567", "invalid-check-digits"), ("9925", GHENT, "invalid-supplier-number")),
        *(("9925", "BE0207451228", "invalid-supplier-number"), ("9930", "123456788", "invalid-supplier-number")),
        *(("9930", "DE12345678", "invalid-supplier-number"), ("0088", "٥٤١٢٣٤٥٠٠٠٠١٣", "invalid-supplier-number")),
        *(("0130", "", "invalid-supplier-number"), ("0130", "a b", "invalid-supplier-number")),
        *(("0130", "a\n", "invalid-supplier-number"), ("0130", "x" * 51, "invalid-supplier-number")),
    ],
)
def test_a_number_of_another_form(scheme: str, number: str, code: str) -> None:
    assert code_of(scheme, number) == code


def test_schemes_are_those_in_use() -> None:
    assert len(ACTIVE_SCHEMES) == 84
    assert "9956" not in ACTIVE_SCHEMES
    assert SCHEMES["9956"].number_in_register(GHENT) == SCHEMES["9925"].number_in_register(f"BE{GHENT}") == GHENT


@pytest.mark.parametrize("number", ["0000000000", "0000009700", "0000000198", "0000000299", "2207451227", "207451227"])
def test_an_enterprise_number_that_only_seems_right(number: str) -> None:
    with pytest.raises(InvalidValue, match="not a valid enterprise number"):
        check_enterprise_number(number)


@given(st.integers(0, 800_000))
def test_an_enterprise_number_is_one_for_the_library_too(serial: int) -> None:
    check_enterprise_number(enterprise_number(serial))
    assert vat.is_valid(enterprise_number(serial))
