"""What an invoice is made of: values, events, commands and state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from domain.kernel import CommandBase, EnterpriseNumber, Jurisdiction, PersonalText, PurposeGroup, fact, personal

# --- Values ---------------------------------------------------------------------------------------------------------

FIRST_RESPONSE_WORKING_DAYS = 3

# A day of the supplier's and the buyer's calendar: Belgium and the Netherlands keep the same civil time.
CIVIL_TIME = ZoneInfo("Europe/Brussels")
_SATURDAY = 5


class InvoiceKind(StrEnum):
    """What the document is (UNTDID 1001: 380 commercial invoice, 381 credit note)."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class SupplierScheme(StrEnum):
    """The register that a supplier's number is from (ISO 6523 identifiers of the Peppol participant schemes)."""

    KBO = "0208"
    KVK = "0106"
    OIN = "0190"


class ResponseState(StrEnum):
    """What the buyer answers (UNCL4343, subset of Peppol Invoice Response), in the order in which it may go on."""

    ACKNOWLEDGED = "AB"
    IN_PROCESS = "IP"
    UNDER_QUERY = "UQ"
    CONDITIONALLY_ACCEPTED = "CA"
    REJECTED = "RE"
    ACCEPTED = "AP"
    PAID = "PD"


class Clarification(StrEnum):
    """Why the buyer answers as it does (Peppol code list OPStatusReason)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """What is known of the organisation that should receive the invoice."""

    organisation_id: str
    enrolled: bool
    jurisdiction: Jurisdiction


UNKNOWN_BUYER = Buyer(organisation_id="", enrolled=False, jurisdiction=Jurisdiction.BE)


def response_due_on(received_at: datetime) -> date:
    """Return the last day for the first response: three working days after the day of receipt, in civil time.

    Working days are Monday to Friday; public holidays are not taken out.
    """
    day, left = received_at.astimezone(CIVIL_TIME).date(), FIRST_RESPONSE_WORKING_DAYS
    while left > 0:
        day += timedelta(days=1)
        left -= 1 if day.weekday() < _SATURDAY else 0
    return day


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEvent:
    """What every event of an invoice carries: the parties that may see it. The jurisdiction is the buyer's."""

    jurisdiction: Jurisdiction
    buyer_id: str
    supplier_scheme: SupplierScheme
    supplier_number: str
    received_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReceived(InvoiceEvent):
    """`payable_cents` counts hundredths of the currency's unit. `response_due_on` is a day in civil time.

    `seller_contact` is whom to ask at the seller (EN 16931, BT-41), a person known there as `seller_contact_id`.
    """

    kind: InvoiceKind
    number: str
    issue_date: date
    due_date: date | None
    payable_cents: int
    currency: str
    document_sha256: str
    media_type: str
    response_due_on: date
    seller_contact_id: str = ""
    seller_contact: PersonalText = personal("seller_contact_id", PurposeGroup.INVOICING, default=PersonalText(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceValidated(InvoiceEvent):
    rule_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefused(InvoiceEvent):
    """Number and issue date stand here because the refusal sets them free."""

    number: str
    issue_date: date
    rule_set: str
    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceResponseGiven(InvoiceEvent):
    """`on_time` says of the first response whether it came within its days; of any later one it is None."""

    response_number: int
    state: ResponseState
    partial: bool
    clarifications: tuple[Clarification, ...]
    clarification_sha256: str
    on_time: bool | None


Verdict = InvoiceValidated | InvoiceRefused
Event = InvoiceReceived | Verdict | InvoiceResponseGiven

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "e-invoice-exchange"
    invoice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveInvoice(InvoiceCommand):
    """Delivered by the supplier's own organisation or by an access point, which answers for who the supplier is.

    `document_sha256` is the base64url digest under which the document is kept. A due date may be absent (EN 16931).
    """

    kind: InvoiceKind
    supplier_scheme: SupplierScheme
    supplier_number: EnterpriseNumber
    buyer_id: str
    number: str
    issue_date: date
    due_date: date | None = None
    payable_cents: int
    currency: str
    document_sha256: str
    media_type: str
    seller_contact_id: str = ""
    seller_contact: str = ""
    buyer: Buyer = fact(UNKNOWN_BUYER)
    contact_registered: bool = fact(unknown=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateInvoice(InvoiceCommand):
    """`rule_set` names the rules and their version by which the document was checked."""

    rule_set: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseInvoice(InvoiceCommand):
    rule_set: str
    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondToInvoice(InvoiceCommand):
    """A payment is partial when `clarifications` says PPD.

    The words of a clarification stay with the parties, for they may be personal or commercial; the log keeps their
    SHA-256 in base64url.
    """

    state: ResponseState
    clarifications: tuple[Clarification, ...] = ()
    clarification_sha256: str = ""


Commands = ReceiveInvoice | ValidateInvoice | RefuseInvoice | RespondToInvoice

# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    received: InvoiceReceived | None = None
    verdict: Verdict | None = None
    last_response: InvoiceResponseGiven | None = None
