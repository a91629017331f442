"""Values of the identity context: routes of registration, means, channels, reasons, kinds of mandate."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

SESSION_LENGTH = timedelta(hours=12)
"""The longest that an authentication session lasts."""


class Route(StrEnum):
    """How the identity of a person was established when they were registered."""

    NATIONAL_REGISTER = "national_register"
    REGISTRATION_AUTHORITY = "registration_authority"
    EIDAS = "eidas"


class Means(StrEnum):
    """The electronic identification means that a key is."""

    EID = "eid"
    MOBILE_APP = "mobile_app"
    ITSME = "itsme"
    TOKEN = "token"  # noqa: S105 - a kind of means, not a secret
    SMS = "sms"
    PASSWORD = "password"  # noqa: S105 - a kind of means, not a secret
    EHERKENNING = "eherkenning"
    EIDAS = "eidas"


DIGID = (Means.PASSWORD, Means.SMS, Means.MOBILE_APP)
"""The means of DigiD, which the Dutch state's provider gives out: password, with a code by SMS, app."""

DIGID_UNUSED_YEARS = 3
"""After so many years without use DigiD ends (its conditions of use)."""


class EvidenceKind(StrEnum):
    """The kind of evidence for the activation of a key.

    The eID, and another member state's notified means for a person whom that state identified, are primary: the state
    gave them. Every other key is derived from an authentication with the eID or a registration face to face.
    """

    PRIMARY_MEANS = "primary_means"
    EIDAS_REGISTRATION = "eidas_registration"
    EID_SESSION = "eid_session"
    LRA_REGISTRATION = "lra_registration"


class KeyStatus(StrEnum):
    """The status of a key. Revoked and expired are final."""

    ABSENT = "absent"
    REGISTERED = "registered"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Channel(StrEnum):
    """Where a person authenticates."""

    WEB = "web"
    APP = "app"
    DESK = "desk"
    TELEPHONE = "telephone"


class Reason(StrEnum):
    """Why an authentication, or the access to one more service, was refused."""

    KEY_NOT_ACTIVE = "key_not_active"
    PROVIDER_NOT_RECOGNISED = "provider_not_recognised"
    SERVICE_CLOSED = "service_closed"
    LEVEL_ABOVE_KEY = "level_above_key"
    LEVEL_TOO_LOW = "level_too_low"


class SessionStatus(StrEnum):
    """The status of a session. An open session also ends when its time has passed."""

    ABSENT = "absent"
    REFUSED = "refused"
    OPEN = "open"
    ENDED = "ended"


class PartyKind(StrEnum):
    """The kind of the party that is represented."""

    PERSON = "person"
    ENTERPRISE = "enterprise"


class MandateKind(StrEnum):
    """Voluntary; by law (a parent, a guardian, a director); or passed on by a mandatary."""

    VOLUNTARY = "voluntary"
    LEGAL_REPRESENTATION = "legal_representation"
    CHAIN = "chain"


class MandateStatus(StrEnum):
    """The status of a mandate. Withdrawn, rejected and expired are final."""

    ABSENT = "absent"
    REQUESTED = "requested"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    EXPIRED = "expired"


class MandateSide(StrEnum):
    """The two sides of a mandate: who gives it, and who receives it."""

    GIVING = "giving"
    RECEIVING = "receiving"
