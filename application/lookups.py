"""Finding a person by their number: the purposes, the identifiers, and the organisations that may ask.

Source: Regulation (EU) 2016/679 (GDPR), articles 5(1)(b) and 87, and the Belgian law of 8 August 1983, article 8: a
national number is used for the purposes for which that is allowed, and for no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, assert_never

from domain.identity.person import PersonRegistered, check_eidas
from domain.kernel import Jurisdiction, NationalNumber, PersonalText
from domain.kernel.instants import civil_day
from domain.kernel.national_numbers import check_national_number, check_number_in
from domain.organisations.organisation.model import Organisation, holds, recognised
from domain.organisations.values import Enrolment


class LookupPurpose(StrEnum):
    """The purpose of a look-up. Each has an index of its own, under a key of its own."""

    MAILBOX = "mailbox"
    """Digital post is addressed to a person."""

    IDENTIFICATION = "identification"
    """A key is given to a person, or a person is registered at a desk."""


class IdentifierKind(StrEnum):
    NATIONAL_NUMBER = "national-number"
    EIDAS_IDENTIFIER = "eidas-identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """The number under which a state knows a person, in its one spelling. It is never shown."""

    kind: IdentifierKind
    jurisdiction: Jurisdiction
    number: str = field(repr=False)


class PersonIndex(Protocol):
    """Knows the persons who are registered and not erased, by their numbers, without knowing a number."""

    async def find(self, purpose: LookupPurpose, identifier: Identifier) -> str | None:
        """Return the id of the person, or None. Both take the same work."""


# --- Identifiers ----------------------------------------------------------------------------------------------------


def national(jurisdiction: Jurisdiction, number: NationalNumber, now: datetime) -> Identifier:
    """Refuse a number that no person of this country can have; raises InvalidValue."""
    check_national_number(number)
    check_number_in(number, jurisdiction, civil_day(now))
    return Identifier(kind=IdentifierKind.NATIONAL_NUMBER, jurisdiction=jurisdiction, number=number)


def eidas(jurisdiction: Jurisdiction, identifier: str) -> Identifier:
    """Refuse an identifier that no other state gave for this country (see `RegisterPersonByEidas`)."""
    check_eidas(identifier, identifier[:2].lower(), jurisdiction)
    return Identifier(kind=IdentifierKind.EIDAS_IDENTIFIER, jurisdiction=jurisdiction, number=identifier)


def identifier_of(event: PersonRegistered, number: PersonalText) -> Identifier:
    """Return the identifier of a registered person; `number` is that of the event, opened."""
    kind = IdentifierKind.EIDAS_IDENTIFIER if event.member_state else IdentifierKind.NATIONAL_NUMBER
    return Identifier(kind=kind, jurisdiction=event.jurisdiction, number=number)


# --- Who may ask ----------------------------------------------------------------------------------------------------


def may_ask(organisation: Organisation, purpose: LookupPurpose) -> bool:
    """Return whether an organisation has that purpose now, by what it is enrolled as."""
    match purpose:
        case LookupPurpose.MAILBOX:
            return holds(organisation, Enrolment.MAILBOX_SENDER) or holds(organisation, Enrolment.MAILBOX_PROVIDER)
        case LookupPurpose.IDENTIFICATION:
            return recognised(organisation) or holds(organisation, Enrolment.REGISTRATION_AUTHORITY)
        case _:
            assert_never(purpose)
