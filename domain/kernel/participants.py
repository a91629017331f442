"""Numbers of organisations: the registers of Belgium and the Netherlands, and the participant schemes of Peppol.

One list of schemes serves invoices, tokens and the register of organisations. Sources: OpenPeppol, code list
"Participant identifier schemes" 9.7 (ISO 6523); formats of VAT numbers: Directive 2006/112/EC, article 215, and VIES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from domain.kernel.refusals import InvalidValue
from domain.kernel.vocabulary import Jurisdiction

KBO, KVK, OIN = "0208", "0106", "0190"
"""Crossroads Bank for Enterprises (be); Chamber of Commerce, organisation identification number (nl)."""

_MODULUS = 97
_SHAPE_BY_REGISTER = {KBO: re.compile("[01][0-9]{9}"), KVK: re.compile("[0-9]{8}"), OIN: re.compile("[0-9]{20}")}
_REGISTERS = {Jurisdiction.BE: (KBO,), Jurisdiction.NL: (KVK, OIN)}


@dataclass(frozen=True, slots=True)
class ParticipantScheme:
    """How numbers of a scheme are written; a group in the shape is the number in the `register` of the platform.

    A retired scheme still names an organisation, but nothing new is addressed by it.
    """

    shape: re.Pattern[str]
    register: str = ""
    retired: bool = False

    def number_in_register(self, number: str) -> str | None:
        """Return the number under which the platform can know the organisation; None if it is not one, or not right."""
        match = self.shape.fullmatch(number)
        return match[1] if match and self.register and _is_number_of(self.register, match[1]) else None

    def takes(self, number: str) -> bool:
        if self.register:
            return self.number_in_register(number) is not None
        return self.shape.fullmatch(number) is not None


_ANY = "[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,48}[A-Za-z0-9])?"
_SHAPES = {
    "0002": "[0-9]{9}",  # SIREN (fr)
    "0007": "[0-9]{10}",  # organisation number (se)
    "0009": "[0-9]{14}",  # SIRET (fr)
    "0060": "[0-9]{9}",  # DUNS
    "0088": "[0-9]{13}",  # GLN
    "0151": "[0-9]{11}",  # ABN (au)
    "0183": "CHE[0-9]{9}",  # UID (ch)
    "0184": "(?:DK)?[0-9]{8}",  # CVR (dk)
    "0191": "[0-9]{8}",  # registrikood (ee)
    "0192": "[0-9]{9}",  # organisasjonsnummer (no)
    "0196": "[0-9]{10}",  # kennitala (is)
    "0198": "(?:DK)?[0-9]{8}",  # VAT (dk)
    "0199": "[0-9A-Z]{18}[0-9]{2}",  # LEI
    "0201": "[0-9A-Z]{6}",  # IPA (it)
    "0204": "[0-9]{2,12}(?:-[0-9A-Z]{1,30})?-[0-9]{2}",  # Leitweg-ID (de)
    "0210": "[0-9A-Z]{16}|[0-9]{11}",  # codice fiscale (it)
    "0211": "IT[0-9]{11}",  # VAT (it)
    "9914": "ATU[0-9]{8}",
    "9920": "ES[0-9A-Z][0-9]{7}[0-9A-Z]",
    "9926": "BG[0-9]{9,10}",
    "9928": "CY[0-9]{8}[A-Z]",
    "9929": "CZ[0-9]{8,10}",
    "9930": "DE[0-9]{9}",
    "9931": "EE[0-9]{9}",
    "9933": "EL[0-9]{9}",
    "9934": "HR[0-9]{11}",
    "9935": "IE[0-9][0-9A-Z+*][0-9]{5}[A-Z]{1,2}",
    "9937": "LT(?:[0-9]{9}|[0-9]{12})",
    "9938": "LU[0-9]{8}",
    "9939": "LV[0-9]{11}",
    "9943": "MT[0-9]{8}",
    "9944": "NL[0-9]{9}B[0-9]{2}",
    "9945": "PL[0-9]{10}",
    "9946": "PT[0-9]{9}",
    "9947": "RO[0-9]{2,10}",
    "9949": "SI[0-9]{8}",
    "9950": "SK[0-9]{10}",
    "9957": "FR[0-9A-Z]{2}[0-9]{9}",
    "9910": "HU[0-9]{8}",
}
_ACTIVE = (
    "0002 0007 0009 0060 0088 0096 0097 0130 0135 0142 0151 0158 0183 0184 0188 0191 0192 0195 0196 0198 0199 0200 0201"
    " 0204 0205 0209 0210 0211 0216 0218 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918"
    " 9919 9920 9922 9923 9924 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942"
    " 9943 9944 9945 9946 9947 9948 9949 9950 9951 9952 9953 9957 9959"
)

SCHEMES: Mapping[str, ParticipantScheme] = {
    **{code: ParticipantScheme(re.compile(_SHAPES.get(code, _ANY))) for code in _ACTIVE.split()},
    **{code: ParticipantScheme(re.compile(f"({it.pattern})"), code) for code, it in _SHAPE_BY_REGISTER.items()},
    "9925": ParticipantScheme(re.compile("BE([0-9]{10})"), KBO),
    "9956": ParticipantScheme(re.compile("([0-9]{10})"), KBO, retired=True),
}
ACTIVE_SCHEMES = tuple(sorted(code for code, scheme in SCHEMES.items() if not scheme.retired))


def check_enterprise_number(number: str) -> None:
    """Refuse a number that is in none of the platform's registers."""
    if not any(_is_number_of(register, number) for register in _SHAPE_BY_REGISTER):
        raise InvalidValue("invalid-check-digits", "This is not a valid enterprise number.")


def check_number_of_jurisdiction(number: str, jurisdiction: Jurisdiction) -> None:
    """Refuse a number of another jurisdiction's register."""
    if not any(_is_number_of(register, number) for register in _REGISTERS[jurisdiction]):
        raise InvalidValue("wrong-enterprise-number", "This is not an enterprise number of this jurisdiction.")


def check_participant(scheme: str, number: str) -> None:
    """Refuse a number that is not written as those of its scheme are, or has wrong check digits.

    The scheme is one of `SCHEMES`.
    """
    if SCHEMES[scheme].register == scheme:
        check_enterprise_number(number)
    if not SCHEMES[scheme].takes(number):
        raise InvalidValue("invalid-supplier-number", f"This is not a number as those of scheme {scheme} are written.")


def _is_number_of(register: str, number: str) -> bool:
    if _SHAPE_BY_REGISTER[register].fullmatch(number) is None:
        return False
    # The check digits are equal to 97 less the remainder, and not only congruent: 00, 98 and 99 never occur.
    return register != KBO or int(number[8:]) == _MODULUS - int(number[:8]) % _MODULUS
