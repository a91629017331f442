"""Finding a person by their number: the purposes, the identifiers, and who may ask.

Source: Regulation (EU) 2016/679 (GDPR), articles 5(1)(b) and 87, and the Belgian law of 8 August 1983, article 8: a
national number is used for the purposes for which that is allowed, and for no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, assert_never

from domain.identity.person import EIDAS_IDENTIFIER, NUMBER_LENGTH, PersonRegistered
from domain.kernel import InvalidValue, Jurisdiction, NationalNumber, PersonalText
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
        """Return the id of the person, or None. It does the same work for both."""


# --- Identifiers ----------------------------------------------------------------------------------------------------


def national(jurisdiction: Jurisdiction, number: NationalNumber) -> Identifier:
    """Refuse a number of another country's kind; its check digits were verified at the door."""
    if not (number.isascii() and number.isdigit() and len(number) == NUMBER_LENGTH[jurisdiction]):
        raise InvalidValue("wrong-national-number", "This is not a national number of this country.")
    return Identifier(kind=IdentifierKind.NATIONAL_NUMBER, jurisdiction=jurisdiction, number=number)


def eidas(jurisdiction: Jurisdiction, identifier: str) -> Identifier:
    """Refuse what is no identifier that another state gave for this country (see `RegisterPersonByEidas`)."""
    states = identifier.split("/")[:2]
    receiver = jurisdiction.value.upper()
    if not EIDAS_IDENTIFIER.fullmatch(identifier) or states[1] != receiver or states[0] == receiver:
        raise InvalidValue("invalid-eidas-identifier", "The eIDAS identifier must read like ES/BE/12345.")
    return Identifier(kind=IdentifierKind.EIDAS_IDENTIFIER, jurisdiction=jurisdiction, number=identifier)


def identifier_of(event: PersonRegistered, number: PersonalText) -> Identifier:
    """Return under which identifier a person was registered; `number` is that of the event, opened."""
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
