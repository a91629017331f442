"""Currencies and payment references of invoices and letters."""

from __future__ import annotations

import re

from domain.kernel.refusals import InvalidValue

_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE"
    " CHF CHW CLF CLP CNH CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD"
    " GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP"
    " LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB"
    " PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STD SVC SYP SZL THB"
    " TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC"
    " XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_CURRENCIES.split())
"""The list of EN 16931, rule BR-CL-04 (ISO 4217 alpha-3)."""

_BELGIAN_LENGTH, _DUTCH_LENGTH = 12, 16
_DUTCH_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10)
_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_MODULUS, _ELEVEN = 97, 11


def check_currency(code: str) -> None:
    if code not in CURRENCIES:
        raise InvalidValue("invalid-currency", "The currency must be a code of ISO 4217 that is in use, such as EUR.")


def check_payment_reference(reference: str) -> None:
    """Refuse a text that is no Belgian structured message, no Dutch payment reference, and none of ISO 11649 (RF)."""
    if not _is_structured(reference):
        raise InvalidValue("invalid-payment-reference", "The structured reference of the payment is not right.")


def _is_structured(reference: str) -> bool:
    if _CREDITOR_REFERENCE.fullmatch(reference):
        return int(reference[2:4]) == _creditor_check(reference[4:])
    if not (reference.isascii() and reference.isdigit()):
        return False
    if len(reference) == _BELGIAN_LENGTH:
        # A remainder of 0 is written as 97: 00, 98 and 99 never occur.
        return int(reference[10:]) == (int(reference[:10]) % _MODULUS or _MODULUS)
    return len(reference) == _DUTCH_LENGTH and int(reference[0]) == _dutch_check(reference[1:])


def _creditor_check(reference: str) -> int:
    """Return the check digits of ISO 11649, 02 to 98, with letters as the numbers 10 to 35."""
    return 98 - int("".join(str(int(sign, 36)) for sign in f"{reference}RF00")) % _MODULUS


def _dutch_check(digits: str) -> int:
    """Return the weighted modulus 11; the outcomes 10 and 11 are written as 1 and 0 (Dutch Payments Association)."""
    products = (int(digit) * weight for digit, weight in zip(reversed(digits), _DUTCH_WEIGHTS, strict=True))
    check = _ELEVEN - sum(products) % _ELEVEN
    return {10: 1, 11: 0}.get(check, check)
