"""Values of the organisations context: names, types, roles, recognition."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated

from domain.kernel import InvalidValue
from domain.kernel.kinds import one_line, several_lines, written
from domain.kernel.visible_text import has_visible_character

NAME_LENGTH = 200
REASON_LENGTH = 400
DECISION_LENGTH = 200
CODE_LENGTH = 60

Name = Annotated[
    str,
    one_line(
        NAME_LENGTH,
        "name-missing",
        "A name is needed in at least one of nl, fr, de and en.",
        too_long=("name-too-long", f"A name has at most {NAME_LENGTH} characters."),
    ),
]
RecognitionReason = Annotated[
    str, several_lines(REASON_LENGTH, "reason-missing", f"Say why, in at most {REASON_LENGTH} characters.")
]
DecisionPart = Annotated[
    str,
    one_line(DECISION_LENGTH, "decision-missing", "A recognition names the conditions that were checked, and by whom."),
]
TRADER_NAME = one_line(
    NAME_LENGTH,
    "trader-name-missing",
    f"A sole trader has a name of at most {NAME_LENGTH} characters.",
)
"""The name of a person under which they trade: personal data."""

FamilyCode = Annotated[
    str,
    written(
        "[a-z0-9]+(?:-[a-z0-9]+)*",
        "invalid-code",
        "A code is written in lower-case letters, digits and single hyphens.",
        most=CODE_LENGTH,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The name of an organisation, a service or a family in the four languages; an empty one is not known."""

    nl: Name = ""
    fr: Name = ""
    de: Name = ""
    en: Name = ""

    def check_whole(self) -> None:
        if not self.known():
            raise InvalidValue("name-missing", "A name is needed in at least one of nl, fr, de and en.")

    def known(self) -> tuple[str, ...]:
        every: tuple[str, ...] = tuple(getattr(self, language.name) for language in fields(self))
        return tuple(name for name in every if has_visible_character(name))

    def in_language(self, language: str) -> str:
        """Return the name in a language, or else the first that is known."""
        name: str = getattr(self, language, "")
        return name if has_visible_character(name) else next(iter(self.known()), "")


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
    """The level of government. `federal` is also the national level of a unitary state."""

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
    """The status of the recognition of an identity provider. Withdrawn is final."""

    NONE = "none"
    APPLIED = "applied"
    RECOGNISED = "recognised"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
