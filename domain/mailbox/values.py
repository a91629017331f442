"""Values of the mailbox: channels, message types, contents and payments, and what is known of the others involved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.kernel import InvalidValue, Jurisdiction

MAX_SUBJECT_LENGTH = 400
MAX_ATTACHMENTS = 6
MAX_ATTACHMENT_BYTES = 1 << 30
MAX_AMOUNT_CENTS = 10**15

_SHA256_BASE64URL = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # 256 bits leave two zero bits at the end
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_FAILURE_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class OwnerKind(StrEnum):
    """Whose mailbox it is; the id of the mailbox is the id of that person or organisation."""

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
    """Why a message went by its channel: shown to the sender and kept in the event."""

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
    """Where a sender's days begin and end: the two capitals, and the public bodies of the Caribbean Netherlands."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part of a message, known by its digest (SHA-256, base64url, no padding); its text stays with the parties."""

    media_type: str
    size_bytes: int
    sha256: str
    main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What is to be paid: integer cents, an ISO 4217 currency, and a structured reference in digits or as RF."""

    amount_cents: int
    currency: str
    reference: str


def check_contents(contents: tuple[Attachment, ...]) -> None:
    if len(contents) > MAX_ATTACHMENTS:
        raise InvalidValue("too-many-attachments", f"A message has at most {MAX_ATTACHMENTS} attachments.")
    if sum(attachment.main for attachment in contents) != 1:
        raise InvalidValue("not-one-main-content", "A message has exactly one main content.")
    for attachment in contents:
        if not _SHA256_BASE64URL.fullmatch(attachment.sha256):
            raise InvalidValue("invalid-digest", "The digest of an attachment must be a SHA-256 in base64url.")
        if not _MEDIA_TYPE.fullmatch(attachment.media_type):
            raise InvalidValue("invalid-media-type", "The media type of an attachment must be like application/pdf.")
        if attachment.size_bytes <= 0:
            raise InvalidValue("empty-attachment", "An attachment cannot be empty.")
        if attachment.size_bytes > MAX_ATTACHMENT_BYTES:
            raise InvalidValue("attachment-too-large", f"An attachment has at most {MAX_ATTACHMENT_BYTES} bytes.")


def check_failure_code(code: str) -> None:
    """Take only a code: free text of a provider could carry the address itself."""
    if not _FAILURE_CODE.fullmatch(code):
        raise InvalidValue("invalid-failure-code", "A failed notification is reported with a short code that says why.")


def check_payment(payment: Payment) -> None:
    if not 0 < payment.amount_cents <= MAX_AMOUNT_CENTS:
        raise InvalidValue("invalid-amount", "The amount to be paid must be more than zero, and one that can be paid.")
    if not _CURRENCY.fullmatch(payment.currency):
        raise InvalidValue("invalid-currency", "The currency must be a code of three capitals, like EUR.")
    if not _is_structured_reference(payment.reference):
        raise InvalidValue("invalid-payment-reference", "The structured reference of the payment is not right.")


BELGIAN_REFERENCE_LENGTH = 12
DUTCH_REFERENCE_LENGTH = 16
_DUTCH_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1, 2, 4, 8, 5, 10)
_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")


def _is_structured_reference(reference: str) -> bool:
    """Tell whether the check digits are right: Belgian OGM-VCS, Dutch payment reference or ISO 11649 (RF)."""
    if _CREDITOR_REFERENCE.fullmatch(reference):
        return int("".join(str(int(sign, 36)) for sign in reference[4:] + reference[:4])) % 97 == 1
    if not (reference.isascii() and reference.isdigit()):
        return False
    if len(reference) == BELGIAN_REFERENCE_LENGTH:
        return int(reference[:10]) % 97 in (int(reference[10:]), int(reference[10:]) % 97)
    if len(reference) == DUTCH_REFERENCE_LENGTH:
        # Weighted modulus 11; its two-digit outcomes 10 and 11 are written as 1 and 0 (Dutch Payments Association).
        products = (int(d) * w for d, w in zip(reference[:0:-1], _DUTCH_WEIGHTS, strict=True))
        check = 11 - sum(products) % 11
        return int(reference[0]) == {10: 1, 11: 0}.get(check, check)
    return False


# --- Facts of other streams -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxProvider:
    """The organisation that passes on a wish about a mailbox, and whether the owner consented to digital post there."""

    organisation_id: str
    enrolled: bool
    has_consent: bool
    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The organisation that sends; `double_channel_until` is the last day on which it also sends on paper."""

    organisation_id: str
    enrolled: bool
    jurisdiction: Jurisdiction
    organisation_type: str
    outside_government: bool
    double_channel_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """The grant on which a delivery rests: at which provider, and which of that person's grants there."""

    provider_id: str
    grant_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """For whom a message is: the active consents of a person, and the mailbox as far as it was opened."""

    owner_kind: OwnerKind | None
    consents: tuple[ConsentEvidence, ...] = ()
    mailbox_provider_id: str = ""
    address_verified: bool = False
    taken_into_use: bool = False
    exclusive_digital: bool = False

    @property
    def digital_provider_ids(self) -> tuple[str, ...]:
        """Where the message can be delivered: for a person only by consent, for an enterprise in its open mailbox."""
        if self.owner_kind is OwnerKind.PERSON:
            return tuple(consent.provider_id for consent in self.consents)
        return (self.mailbox_provider_id,) if self.mailbox_provider_id else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The message that a new one answers."""

    exists: bool
    reply_allowed: bool = False
    sender_id: str = ""
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a message: the provider through which, and the mandate in force of the acting person, if any."""

    provider_enrolled: bool
    provider_has_consent: bool
    mandate_id: str = ""
    mandator_id: str = ""


UNKNOWN_PROVIDER = MailboxProvider(organisation_id="", enrolled=False, has_consent=False, jurisdiction=Jurisdiction.BE)
UNKNOWN_SENDER = Sender(
    organisation_id="",
    enrolled=False,
    jurisdiction=Jurisdiction.BE,
    organisation_type="",
    outside_government=False,
    double_channel_until=None,
)
UNKNOWN_RECIPIENT = Recipient(owner_kind=None)
UNKNOWN_ORIGINAL = Original(exists=False)
UNKNOWN_READER = Reader(provider_enrolled=False, provider_has_consent=False)
