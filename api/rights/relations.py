"""What the organisation that a caller acts for is to the thing that a command is about, in the words of the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from application.ports import Role


class Relation(StrEnum):
    """All relations. The rules of the domain refuse an organisation in another one."""

    PLATFORM = "for the platform"
    ANY = "any organisation"
    ITSELF = "itself"
    SERVICE_PROVIDER = "service provider"
    OWNER_OF_SERVICE = "owner of the service"
    REGISTRATION_AUTHORITY = "registration authority"
    IDENTITY_PROVIDER = "identity provider"
    PROVIDER_OF_KEY = "provider of the key"
    PROVIDER_OF_SESSION = "provider of the session"
    PLACE_OF_SESSION = "where the session is"
    PROVIDER_OF_CONSENT = "provider of the consent"
    MAILBOX_PROVIDER = "mailbox provider"
    PROVIDER_OF_MAILBOX = "provider of the mailbox"
    DELIVERER = "deliverer"
    SENDER = "sender"
    BUS_MEMBER = "bus member"
    TARGET = "target"
    BUYER = "buyer"


Right: TypeAlias = dict[Role, Relation]
"""The roles that may send a command, each with what the caller's organisation has to be to the thing."""


def agency(relation: Relation) -> Right:
    return {Role.AGENCY: relation}


def administrator() -> Right:
    return {Role.ADMINISTRATOR: Relation.PLATFORM}


def auditor() -> Right:
    return {Role.AUDITOR: Relation.PLATFORM}


def system() -> Right:
    return {Role.SYSTEM: Relation.PLATFORM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Which organisation it is, and what others are refused with; nothing where no organisation is refused.

    `by_enrolment` tells what an organisation is to the platform as a whole from what it is to one thing: many are
    bus members, one is the target of a transaction.
    """

    words: str
    refusal: str = ""
    by_enrolment: bool = False


MEANINGS: Mapping[Relation, Meaning] = {
    Relation.PLATFORM: Meaning(words="The role acts for the platform, over things of all organisations."),
    Relation.ANY: Meaning(words="Any organisation; the event names the one that did it."),
    Relation.ITSELF: Meaning(words="The organisation that the command is about.", refusal="not-your-organisation"),
    Relation.SERVICE_PROVIDER: Meaning(
        words="An organisation that is enrolled as a service provider; what it registers is its own.",
        refusal="not-a-service-provider",
        by_enrolment=True,
    ),
    Relation.OWNER_OF_SERVICE: Meaning(words="The organisation that offers the service.", refusal="not-your-service"),
    Relation.REGISTRATION_AUTHORITY: Meaning(
        words="An organisation that is enrolled as a Local Registration Authority, in its own country.",
        refusal="not-a-registration-authority",
        by_enrolment=True,
    ),
    Relation.IDENTITY_PROVIDER: Meaning(
        words="An organisation that is recognised as an identity provider; the key is its own.",
        refusal="provider-not-recognised",
        by_enrolment=True,
    ),
    Relation.PROVIDER_OF_KEY: Meaning(
        words="The identity provider that gave out the key.", refusal="not-the-keys-provider"
    ),
    Relation.PROVIDER_OF_SESSION: Meaning(
        words="The identity provider that opened the session.", refusal="not-the-sessions-provider"
    ),
    Relation.PLACE_OF_SESSION: Meaning(
        words="The organisation at whose service the person has an open session; the person must be a party.",
        refusal="no-session-at-caller",
    ),
    Relation.PROVIDER_OF_CONSENT: Meaning(
        words="The mailbox provider that the consent is for, where the person has an open session.",
        refusal="not-your-mailbox-provider",
    ),
    Relation.MAILBOX_PROVIDER: Meaning(
        words="An organisation that is enrolled as a mailbox provider.",
        refusal="not-a-mailbox-provider",
        by_enrolment=True,
    ),
    Relation.PROVIDER_OF_MAILBOX: Meaning(
        words="An enrolled mailbox provider that opened the mailbox, or was chosen by its owner's consent, or to which"
        " the message was delivered.",
        refusal="not-your-mailbox",
    ),
    Relation.DELIVERER: Meaning(
        words="A mailbox provider to which the message was delivered.", refusal="not-your-delivery"
    ),
    Relation.SENDER: Meaning(
        words="An organisation that enrolled itself as a sender of digital post.",
        refusal="not-a-mailbox-sender",
        by_enrolment=True,
    ),
    Relation.BUS_MEMBER: Meaning(
        words="An organisation that is enrolled as a member of the bus; it becomes the source.",
        refusal="not-a-bus-member",
        by_enrolment=True,
    ),
    Relation.TARGET: Meaning(words="The organisation that was asked.", refusal="not-the-target"),
    Relation.BUYER: Meaning(words="The organisation that the invoice is for.", refusal="not-the-buyer"),
}
