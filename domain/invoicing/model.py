"""Values, events, commands and state of an invoice."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Annotated, ClassVar

from domain.kernel import (
    CommandBase,
    InvalidValue,
    Jurisdiction,
    OrganisationFacts,
    PersonalText,
    PurposeGroup,
    fact,
    personal,
)
from domain.kernel.instants import CIVIL_TIME, civil_day
from domain.kernel.kinds import (
    ID,
    Count,
    Currency,
    Digest,
    Kind,
    OptionalDigest,
    ParticipantNumber,
    distinct,
    one_line,
    one_of,
    several,
    whole,
    written,
)
from domain.kernel.participants import ACTIVE_SCHEMES, KBO, KVK, OIN, check_participant
from domain.kernel.working_days import end_of_day, working_day_after

# --- Values ---------------------------------------------------------------------------------------------------------

FIRST_RESPONSE_WORKING_DAYS = 3
RESPONSE_DEFINITION = 2
"""The definition of working days: 1, Monday to Friday; 2, public holidays of the buyer's territory left out."""

MAX_NUMBER_LENGTH = 100
MAX_CONTACT_LENGTH = 200
MAX_AMOUNT_CENTS = 10**15
MAX_RULES = 200
MEDIA_TYPES = frozenset({"application/xml", "text/xml"})
_RULE_PATTERN = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"


class InvoiceKind(StrEnum):
    """The type of the document (UNTDID 1001: 380 commercial invoice, 381 credit note)."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class SupplierScheme(StrEnum):
    """The participant scheme that a supplier's number is from: every one that Peppol has in use (ISO 6523)."""

    _ignore_ = "_code"
    KBO = KBO
    KVK = KVK
    OIN = OIN
    for _code in ACTIVE_SCHEMES:
        if _code not in (KBO, KVK, OIN):
            vars()[f"S{_code}"] = _code


class ResponseState(StrEnum):
    """The answer of the buyer (UNCL4343, subset of Peppol Invoice Response), in the order in which it may go on."""

    ACKNOWLEDGED = "AB"
    IN_PROCESS = "IP"
    UNDER_QUERY = "UQ"
    CONDITIONALLY_ACCEPTED = "CA"
    REJECTED = "RE"
    ACCEPTED = "AP"
    PAID = "PD"


class Clarification(StrEnum):
    """The reason of the buyer's answer (Peppol code list OPStatusReason)."""

    NO_ISSUE = "NON"
    REFERENCES_INCORRECT = "REF"
    LEGAL_INFORMATION_INCORRECT = "LEG"
    RECEIVER_UNKNOWN = "REC"
    ITEM_QUALITY_INSUFFICIENT = "QUA"
    DELIVERY_ISSUES = "DEL"
    PRICES_INCORRECT = "PRI"
    QUANTITY_INCORRECT = "QTY"
    ITEMS_INCORRECT = "ITM"
    PAYMENT_TERMS_INCORRECT = "PAY"
    NOT_RECOGNISED = "UNR"
    FINANCE_INCORRECT = "FIN"
    PARTIALLY_PAID = "PPD"
    OTHER = "OTH"


def response_due_on(received_at: datetime, holidays: Container[date], zone: tzinfo = CIVIL_TIME) -> date:
    """Return the last day for the first response: three working days after the day of receipt, in civil time.

    Working days are Monday to Friday but public holidays. Source: definition `RESPONSE_DEFINITION`.
    """
    return working_day_after(civil_day(received_at, zone), FIRST_RESPONSE_WORKING_DAYS, holidays)


# --- Kinds ----------------------------------------------------------------------------------------------------------


def _check_surroundings(number: str) -> None:
    if number != number.strip():
        raise InvalidValue("invalid-invoice-number", "The invoice must have a number, without spaces around it.")


InvoiceNumber = Annotated[
    str,
    one_line(
        MAX_NUMBER_LENGTH,
        "invalid-invoice-number",
        f"The invoice must have a number of at most {MAX_NUMBER_LENGTH} characters.",
    ),
    Kind(_check_surroundings),
]
# A credit note, or an invoice that was paid in advance, may come to zero or less (EN 16931, BT-115).
PayableCents = Annotated[
    int,
    whole(-MAX_AMOUNT_CENTS, MAX_AMOUNT_CENTS, "invalid-amount", "The amount due is larger than any invoice can be."),
]
InvoiceMediaType = Annotated[
    str, one_of(MEDIA_TYPES, "unknown-media-type", "The document must be XML (application/xml or text/xml).")
]
SELLER_CONTACT = one_line(
    MAX_CONTACT_LENGTH,
    "contact-incomplete",
    "A contact at the seller has a name and the id of the person.",
    too_long=("invalid-seller-contact", f"A contact has at most {MAX_CONTACT_LENGTH} characters."),
)
RuleSet = Annotated[
    str,
    written(
        _RULE_PATTERN, "invalid-rule-set", "The rule set must be named with its version, in at most 64 characters."
    ),
]
_NO_RULE_IDS = ("invalid-rule-ids", f"A refusal names the rules that were broken, at most {MAX_RULES}.")
RuleIds = Annotated[
    tuple[Annotated[str, written(_RULE_PATTERN, *_NO_RULE_IDS)], ...], several(MAX_RULES, *_NO_RULE_IDS, least=1)
]
Clarifications = Annotated[tuple[Clarification, ...], distinct("clarification-repeated", "Each reason is named once.")]

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEvent:
    """The fields of every event of an invoice: the parties that may see it. The jurisdiction is the buyer's."""

    jurisdiction: Jurisdiction
    buyer_id: str
    supplier_scheme: SupplierScheme
    supplier_number: ParticipantNumber
    received_from: Annotated[str, ID]

    def check_whole(self, _at: datetime) -> None:
        check_participant(self.supplier_scheme, self.supplier_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReceived(InvoiceEvent):
    """`payable_cents` counts hundredths of the currency's unit. `response_due_on` is a day in the buyer's civil time.

    `response_due_at` is the instant at which that day ends, `response_definition` the definition of working days by
    which it was found; events of before these fields have no instant, and definition 1. `seller_contact` is the contact
    at the seller (EN 16931, BT-41), the person with the id `seller_contact_id`.
    """

    kind: InvoiceKind
    number: InvoiceNumber
    issue_date: date
    due_date: date | None
    payable_cents: PayableCents
    currency: Currency
    document_sha256: Digest
    media_type: InvoiceMediaType
    response_due_on: date
    seller_contact_id: str = ""
    seller_contact: Annotated[PersonalText, SELLER_CONTACT] = personal(
        "seller_contact_id", PurposeGroup.INVOICING, default=PersonalText("")
    )
    response_due_at: datetime | None = None
    response_definition: Count = 1

    @property
    def overdue_at(self) -> datetime:
        """The instant from which a first response is late."""
        return self.response_due_at or end_of_day(self.response_due_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceValidated(InvoiceEvent):
    rule_set: RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefused(InvoiceEvent):
    """The refusal sets number and issue date free, so the event has them."""

    number: InvoiceNumber
    issue_date: date
    rule_set: RuleSet
    rule_ids: RuleIds


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceResponseGiven(InvoiceEvent):
    """`on_time`: whether the first response came within its days; None for any later one."""

    response_number: Count
    state: ResponseState
    partial: bool
    clarifications: Clarifications
    clarification_sha256: OptionalDigest
    on_time: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceResponseOverdue(InvoiceEvent):
    """The buyer's days for a first response ended without one."""

    response_due_at: datetime


Verdict = InvoiceValidated | InvoiceRefused
Event = InvoiceReceived | Verdict | InvoiceResponseGiven | InvoiceResponseOverdue

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "e-invoice-exchange"
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveInvoice(InvoiceCommand):
    """Delivered by the supplier's own organisation or by an access point, which vouches for the supplier.

    `document_sha256` is the base64url digest under which the document is kept. A due date may be absent (EN 16931).
    """

    kind: InvoiceKind
    supplier_scheme: SupplierScheme
    supplier_number: ParticipantNumber
    buyer_id: str
    number: InvoiceNumber
    issue_date: date
    due_date: date | None = None
    payable_cents: PayableCents
    currency: Currency
    document_sha256: Digest
    media_type: InvoiceMediaType
    seller_contact_id: str = ""
    seller_contact: Annotated[str, SELLER_CONTACT] = ""
    buyer: OrganisationFacts = fact(OrganisationFacts())
    holidays: frozenset[date] | None = fact(None)
    contact_registered: bool = fact(unknown=False)

    def check_whole(self, _at: datetime) -> None:
        check_participant(self.supplier_scheme, self.supplier_number)
        if bool(self.seller_contact) != bool(self.seller_contact_id):
            raise InvalidValue("contact-incomplete", "A contact at the seller has a name and the id of the person.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateInvoice(InvoiceCommand):
    """`rule_set` names the rules and their version by which the document was checked."""

    rule_set: RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseInvoice(InvoiceCommand):
    rule_set: RuleSet
    rule_ids: RuleIds


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondToInvoice(InvoiceCommand):
    """A payment is partial when `clarifications` has PPD.

    The words of a clarification stay with the parties, for they may be personal or commercial; the log keeps their
    SHA-256 in base64url.
    """

    state: ResponseState
    clarifications: Clarifications = ()
    clarification_sha256: OptionalDigest = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareResponseOverdue(InvoiceCommand):
    """The platform tells buyer and supplier that the first response is overdue."""


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    received: InvoiceReceived | None = None
    verdict: Verdict | None = None
    last_response: InvoiceResponseGiven | None = None
    overdue: bool = False
