"""Invoicing: received once, validated or refused with rule ids, then answered by the buyer, never backwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.invoicing.model import (
    Clarification,
    InvoiceCommand,
    InvoiceKind,
    InvoiceReceived,
    InvoiceRefused,
    InvoiceResponseGiven,
    InvoiceValidated,
    ReceiveInvoice,
    RefuseInvoice,
    RespondToInvoice,
    ResponseState,
    SupplierScheme,
    ValidateInvoice,
    response_due_on,
)
from domain.invoicing.rules import INVOICE
from domain.kernel import (
    CaribbeanIsland,
    Claim,
    Duplicate,
    EnterpriseNumber,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    Refusal,
    RuleBroken,
)
from domain.kernel.working_days import end_of_day
from tests.domain.given import given

AT = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)  # a Tuesday
BUYER, ACCESS_POINT, PLATFORM, ID = "org-city", "org-access-point", "org-platform", "invoice-1"
SUPPLIER = EnterpriseNumber("0123456749")
SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
RULES = "peppol-bis-billing-3.0.13"

RECEIVE = ReceiveInvoice(
    at=AT,
    by=ACCESS_POINT,
    invoice_id=ID,
    kind=InvoiceKind.INVOICE,
    supplier_scheme=SupplierScheme.KBO,
    supplier_number=SUPPLIER,
    buyer_id=BUYER,
    number="2022/0017",
    issue_date=date(2022, 2, 28),
    due_date=date(2022, 3, 30),
    payable_cents=121_000,
    currency="EUR",
    document_sha256=SHA256,
    media_type="application/xml",
    buyer=OrganisationFacts(organisation_id=BUYER, enrolled=True, jurisdiction=Jurisdiction.BE),
    holidays=frozenset(),
)
SYSTEM: dict[str, Any] = {"at": AT, "by": PLATFORM, "invoice_id": ID}
VALIDATE = ValidateInvoice(**SYSTEM, rule_set=RULES)
REFUSE = RefuseInvoice(**SYSTEM, rule_set=RULES, rule_ids=("BR-CO-15", "PEPPOL-EN16931-R010"))
RESPOND = RespondToInvoice(at=AT, by=BUYER, invoice_id=ID, state=ResponseState.ACKNOWLEDGED)

COMMON: dict[str, Any] = {
    "jurisdiction": Jurisdiction.BE,
    "buyer_id": BUYER,
    "supplier_scheme": SupplierScheme.KBO,
    "supplier_number": "0123456749",
    "received_from": ACCESS_POINT,
}
RECEIVED = InvoiceReceived(
    **COMMON,
    kind=InvoiceKind.INVOICE,
    number="2022/0017",
    issue_date=date(2022, 2, 28),
    due_date=date(2022, 3, 30),
    payable_cents=121_000,
    currency="EUR",
    document_sha256=SHA256,
    media_type="application/xml",
    response_due_on=date(2022, 3, 4),
    response_due_at=datetime(2022, 3, 4, 23, tzinfo=UTC),
    response_definition=2,
)
VALIDATED = InvoiceValidated(**COMMON, rule_set=RULES)
REFUSED = InvoiceRefused(
    **COMMON,
    number="2022/0017",
    issue_date=date(2022, 2, 28),
    rule_set=RULES,
    rule_ids=("BR-CO-15", "PEPPOL-EN16931-R010"),
)
ACKNOWLEDGED = InvoiceResponseGiven(
    **COMMON,
    response_number=1,
    state=ResponseState.ACKNOWLEDGED,
    partial=False,
    clarifications=(),
    clarification_sha256="",
    on_time=True,
)

REASONS = {
    ResponseState.UNDER_QUERY: (Clarification.REFERENCES_INCORRECT,),
    ResponseState.CONDITIONALLY_ACCEPTED: (Clarification.PAYMENT_TERMS_INCORRECT,),
    ResponseState.REJECTED: (Clarification.NOT_RECOGNISED, Clarification.OTHER),
}
PARTIAL: dict[str, Any] = {"clarifications": (Clarification.PARTIALLY_PAID,), "clarification_sha256": SHA256}


def respond(state: ResponseState, **said: Any) -> RespondToInvoice:
    return replace(RESPOND, state=state, **{"clarifications": REASONS.get(state, ()), **said})


def responded(state: ResponseState, number: int = 1, **said: Any) -> InvoiceResponseGiven:
    on_time = True if number == 1 else None
    values = {"clarifications": REASONS.get(state, ()), "on_time": on_time, **said}
    return replace(ACKNOWLEDGED, state=state, response_number=number, **values)


PART_PAYMENT = respond(ResponseState.PAID, **PARTIAL)
PART_PAID = responded(ResponseState.PAID, partial=True, **PARTIAL)

# --- Receiving ------------------------------------------------------------------------------------------------------


def test_an_invoice_is_received_and_it_is_recorded_from_whom() -> None:
    given(INVOICE).when(RECEIVE).then(RECEIVED)


def test_a_credit_note_is_received_without_a_due_date() -> None:
    wish = replace(RECEIVE, kind=InvoiceKind.CREDIT_NOTE, due_date=None, payable_cents=-5_000)
    note = replace(RECEIVED, kind=InvoiceKind.CREDIT_NOTE, due_date=None, payable_cents=-5_000)
    given(INVOICE).when(wish).then(note)


def test_a_dutch_buyer_makes_it_a_dutch_invoice_whatever_the_suppliers_register() -> None:
    wish = replace(
        RECEIVE,
        supplier_scheme=SupplierScheme.KVK,
        supplier_number=EnterpriseNumber("27312152"),
        buyer=replace(RECEIVE.buyer, jurisdiction=Jurisdiction.NL),
    )
    dutch = replace(
        RECEIVED,
        supplier_scheme=SupplierScheme.KVK,
        supplier_number="27312152",
        jurisdiction=Jurisdiction.NL,
    )
    given(INVOICE).when(wish).then(dutch)


def test_one_invoice_for_each_supplier_number_and_year() -> None:
    assert INVOICE.claims(RECEIVE, [RECEIVED]) == [Claim("invoice", "0208:0123456749:2022:2022/0017")]
    next_year = replace(RECEIVED, issue_date=date(2023, 1, 2))
    assert INVOICE.claims(RECEIVE, [next_year]) != INVOICE.claims(RECEIVE, [RECEIVED])


def test_a_refusal_sets_the_number_free_so_that_it_can_be_corrected() -> None:
    assert INVOICE.claims(REFUSE, [REFUSED]) == [Claim("invoice", "0208:0123456749:2022:2022/0017", release=True)]
    assert INVOICE.claims(VALIDATE, [VALIDATED]) == []
    assert INVOICE.claims(RESPOND, [responded(ResponseState.REJECTED)]) == []


def test_a_duplicate_never_touches_the_accepted_original() -> None:
    given(INVOICE, RECEIVED).when(RECEIVE).refused(Duplicate, "invoice-exists")
    given(INVOICE, RECEIVED, VALIDATED).when(replace(RECEIVE, number="other")).refused(Duplicate, "invoice-exists")


def test_the_buyer_is_enrolled_to_receive() -> None:
    given(INVOICE).when(replace(RECEIVE, buyer=OrganisationFacts())).refused(RuleBroken, "buyer-not-enrolled")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"supplier_number": "123456749"}, "invalid-check-digits"),
        ({"supplier_number": "012345674X"}, "invalid-check-digits"),
        ({"supplier_number": "٠١٢٣٤٥٦٧٤٩"}, "invalid-check-digits"),
        ({"supplier_scheme": SupplierScheme.KVK}, "invalid-supplier-number"),
        ({"supplier_scheme": SupplierScheme.OIN}, "invalid-supplier-number"),
        ({"number": ""}, "invalid-invoice-number"),
        ({"number": " 17"}, "invalid-invoice-number"),
        ({"number": "1\n7"}, "hidden-character"),
        ({"number": "7" * 101}, "invalid-invoice-number"),
        ({"payable_cents": 10**15 + 1}, "invalid-amount"),
        ({"payable_cents": -(10**15) - 1}, "invalid-amount"),
        ({"currency": "eur"}, "invalid-currency"),
        ({"currency": "EURO"}, "invalid-currency"),
        ({"document_sha256": "e3b0c442" * 8}, "invalid-digest"),
        ({"document_sha256": SHA256[:-1] + "V"}, "invalid-digest"),
        ({"media_type": "application/pdf"}, "unknown-media-type"),
    ],
)
def test_an_unsound_document_is_refused(change: dict[str, Any], code: str) -> None:
    given(INVOICE).when(replace(RECEIVE, **change)).refused(InvalidValue, code)


@pytest.mark.parametrize(
    ("received_at", "due"),
    [
        (datetime(2022, 3, 1, 9, 0, tzinfo=UTC), date(2022, 3, 4)),  # Tuesday: Friday
        (datetime(2022, 3, 2, 9, 0, tzinfo=UTC), date(2022, 3, 7)),  # Wednesday: Monday
        (datetime(2022, 3, 4, 9, 0, tzinfo=UTC), date(2022, 3, 9)),  # Friday: Wednesday
        (datetime(2022, 3, 5, 9, 0, tzinfo=UTC), date(2022, 3, 9)),  # Saturday: Wednesday
        (datetime(2022, 3, 6, 9, 0, tzinfo=UTC), date(2022, 3, 9)),  # Sunday: Wednesday
        (datetime(2022, 3, 1, 22, 59, tzinfo=UTC), date(2022, 3, 4)),  # winter: one minute to midnight
        (datetime(2022, 3, 1, 23, 0, tzinfo=UTC), date(2022, 3, 7)),  # winter: already Wednesday
        (datetime(2022, 6, 7, 22, 0, tzinfo=UTC), date(2022, 6, 13)),  # summer: already Wednesday
    ],
)
def test_the_first_response_is_due_three_working_days_after_the_civil_day_of_receipt(
    received_at: datetime, due: date
) -> None:
    assert response_due_on(received_at, frozenset()) == due
    expected = replace(RECEIVED, response_due_on=due, response_due_at=end_of_day(due))
    given(INVOICE).when(replace(RECEIVE, at=received_at)).then(expected)


def test_holidays_and_civil_time_are_those_of_the_buyer() -> None:
    """Received on Tuesday 23:30 in Bonaire, where Friday is a holiday: Wednesday, Thursday, Monday."""
    buyer = replace(RECEIVE.buyer, jurisdiction=Jurisdiction.NL, island=CaribbeanIsland.BONAIRE)
    command = replace(
        RECEIVE, at=datetime(2022, 3, 2, 3, 30, tzinfo=UTC), buyer=buyer, holidays=frozenset({date(2022, 3, 4)})
    )
    due_at = datetime(2022, 3, 8, 4, tzinfo=UTC)
    expected = replace(RECEIVED, jurisdiction=Jurisdiction.NL, response_due_on=date(2022, 3, 7), response_due_at=due_at)
    given(INVOICE).when(command).then(expected)
    given(INVOICE, expected, VALIDATED).when(replace(RESPOND, at=due_at - timedelta(seconds=1))).then(
        replace(ACKNOWLEDGED, jurisdiction=Jurisdiction.NL)
    )
    given(INVOICE, expected, VALIDATED).when(replace(RESPOND, at=due_at)).then(
        replace(ACKNOWLEDGED, jurisdiction=Jurisdiction.NL, on_time=False)
    )


def test_a_verdict_of_before_public_holidays_were_left_out_stays() -> None:
    older = replace(RECEIVED, response_due_at=None, response_definition=1)
    for at, on_time in (
        (datetime(2022, 3, 4, 22, 59, tzinfo=UTC), True),
        (datetime(2022, 3, 4, 23, tzinfo=UTC), False),
    ):
        given(INVOICE, older, VALIDATED).when(replace(RESPOND, at=at)).then(replace(ACKNOWLEDGED, on_time=on_time))


# --- The verdict ----------------------------------------------------------------------------------------------------


def test_an_invoice_is_validated_or_refused_with_rule_ids() -> None:
    given(INVOICE, RECEIVED).when(VALIDATE).then(VALIDATED)
    given(INVOICE, RECEIVED).when(REFUSE).then(REFUSED)


def test_the_same_verdict_twice_says_nothing_new() -> None:
    given(INVOICE, RECEIVED, VALIDATED).when(VALIDATE).then()
    given(INVOICE, RECEIVED, REFUSED).when(REFUSE).then()


@pytest.mark.parametrize(
    ("verdict", "wish"),
    [
        (VALIDATED, REFUSE),
        (REFUSED, VALIDATE),
        (VALIDATED, replace(VALIDATE, rule_set="peppol-bis-billing-3.0.14")),
        (REFUSED, replace(REFUSE, rule_ids=("BR-01",))),
    ],
)
def test_a_verdict_is_not_changed(verdict: InvoiceValidated | InvoiceRefused, wish: InvoiceCommand) -> None:
    given(INVOICE, RECEIVED, verdict).when(wish).refused(RuleBroken, "invoice-already-judged")


@pytest.mark.parametrize("rule_ids", [(), ("",), ("the sum is wrong",), ("R" * 65,), ("BR-01",) * 201])
def test_a_refusal_names_the_rules_that_were_broken(rule_ids: tuple[str, ...]) -> None:
    given(INVOICE, RECEIVED).when(replace(REFUSE, rule_ids=rule_ids)).refused(InvalidValue, "invalid-rule-ids")


@pytest.mark.parametrize("wish", [VALIDATE, REFUSE])
def test_a_verdict_names_its_rule_set(wish: ValidateInvoice | RefuseInvoice) -> None:
    given(INVOICE, RECEIVED).when(replace(wish, rule_set="")).refused(InvalidValue, "invalid-rule-set")


@pytest.mark.parametrize("wish", [VALIDATE, REFUSE, RESPOND])
def test_nothing_happens_to_an_invoice_that_does_not_exist(wish: InvoiceCommand) -> None:
    given(INVOICE).when(wish).refused(NotFound, "invoice-not-found")


# --- Responses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [ACCESS_POINT, PLATFORM, "org-stranger"])
def test_only_the_buyer_responds(caller: str) -> None:
    given(INVOICE, RECEIVED, VALIDATED).when(replace(RESPOND, by=caller)).refused(NotAllowed, "not-the-buyer")


def test_only_a_validated_invoice_is_responded_to() -> None:
    given(INVOICE, RECEIVED).when(RESPOND).refused(RuleBroken, "invoice-not-validated")
    given(INVOICE, RECEIVED, REFUSED).when(RESPOND).refused(RuleBroken, "invoice-not-validated")


@pytest.mark.parametrize("state", ResponseState)
def test_the_first_response_may_be_any_state(state: ResponseState) -> None:
    given(INVOICE, RECEIVED, VALIDATED).when(respond(state)).then(responded(state))


# One row for each last response, one column for each next one: yes, no, or "=" for a wish that only repeats.
MATRIX = """
      AB IP UQ CA RE AP PD
  AB  =  y  y  y  y  y  y
  IP  n  =  y  y  y  y  y
  UQ  n  n  y  y  y  y  y
  CA  n  n  n  =  y  y  y
  RE  n  n  n  n  =  n  n
  AP  n  n  n  n  n  =  y
  PD  n  n  n  n  n  n  =
"""
REFUSAL = {ResponseState.REJECTED: "invoice-rejected", ResponseState.PAID: "invoice-paid"}


def cells() -> list[tuple[ResponseState, ResponseState, str]]:
    header, *rows = MATRIX.strip().splitlines()
    return [
        (ResponseState(row.split()[0]), ResponseState(column), cell)
        for row in rows
        for column, cell in zip(header.split(), row.split()[1:], strict=True)
    ]


def test_the_matrix_is_whole() -> None:
    assert {(last, following) for last, following, _ in cells()} == {
        (last, following) for last in ResponseState for following in ResponseState
    }


@pytest.mark.parametrize(("last", "following", "cell"), cells())
def test_a_response_goes_forward_only(last: ResponseState, following: ResponseState, cell: str) -> None:
    wish = given(INVOICE, RECEIVED, VALIDATED, responded(last)).when(respond(following))
    match cell:
        case "y":
            wish.then(responded(following, 2))
        case "=":
            wish.then()
        case _:
            wish.refused(RuleBroken, REFUSAL.get(last, "response-out-of-order"))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ResponseState.ACKNOWLEDGED, "response-out-of-order"),
        (ResponseState.CONDITIONALLY_ACCEPTED, "response-out-of-order"),
        (ResponseState.REJECTED, "invoice-rejected"),
        (ResponseState.ACCEPTED, "response-out-of-order"),
        (ResponseState.PAID, "invoice-paid"),
    ],
)
def test_the_same_state_with_other_words_is_no_repetition(state: ResponseState, code: str) -> None:
    other_words = respond(state, clarification_sha256="A" * 43)
    given(INVOICE, RECEIVED, VALIDATED, responded(state)).when(other_words).refused(RuleBroken, code)


def test_a_partial_payment_may_be_followed_by_more_until_all_is_paid() -> None:
    history = (RECEIVED, VALIDATED, PART_PAID)
    second = replace(PART_PAID, response_number=2, on_time=None)
    given(INVOICE, RECEIVED, VALIDATED).when(PART_PAYMENT).then(PART_PAID)
    given(INVOICE, *history).when(PART_PAYMENT).then(second)
    given(INVOICE, *history, second).when(respond(ResponseState.PAID)).then(responded(ResponseState.PAID, 3))


@pytest.mark.parametrize("state", [state for state in ResponseState if state is not ResponseState.PAID])
def test_after_a_partial_payment_only_payment(state: ResponseState) -> None:
    given(INVOICE, RECEIVED, VALIDATED, PART_PAID).when(respond(state)).refused(RuleBroken, "response-out-of-order")


def test_after_payment_in_full_no_partial_payment() -> None:
    paid = responded(ResponseState.PAID)
    given(INVOICE, RECEIVED, VALIDATED, paid).when(PART_PAYMENT).refused(RuleBroken, "invoice-paid")


@pytest.mark.parametrize("state", REASONS)
def test_a_query_a_condition_and_a_rejection_need_a_reason(state: ResponseState) -> None:
    silent = respond(state, clarifications=())
    given(INVOICE, RECEIVED, VALIDATED).when(silent).refused(InvalidValue, "clarification-missing")


@pytest.mark.parametrize("state", [state for state in ResponseState if state is not ResponseState.PAID])
def test_only_a_payment_is_partial(state: ResponseState) -> None:
    given(INVOICE, RECEIVED, VALIDATED).when(respond(state, **PARTIAL)).refused(InvalidValue, "partial-without-payment")


def test_a_partial_payment_is_explained_in_words() -> None:
    silent = replace(PART_PAYMENT, clarification_sha256="")
    given(INVOICE, RECEIVED, VALIDATED).when(silent).refused(InvalidValue, "clarification-missing")


def test_a_clarification_is_sound() -> None:
    twice = respond(ResponseState.REJECTED, clarifications=(Clarification.OTHER, Clarification.OTHER))
    prose = respond(ResponseState.REJECTED, clarification_sha256="we never ordered this")
    given(INVOICE, RECEIVED, VALIDATED).when(twice).refused(InvalidValue, "clarification-repeated")
    given(INVOICE, RECEIVED, VALIDATED).when(prose).refused(InvalidValue, "invalid-digest")


@pytest.mark.parametrize(
    ("at", "on_time"),
    [
        (datetime(2022, 3, 4, 22, 59, tzinfo=UTC), True),  # the last minute of the last day in civil time
        (datetime(2022, 3, 4, 23, 0, tzinfo=UTC), False),
    ],
)
def test_the_first_response_says_whether_it_was_on_time(at: datetime, on_time: bool) -> None:
    given(INVOICE, RECEIVED, VALIDATED).when(replace(RESPOND, at=at)).then(replace(ACKNOWLEDGED, on_time=on_time))


def test_a_later_response_says_nothing_about_being_on_time() -> None:
    given(INVOICE, RECEIVED, VALIDATED, ACKNOWLEDGED).when(respond(ResponseState.ACCEPTED)).then(
        responded(ResponseState.ACCEPTED, 2, on_time=None)
    )


@forall(st.lists(st.sampled_from([*map(respond, ResponseState), PART_PAYMENT, VALIDATE, REFUSE]), max_size=15))
def test_whatever_is_answered_the_history_never_goes_back(wishes: list[InvoiceCommand]) -> None:
    history: list[Any] = [RECEIVED]
    for wish in wishes:
        try:
            history += INVOICE.decide(wish, INVOICE.fold(history))
        except Refusal:
            continue
    responses = [event for event in history if isinstance(event, InvoiceResponseGiven)]
    order = ["AB", "IP", "UQ", "CA", "RE", "AP", "PD"]
    for earlier, later in pairwise(responses):
        assert earlier.state is not ResponseState.REJECTED
        assert earlier.state is not ResponseState.PAID or earlier.partial
        repeats = earlier.state is later.state and (earlier.state is ResponseState.UNDER_QUERY or earlier.partial)
        assert repeats or order.index(earlier.state) < order.index(later.state)
    assert [event.response_number for event in responses] == list(range(1, len(responses) + 1))
    assert not responses or VALIDATED in history
