"""Rules of an invoice, and the state that each event leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from domain.invoicing.model import (
    RESPONSE_DEFINITION,
    Clarification,
    DeclareResponseOverdue,
    Event,
    Invoice,
    InvoiceCommand,
    InvoiceEvent,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceResponseOverdue,
    InvoiceValidated,
    ReceiveInvoice,
    RefuseInvoice,
    RespondToInvoice,
    ResponseState,
    ValidateInvoice,
    Verdict,
    response_due_on,
)
from domain.kernel import (
    Claim,
    Decider,
    Duplicate,
    InvalidValue,
    NotAllowed,
    NotFound,
    PersonalText,
    RuleBroken,
    carried,
)
from domain.kernel.instants import civil_time_of
from domain.kernel.working_days import end_of_day

_ORDER = {state: place for place, state in enumerate(ResponseState)}
_NEEDS_CLARIFICATION = frozenset(
    {ResponseState.UNDER_QUERY, ResponseState.CONDITIONALLY_ACCEPTED, ResponseState.REJECTED}
)

# --- Rules ----------------------------------------------------------------------------------------------------------


def _receive(command: ReceiveInvoice, state: Invoice) -> Sequence[Event]:
    if state.received is not None:
        raise Duplicate("invoice-exists", "This invoice was received before.")
    if command.seller_contact_id and not command.contact_registered:
        raise NotFound("contact-not-found", "No person is registered under the id of the contact at the seller.")
    if not command.buyer.enrolled:
        raise RuleBroken("buyer-not-enrolled", "This organisation is not enrolled to receive electronic invoices.")
    assert command.holidays is not None, "the handler reads the holidays of the buyer's territory"
    zone = civil_time_of(command.buyer.island)
    due_on = response_due_on(command.at, command.holidays, zone)
    return [
        InvoiceReceived(
            jurisdiction=command.buyer.jurisdiction,
            buyer_id=command.buyer_id,
            supplier_scheme=command.supplier_scheme,
            supplier_number=command.supplier_number,
            received_from=command.by,
            kind=command.kind,
            number=command.number,
            issue_date=command.issue_date,
            due_date=command.due_date,
            payable_cents=command.payable_cents,
            currency=command.currency,
            document_sha256=command.document_sha256,
            media_type=command.media_type,
            response_due_on=due_on,
            response_due_at=end_of_day(due_on, zone),
            response_definition=RESPONSE_DEFINITION,
            seller_contact_id=command.seller_contact_id,
            seller_contact=PersonalText(command.seller_contact),
        )
    ]


def _validate(command: ValidateInvoice, state: Invoice) -> Sequence[Event]:
    received = _received(state)
    validated = InvoiceValidated(**carried(received, InvoiceEvent), rule_set=command.rule_set)
    return _judge(validated, state)


def _refuse(command: RefuseInvoice, state: Invoice) -> Sequence[Event]:
    received = _received(state)
    refused = InvoiceRefused(
        **carried(received, InvoiceEvent),
        number=received.number,
        issue_date=received.issue_date,
        rule_set=command.rule_set,
        rule_ids=command.rule_ids,
    )
    return _judge(refused, state)


def _judge(verdict: Verdict, state: Invoice) -> Sequence[Event]:
    if state.verdict is None:
        return [verdict]
    if state.verdict == verdict:
        return []
    raise RuleBroken("invoice-already-judged", "This invoice was validated or refused before; that is not changed.")


def _respond(command: RespondToInvoice, state: Invoice) -> Sequence[Event]:
    received = _received(state)
    if command.by != received.buyer_id:
        raise NotAllowed("not-the-buyer", "Only the buyer of the invoice can respond to it.")
    _must_be_clarified(command)
    if not isinstance(state.verdict, InvoiceValidated):
        raise RuleBroken("invoice-not-validated", "Only an invoice that passed its validation is responded to.")
    last = state.last_response
    if last is not None and _says_the_same(command, last):
        return []
    _must_follow(command.state, last)
    return [
        InvoiceResponseGiven(
            **carried(received, InvoiceEvent),
            response_number=1 if last is None else last.response_number + 1,
            state=command.state,
            partial=Clarification.PARTIALLY_PAID in command.clarifications,
            clarifications=command.clarifications,
            clarification_sha256=command.clarification_sha256,
            on_time=command.at < received.overdue_at if last is None else None,
        )
    ]


def _declare_overdue(command: DeclareResponseOverdue, state: Invoice) -> Sequence[Event]:
    received = _received(state)
    if isinstance(state.verdict, InvoiceRefused) or state.last_response is not None or state.overdue:
        return []
    if command.at < received.overdue_at:
        raise RuleBroken("response-not-overdue", "The buyer still has time for a first response.")
    return [InvoiceResponseOverdue(**carried(received, InvoiceEvent), response_due_at=received.overdue_at)]


def _received(state: Invoice) -> InvoiceReceived:
    if state.received is None:
        raise NotFound("invoice-not-found", "There is no such invoice.")
    return state.received


def _must_be_clarified(command: RespondToInvoice) -> None:
    """Check the rules PEPPOL-T111-R001, R004 and R005."""
    codes = command.clarifications
    if command.state in _NEEDS_CLARIFICATION and not codes:
        raise InvalidValue("clarification-missing", "A query, a condition or a rejection needs a reason.")
    if Clarification.PARTIALLY_PAID not in codes:
        return
    if command.state is not ResponseState.PAID:
        raise InvalidValue("partial-without-payment", "Only a payment can be partial.")
    if not command.clarification_sha256:
        raise InvalidValue("clarification-missing", "A partial payment needs an explanation in words.")


def _says_the_same(command: RespondToInvoice, last: InvoiceResponseGiven) -> bool:
    """Return whether a command repeats the last response. A query or a part payment may recur: it is no repetition."""
    if last.state is ResponseState.UNDER_QUERY or last.partial:
        return False
    return (command.state, command.clarifications, command.clarification_sha256) == (
        last.state,
        last.clarifications,
        last.clarification_sha256,
    )


def _must_follow(state: ResponseState, last: InvoiceResponseGiven | None) -> None:
    """Check the order of the states: any may be skipped, none goes back."""
    if last is None:
        return
    if last.state is ResponseState.REJECTED:
        raise RuleBroken("invoice-rejected", "The invoice was rejected; nothing follows on that.")
    if last.state is ResponseState.PAID and not last.partial:
        raise RuleBroken("invoice-paid", "The invoice was paid in full; nothing follows on that.")
    may_repeat = last.state is ResponseState.UNDER_QUERY or last.partial
    if _ORDER[state] < _ORDER[last.state] or (state is last.state and not may_repeat):
        raise RuleBroken("response-out-of-order", f"After {last.state}, the response {state} is no longer possible.")


def evolve(state: Invoice, event: Event) -> Invoice:
    match event:
        case InvoiceReceived():
            return Invoice(received=event)
        case InvoiceValidated() | InvoiceRefused():
            return replace(state, verdict=event)
        case InvoiceResponseGiven():
            return replace(state, last_response=event)
        case InvoiceResponseOverdue():
            return replace(state, overdue=True)
        case _:
            assert_never(event)


def _claims(_command: InvoiceCommand, events: Sequence[Event]) -> Sequence[Claim]:
    """One invoice for each supplier, number and year of issue, credit notes included.

    A refusal sets the number free in the same append: the supplier corrects the document and sends it again under the
    same number.
    """
    return [
        Claim("invoice", _uniqueness(event), release=isinstance(event, InvoiceRefused))
        for event in events
        if isinstance(event, InvoiceReceived | InvoiceRefused)
    ]


def _uniqueness(event: InvoiceReceived | InvoiceRefused) -> str:
    # The number is last: no other part can hold a colon.
    return f"{event.supplier_scheme}:{event.supplier_number}:{event.issue_date.year}:{event.number}"


INVOICE: Decider[InvoiceCommand, Invoice, Event] = Decider(
    category="invoice",
    key=("invoice_id",),
    initial=Invoice(),
    rules={
        ReceiveInvoice: _receive,
        ValidateInvoice: _validate,
        RefuseInvoice: _refuse,
        RespondToInvoice: _respond,
        DeclareResponseOverdue: _declare_overdue,
    },
    evolve=evolve,
    events={
        "invoicing.invoice-received.v1": InvoiceReceived,
        "invoicing.invoice-validated.v1": InvoiceValidated,
        "invoicing.invoice-refused.v1": InvoiceRefused,
        "invoicing.response-given.v1": InvoiceResponseGiven,
        "invoicing.response-overdue.v1": InvoiceResponseOverdue,
    },
    claims=_claims,
)
