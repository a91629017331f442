"""The bus: accepted in the log before anything is forwarded, ended once, and a late report changes nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.bus import (
    MAX_ATTEMPTS,
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_LENGTH,
    MAX_TIMEOUT_S,
    TRANSACTION,
    AcceptTransaction,
    AnswerTransaction,
    FailDelivery,
    FaultOrigin,
    FaultTransaction,
    ForwardTransaction,
    TimeOutTransaction,
    TransactionAccepted,
    TransactionAnswered,
    TransactionCommand,
    TransactionFaulted,
    TransactionForwarded,
    TransactionTimedOut,
)
from domain.kernel import (
    Claim,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    Refusal,
    RuleBroken,
)
from tests.domain.given import given

AT = datetime(2022, 3, 1, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=30)
SOURCE, TARGET, PLATFORM, ID = "org-municipality", "org-register", "org-platform", "transaction-1"
SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
OTHER_SHA256 = "A" * 43

ACCEPT = AcceptTransaction(
    at=AT,
    by=SOURCE,
    transaction_id=ID,
    source_reference="2022-000123",
    target_id=TARGET,
    service_family="person",
    service="person.address.v2",
    request_sha256=SHA256,
    request_size_bytes=812,
    activity="moving-house",
    legal_basis="Act of 8 August 1983, art. 5",
    timeout_s=30,
    source=OrganisationFacts(organisation_id=SOURCE, enrolled=True, jurisdiction=Jurisdiction.BE),
    target=OrganisationFacts(organisation_id=TARGET, enrolled=True, jurisdiction=Jurisdiction.BE),
    service_family_exists=True,
)
SYSTEM: dict[str, Any] = {"at": AT, "by": PLATFORM, "transaction_id": ID}
TARGETS: dict[str, Any] = {"at": AT, "by": TARGET, "transaction_id": ID}
FORWARD = ForwardTransaction(**SYSTEM, attempt=1)
ANSWER = AnswerTransaction(**TARGETS, response_sha256=SHA256, response_size_bytes=2048)
FAULT = FaultTransaction(**TARGETS, fault_code="PERSON-UNKNOWN")
FAIL = FailDelivery(**SYSTEM, fault_code="target-unreachable")
TIME_OUT = TimeOutTransaction(at=LATER, by=PLATFORM, transaction_id=ID)

COMMON: dict[str, Any] = {
    "jurisdiction": Jurisdiction.BE,
    "source_id": SOURCE,
    "target_id": TARGET,
    "service_family": "person",
}
ACCEPTED = TransactionAccepted(
    **COMMON,
    source_reference="2022-000123",
    service="person.address.v2",
    request_sha256=SHA256,
    request_size_bytes=812,
    activity="moving-house",
    legal_basis="Act of 8 August 1983, art. 5",
    timeout_s=30,
    times_out_at=LATER,
)
FORWARDED = TransactionForwarded(**COMMON, attempt=1)
ANSWERED = TransactionAnswered(**COMMON, response_sha256=SHA256, response_size_bytes=2048)
FAULTED = TransactionFaulted(**COMMON, origin=FaultOrigin.TARGET, fault_code="PERSON-UNKNOWN")
FAILED = TransactionFaulted(**COMMON, origin=FaultOrigin.BUS, fault_code="target-unreachable")
TIMED_OUT = TransactionTimedOut(**COMMON)
OUTCOMES = [(ANSWER, ANSWERED), (FAULT, FAULTED), (FAIL, FAILED), (TIME_OUT, TIMED_OUT)]


def test_a_transaction_is_accepted_forwarded_and_answered() -> None:
    given(TRANSACTION).when(ACCEPT).then(ACCEPTED)
    given(TRANSACTION, ACCEPTED).when(FORWARD).then(FORWARDED)
    given(TRANSACTION, ACCEPTED, FORWARDED).when(ANSWER).then(ANSWERED)


def test_the_source_reference_is_claimed_for_that_source_once() -> None:
    assert TRANSACTION.claims(ACCEPT, [ACCEPTED]) == [Claim("bus-transaction", f"{SOURCE}:2022-000123")]
    assert TRANSACTION.claims(FORWARD, [FORWARDED]) == []


def test_what_was_accepted_is_not_accepted_again() -> None:
    given(TRANSACTION, ACCEPTED).when(ACCEPT).refused(Duplicate, "transaction-exists")


@pytest.mark.parametrize("wish", [FORWARD, ANSWER, FAULT, FAIL, TIME_OUT])
def test_nothing_happens_to_a_transaction_that_does_not_exist(wish: TransactionCommand) -> None:
    given(TRANSACTION).when(wish).refused(NotFound, "transaction-not-found")


def test_both_ends_are_members_of_the_bus() -> None:
    outsider = replace(ACCEPT.source, enrolled=False)
    given(TRANSACTION).when(replace(ACCEPT, source=outsider)).refused(NotAllowed, "not-a-bus-member")
    given(TRANSACTION).when(replace(ACCEPT, target=outsider)).refused(RuleBroken, "target-not-a-bus-member")


def test_nothing_is_accepted_while_the_facts_are_unknown() -> None:
    bare = {field.name: getattr(ACCEPT, field.name) for field in fields(AcceptTransaction)}
    for name in ("source", "target", "service_family_exists"):
        del bare[name]
    given(TRANSACTION).when(AcceptTransaction(**bare)).refused(NotAllowed, "not-a-bus-member")


def test_the_service_family_exists() -> None:
    unknown = replace(ACCEPT, service_family_exists=False)
    given(TRANSACTION).when(unknown).refused(NotFound, "service-family-not-found")


def test_an_organisation_does_not_ask_itself() -> None:
    given(TRANSACTION).when(replace(ACCEPT, target_id=SOURCE)).refused(InvalidValue, "target-is-source")


def test_the_transaction_belongs_to_the_jurisdiction_of_its_source() -> None:
    dutch = replace(ACCEPT.source, jurisdiction=Jurisdiction.NL)
    given(TRANSACTION).when(replace(ACCEPT, source=dutch)).then(replace(ACCEPTED, jurisdiction=Jurisdiction.NL))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source_reference": ""}, "invalid-source-reference"),
        ({"source_reference": "x" * 101}, "invalid-source-reference"),
        ({"source_reference": "Jan Peeters"}, "invalid-source-reference"),
        ({"service": ""}, "invalid-service"),
        ({"service": "s" * 65}, "invalid-service"),
        ({"request_sha256": SHA256 + "="}, "invalid-digest"),
        ({"request_sha256": SHA256[:-1] + "V"}, "invalid-digest"),
        ({"request_sha256": SHA256 + "\n"}, "invalid-digest"),
        ({"request_size_bytes": -1}, "invalid-size"),
        ({"request_size_bytes": MAX_PAYLOAD_BYTES + 1}, "invalid-size"),
        ({"activity": ""}, "processing-activity-missing"),
        ({"activity": "   "}, "processing-activity-missing"),
        ({"activity": "a" * (MAX_TEXT_LENGTH + 1)}, "processing-activity-missing"),
        ({"legal_basis": ""}, "legal-basis-missing"),
        ({"legal_basis": " "}, "legal-basis-missing"),
        ({"legal_basis": "a" * (MAX_TEXT_LENGTH + 1)}, "legal-basis-missing"),
        ({"timeout_s": 0}, "invalid-timeout"),
        ({"timeout_s": MAX_TIMEOUT_S + 1}, "invalid-timeout"),
    ],
)
def test_an_unsound_request_is_refused(change: dict[str, Any], code: str) -> None:
    given(TRANSACTION).when(replace(ACCEPT, **change)).refused(InvalidValue, code)


def test_attempts_count_up_and_a_report_twice_counts_once() -> None:
    second = replace(FORWARD, attempt=2)
    given(TRANSACTION, ACCEPTED, FORWARDED).when(FORWARD).then()
    given(TRANSACTION, ACCEPTED, FORWARDED).when(second).then(replace(FORWARDED, attempt=2))
    given(TRANSACTION, ACCEPTED).when(second).refused(RuleBroken, "attempt-out-of-order")
    given(TRANSACTION, ACCEPTED).when(replace(FORWARD, attempt=0)).refused(RuleBroken, "attempt-out-of-order")


def test_attempts_are_bounded() -> None:
    tried = [replace(FORWARDED, attempt=number) for number in range(1, MAX_ATTEMPTS + 1)]
    once_more = replace(FORWARD, attempt=MAX_ATTEMPTS + 1)
    given(TRANSACTION, ACCEPTED, *tried[:-1]).when(replace(FORWARD, attempt=MAX_ATTEMPTS)).then(tried[-1])
    given(TRANSACTION, ACCEPTED, *tried).when(once_more).refused(RuleBroken, "too-many-attempts")


@pytest.mark.parametrize("wish", [ANSWER, FAULT])
def test_nobody_answers_what_was_not_forwarded(wish: AnswerTransaction | FaultTransaction) -> None:
    given(TRANSACTION, ACCEPTED).when(wish).refused(RuleBroken, "transaction-not-forwarded")


@pytest.mark.parametrize("wish", [ANSWER, FAULT])
@pytest.mark.parametrize("caller", [SOURCE, PLATFORM, "org-stranger"])
def test_only_the_target_answers(wish: AnswerTransaction | FaultTransaction, caller: str) -> None:
    given(TRANSACTION, ACCEPTED, FORWARDED).when(replace(wish, by=caller)).refused(NotAllowed, "not-the-target")


def test_an_answer_has_a_digest_and_a_size() -> None:
    wrong, huge = replace(ANSWER, response_sha256="short"), replace(ANSWER, response_size_bytes=MAX_PAYLOAD_BYTES + 1)
    given(TRANSACTION, ACCEPTED, FORWARDED).when(wrong).refused(InvalidValue, "invalid-digest")
    given(TRANSACTION, ACCEPTED, FORWARDED).when(huge).refused(InvalidValue, "invalid-size")


def test_the_target_answers_with_a_fault() -> None:
    given(TRANSACTION, ACCEPTED, FORWARDED).when(FAULT).then(FAULTED)


def test_the_bus_gives_up_with_or_without_an_attempt() -> None:
    given(TRANSACTION, ACCEPTED).when(FAIL).then(FAILED)
    given(TRANSACTION, ACCEPTED, FORWARDED).when(FAIL).then(FAILED)


@pytest.mark.parametrize("wish", [FAULT, FAIL])
def test_a_fault_is_a_code_and_never_prose(wish: FaultTransaction | FailDelivery) -> None:
    for words in ("", "No such person: Jan Peeters", "x" * 65):
        prose = replace(wish, fault_code=words)
        given(TRANSACTION, ACCEPTED, FORWARDED).when(prose).refused(InvalidValue, "invalid-fault-code")


def test_a_transaction_times_out_only_when_its_time_has_passed() -> None:
    early = replace(TIME_OUT, at=LATER - timedelta(microseconds=1))
    given(TRANSACTION, ACCEPTED, FORWARDED).when(early).refused(RuleBroken, "timeout-not-passed")
    given(TRANSACTION, ACCEPTED, FORWARDED).when(TIME_OUT).then(TIMED_OUT)
    given(TRANSACTION, ACCEPTED).when(TIME_OUT).then(TIMED_OUT)


def test_an_answer_past_its_time_counts_while_nobody_declared_the_timeout() -> None:
    late = replace(ANSWER, at=LATER + timedelta(hours=1))
    given(TRANSACTION, ACCEPTED, FORWARDED).when(late).then(ANSWERED)


@pytest.mark.parametrize(("_wish", "outcome"), OUTCOMES)
@pytest.mark.parametrize(("report", "reported"), OUTCOMES)
def test_a_late_report_never_overturns_an_outcome(
    _wish: TransactionCommand, outcome: Any, report: TransactionCommand, reported: Any
) -> None:
    ended = given(TRANSACTION, ACCEPTED, FORWARDED, outcome)
    if reported == outcome:
        ended.when(report).then()
    else:
        ended.when(report).refused(RuleBroken, "transaction-finished")


@pytest.mark.parametrize(
    ("outcome", "report"),
    [
        (ANSWERED, replace(ANSWER, response_sha256=OTHER_SHA256)),
        (FAULTED, replace(FAULT, fault_code="OTHER")),
        (FAILED, replace(FAIL, fault_code="other")),
        (ANSWERED, replace(FORWARD, attempt=2)),
    ],
)
def test_another_report_of_the_same_sort_does_not_overturn_it_either(outcome: Any, report: TransactionCommand) -> None:
    given(TRANSACTION, ACCEPTED, FORWARDED, outcome).when(report).refused(RuleBroken, "transaction-finished")


def test_the_report_of_an_attempt_that_is_known_says_nothing_after_the_end() -> None:
    given(TRANSACTION, ACCEPTED, FORWARDED, ANSWERED).when(FORWARD).then()


WISHES = [ACCEPT, FORWARD, replace(FORWARD, attempt=2), replace(FORWARD, attempt=3), ANSWER, FAULT, FAIL, TIME_OUT]


@forall(st.lists(st.sampled_from(WISHES), max_size=12))
def test_whatever_is_wished_a_transaction_begins_accepted_and_ends_once(wishes: list[TransactionCommand]) -> None:
    history: list[Any] = []
    for wish in wishes:
        try:
            history += TRANSACTION.decide(wish, TRANSACTION.fold(history))
        except Refusal:
            continue
    outcomes = (TransactionAnswered, TransactionFaulted, TransactionTimedOut)
    assert [event for event in history if isinstance(event, TransactionAccepted)] == history[:1]
    assert not any(isinstance(event, outcomes) for event in history[:-1])
    attempts = [event.attempt for event in history if isinstance(event, TransactionForwarded)]
    assert attempts == list(range(1, len(attempts) + 1))
