"""Values of the organisations context: names, types, roles, recognition."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum

from domain.kernel import EnterpriseNumber, InvalidValue, Jurisdiction

NAME_LENGTH = 200
REASON_LENGTH = 400
NUMBER_LENGTHS = {Jurisdiction.BE: (10,), Jurisdiction.NL: (8, 20)}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The name of an organisation, a service or a family in the four languages; an empty one is not known."""

    nl: str = ""
    fr: str = ""
    de: str = ""
    en: str = ""

    def known(self) -> tuple[str, ...]:
        every: tuple[str, ...] = tuple(getattr(self, language.name) for language in fields(self))
        return tuple(name for name in every if name.strip())

    def in_language(self, language: str) -> str:
        """Return the name in a language, or else the first that is known."""
        name: str = getattr(self, language, "")
        return name or next(iter(self.known()), "")


class OrganisationType(StrEnum):
    """The kinds of organisation that figures are cut by."""

    MUNICIPALITY = "municipality"
    PROVINCE = "province"
    NATIONAL_ORGANISATION = "national_organisation"
    VEHICLE_AUTHORITY = "vehicle_authority"
    PARTNERSHIP = "partnership"
    SOCIAL_INSURANCE_BANK = "social_insurance_bank"
    WATER_AUTHORITY = "water_authority"
    TAX_ADMINISTRATION = "tax_administration"
    EMPLOYEE_INSURANCE_AGENCY = "employee_insurance_agency"
    SOCIAL_SECURITY_INSTITUTION = "social_security_institution"
    PENSION_FUND = "pension_fund"
    PRIVATE_ORGANISATION = "private_organisation"


class Level(StrEnum):
    """The level of government. `federal` stands for the national level of a unitary state too."""

    LOCAL = "local"
    REGIONAL = "regional"
    FEDERAL = "federal"


class Enrolment(StrEnum):
    """The roles in which an organisation takes part in the platform."""

    SERVICE_PROVIDER = "service_provider"
    MAILBOX_SENDER = "mailbox_sender"
    MAILBOX_PROVIDER = "mailbox_provider"
    BUS_MEMBER = "bus_member"
    INVOICE_RECEIVER = "invoice_receiver"
    IDENTITY_PROVIDER = "identity_provider"
    REGISTRATION_AUTHORITY = "registration_authority"


class Recognition(StrEnum):
    """Where an identity provider stands. Withdrawn is final."""

    NONE = "none"
    APPLIED = "applied"
    RECOGNISED = "recognised"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


def check_names(names: Names) -> None:
    if not names.known():
        raise InvalidValue("name-missing", "A name is needed in at least one of nl, fr, de and en.")
    if any(len(name) > NAME_LENGTH for name in names.known()):
        raise InvalidValue("name-too-long", f"A name has at most {NAME_LENGTH} characters.")


def check_enterprise_number(number: EnterpriseNumber, jurisdiction: Jurisdiction) -> None:
    """Refuse a number of another kind than the jurisdiction's; its check digits were verified at the door."""
    if not (number.isascii() and number.isdigit() and len(number) in NUMBER_LENGTHS[jurisdiction]):
        raise InvalidValue("wrong-enterprise-number", "This is not an enterprise number of this jurisdiction.")


def check_code(code: str) -> None:
    if len(code) > SLUG_LENGTH or not SLUG.fullmatch(code):
        raise InvalidValue("invalid-code", "A code is written in lower-case letters, digits and single hyphens.")
