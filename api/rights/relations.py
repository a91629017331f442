"""Relations of the caller's organisation to the thing that a command is about, in the words of the field."""

from __future__ import annotations

from enum import StrEnum
from typing import Self, TypeAlias

from application.ports import Role


class Relation(StrEnum):
    """All relations, each with the organisation that it is, and the code that refuses others, if any are refused.

    The rules of the domain refuse an organisation in another relation. `by_enrolment` tells the relations of an
    organisation to the platform as a whole from those to one thing: many are bus members, one is the target of a
    transaction.
    """

    words: str
    refusal: str
    by_enrolment: bool

    def __new__(cls, relation: str, words: str, refusal: str = "", by_enrolment: bool = False) -> Self:
        member = str.__new__(cls, relation)
        member._value_ = relation
        member.words, member.refusal, member.by_enrolment = words, refusal, by_enrolment
        return member

    PLATFORM = "for the platform", "The role acts for the platform, over things of all organisations."
    ANY = "any organisation", "Any organisation; the event names the one that did it."
    ITSELF = "itself", "The organisation that the command is about.", "not-your-organisation"
    SERVICE_PROVIDER = (
        "service provider",
        "An organisation that is enrolled as a service provider; what it registers is its own.",
        "not-a-service-provider",
        True,
    )
    OWNER_OF_SERVICE = "owner of the service", "The organisation that offers the service.", "not-your-service"
    REGISTRATION_AUTHORITY = (
        "registration authority",
        "An organisation that is enrolled as a Local Registration Authority, in its own country.",
        "not-a-registration-authority",
        True,
    )
    IDENTITY_PROVIDER = (
        "identity provider",
        "An organisation that is recognised as an identity provider; the key is its own.",
        "provider-not-recognised",
        True,
    )
    PROVIDER_OF_KEY = "provider of the key", "The identity provider that gave out the key.", "not-the-keys-provider"
    PROVIDER_OF_SESSION = (
        "provider of the session",
        "The identity provider that opened the session.",
        "not-the-sessions-provider",
    )
    PLACE_OF_SESSION = (
        "where the session is",
        "The organisation at whose service the person has an open session; the person must be a party.",
        "no-session-at-caller",
    )
    PROVIDER_OF_CONSENT = (
        "provider of the consent",
        "The mailbox provider that the consent is for, where the person has an open session.",
        "not-your-mailbox-provider",
    )
    MAILBOX_PROVIDER = (
        "mailbox provider",
        "An organisation that is enrolled as a mailbox provider.",
        "not-a-mailbox-provider",
        True,
    )
    PROVIDER_OF_MAILBOX = (
        "provider of the mailbox",
        (
            "An enrolled mailbox provider that opened the mailbox, or was chosen by its owner's consent, or to which"
            " the message was delivered."
        ),
        "not-your-mailbox",
    )
    DELIVERER = "deliverer", "A mailbox provider to which the message was delivered.", "not-your-delivery"
    SENDER = "sender", "An organisation that enrolled itself as a sender of digital post.", "not-a-mailbox-sender", True
    BUS_MEMBER = (
        "bus member",
        "An organisation that is enrolled as a member of the bus; it becomes the source.",
        "not-a-bus-member",
        True,
    )
    TARGET = "target", "The organisation that was asked.", "not-the-target"
    BUYER = "buyer", "The organisation that the invoice is for.", "not-the-buyer"


Right: TypeAlias = dict[Role, Relation]
"""The roles that may send a command, each with the relation that the caller's organisation must have."""


def agency(relation: Relation) -> Right:
    return {Role.AGENCY: relation}


def administrator() -> Right:
    return {Role.ADMINISTRATOR: Relation.PLATFORM}


def auditor() -> Right:
    return {Role.AUDITOR: Relation.PLATFORM}


def system() -> Right:
    return {Role.SYSTEM: Relation.PLATFORM}
