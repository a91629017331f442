"""Values of the mailbox: channels, message types, contents and payments, and the facts of the other parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from domain.kernel import InvalidValue, OrganisationFacts
from domain.kernel.kinds import ID, Count, Currency, Digest, Kind, PaymentReference, one_line, several, whole, written

MAX_SUBJECT_LENGTH = 400
MAX_ATTACHMENTS = 6
MAX_ATTACHMENT_BYTES = 1 << 30
MAX_AMOUNT_CENTS = 10**15


class OwnerKind(StrEnum):
    """The kind of the owner of a mailbox; the id of the mailbox is the id of that person or organisation."""

    PERSON = "person"
    ENTERPRISE = "enterprise"


class AddressKind(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class MessageChannel(StrEnum):
    DIGITAL = "digital"
    PAPER = "paper"
    BOTH = "both"


class ChannelReason(StrEnum):
    """The reason for the channel of a message: shown to the sender and kept in the event."""

    CONSENT = "consent"
    ENTERPRISE_MAILBOX = "enterprise_mailbox"
    DOUBLE_CHANNEL_PERIOD = "double_channel_period"
    EXCLUSIVE_DIGITAL = "exclusive_digital"
    NO_DIGITAL_USER = "no_digital_user"


class MessageType(StrEnum):
    PREMIUM_OR_GRANT = "premium_or_grant"
    PERMIT = "permit"
    ATTESTATION = "attestation"
    CERTIFICATE = "certificate"
    TAX_ASSESSMENT = "tax_assessment"
    TRAFFIC_FINE = "traffic_fine"
    VACCINATION_INVITATION = "vaccination_invitation"
    BENEFIT_DECISION = "benefit_decision"
    VEHICLE_INSPECTION_REMINDER = "vehicle_inspection_reminder"
    WATER_BOARD_ASSESSMENT = "water_board_assessment"
    REPLY = "reply"
    OTHER = "other"


class SenderTimeZone(StrEnum):
    """The time zone of a sender's days: the two capitals, and the public bodies of the Caribbean Netherlands."""

    BRUSSELS = "Europe/Brussels"
    AMSTERDAM = "Europe/Amsterdam"
    BONAIRE = "America/Kralendijk"


class NotificationStatus(StrEnum):
    PENDING = "pending"
    IMPOSSIBLE = "impossible"
    NOTIFIED = "notified"
    FAILED = "failed"


class NotificationOutcome(StrEnum):
    NOTIFIED = "notified"
    FAILED = "failed"


class ImpossibleReason(StrEnum):
    NO_VERIFIED_ADDRESS = "no_verified_address"


# --- Contents and payment -------------------------------------------------------------------------------------------

SUBJECT = one_line(
    MAX_SUBJECT_LENGTH,
    "subject-missing",
    "A message has a subject.",
    too_long=("subject-too-long", f"A subject has at most {MAX_SUBJECT_LENGTH} characters."),
)
SenderType = Annotated[str, ID]
AttachmentMediaType = Annotated[
    str,
    written(
        "[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}",
        "invalid-media-type",
        "The media type of an attachment must be like application/pdf.",
    ),
]
# Free text of a provider could carry the address itself.
FAILURE_CODE = written(
    "[A-Za-z0-9._-]{1,64}", "invalid-failure-code", "A failed notification is reported with a short code that says why."
)


def _check_size(size_bytes: int) -> None:
    if size_bytes <= 0:
        raise InvalidValue("empty-attachment", "An attachment cannot be empty.")
    if size_bytes > MAX_ATTACHMENT_BYTES:
        raise InvalidValue("attachment-too-large", f"An attachment has at most {MAX_ATTACHMENT_BYTES} bytes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part of a message, known by its digest; its text stays with the parties."""

    media_type: AttachmentMediaType
    size_bytes: Annotated[int, Kind(_check_size, {"minimum": 1, "maximum": MAX_ATTACHMENT_BYTES})]
    sha256: Digest
    main: bool = False


def _check_one_main(contents: Sequence[Attachment]) -> None:
    if sum(attachment.main for attachment in contents) != 1:
        raise InvalidValue("not-one-main-content", "A message has exactly one main content.")


Contents = Annotated[
    tuple[Attachment, ...],
    several(MAX_ATTACHMENTS, "too-many-attachments", f"A message has at most {MAX_ATTACHMENTS} attachments."),
    Kind(_check_one_main),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An amount to be paid: integer cents, an ISO 4217 currency, and a structured reference in digits or as RF."""

    amount_cents: Annotated[
        int,
        whole(
            1,
            MAX_AMOUNT_CENTS,
            "invalid-amount",
            "The amount to be paid must be more than zero, and one that can be paid.",
        ),
    ]
    currency: Currency
    reference: PaymentReference


# --- Facts of other streams -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender(OrganisationFacts):
    """The organisation that sends; `double_channel_until` is the last day on which it also sends on paper."""

    organisation_type: str = ""
    outside_government: bool = False
    double_channel_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """The grant on which a delivery rests: at which provider, and which of that person's grants there."""

    provider_id: str
    grant_number: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The recipient of a message: the active consents of a person, and the mailbox if it was opened."""

    owner_kind: OwnerKind | None = None
    consents: tuple[ConsentEvidence, ...] = ()
    mailbox_provider_id: str = ""
    address_verified: bool = False
    taken_into_use: bool = False
    exclusive_digital: bool = False

    @property
    def digital_provider_ids(self) -> tuple[str, ...]:
        """The providers of a digital delivery: for a person only by consent, for an enterprise that of its mailbox."""
        if self.owner_kind is OwnerKind.PERSON:
            return tuple(consent.provider_id for consent in self.consents)
        return (self.mailbox_provider_id,) if self.mailbox_provider_id else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The message that a new one answers."""

    exists: bool = False
    reply_allowed: bool = False
    sender_id: str = ""
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The reader of a message: facts of the provider, and the mandate in force of the acting person, if any."""

    provider_enrolled: bool = False
    provider_has_consent: bool = False
    mandate_id: str = ""
    mandator_id: str = ""
