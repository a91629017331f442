"""The bus: requests of one organisation for a service of another, one stream for each transaction.

A transaction is accepted, which is to say written to the log, before anything is forwarded: what cannot be logged is
refused. The payloads stay with the parties; the log keeps digests, sizes and times, the processing activity and the
legal basis (GDPR art. 5(2), 6 and 30). It ends once, answered, faulted or timed out; a late report changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, assert_never, get_args

from domain.kernel import (
    Claim,
    CommandBase,
    Decider,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    RuleBroken,
    fact,
)

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_ATTEMPTS = 10
MAX_TIMEOUT_S = 7 * 24 * 3600  # an asynchronous request may take some days; the bus does not wait for ever
MAX_PAYLOAD_BYTES = 1 << 30
MAX_TEXT_LENGTH = 400

# A SHA-256 in base64url without padding; the last of its 43 characters carries four bits only.
_SHA256 = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
# References and codes, never free text: nobody's name can slip into the log through them.
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class FaultOrigin(StrEnum):
    """Who could not do it: the target, which answered with a fault, or the bus, which could not deliver."""

    TARGET = "target"
    BUS = "bus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What is known of an organisation at one end of a transaction."""

    organisation_id: str
    enrolled: bool
    jurisdiction: Jurisdiction


UNKNOWN_MEMBER = Member(organisation_id="", enrolled=False, jurisdiction=Jurisdiction.BE)

# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEvent:
    """What every event of a transaction carries. The jurisdiction is the source's: the bus that it enters by."""

    jurisdiction: Jurisdiction
    source_id: str
    target_id: str
    service_family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAccepted(TransactionEvent):
    source_reference: str
    service: str
    request_sha256: str
    request_size_bytes: int
    activity: str
    legal_basis: str
    timeout_s: int
    times_out_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionForwarded(TransactionEvent):
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAnswered(TransactionEvent):
    response_sha256: str
    response_size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFaulted(TransactionEvent):
    origin: FaultOrigin
    fault_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionTimedOut(TransactionEvent):
    pass


TransactionOutcome = TransactionAnswered | TransactionFaulted | TransactionTimedOut
Event = TransactionAccepted | TransactionForwarded | TransactionOutcome

# --- Commands -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCommand(CommandBase):
    ACTIVITY: ClassVar[str] = "service-bus-exchange"
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptTransaction(TransactionCommand):
    """The source, which is the caller, asks for a service. `source_reference` is the source's own transaction id."""

    source_reference: str
    target_id: str
    service_family: str
    service: str
    request_sha256: str
    request_size_bytes: int
    activity: str
    legal_basis: str
    timeout_s: int
    source: Member = fact(UNKNOWN_MEMBER)
    target: Member = fact(UNKNOWN_MEMBER)
    service_family_exists: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardTransaction(TransactionCommand):
    """The platform hands the request to the target. It numbers its attempts, so that a report twice counts once."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTransaction(TransactionCommand):
    response_sha256: str
    response_size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultTransaction(TransactionCommand):
    """The target answers that it could not serve the request."""

    fault_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailDelivery(TransactionCommand):
    """The platform gives up: the request could not be brought to the target."""

    fault_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOutTransaction(TransactionCommand):
    pass


Commands = (
    AcceptTransaction | ForwardTransaction | AnswerTransaction | FaultTransaction | FailDelivery | TimeOutTransaction
)

# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    accepted: TransactionAccepted | None = None
    attempts: int = 0
    outcome: TransactionOutcome | None = None


# --- Rules ----------------------------------------------------------------------------------------------------------


def decide(command: Commands, state: Transaction) -> Sequence[Event]:
    if isinstance(command, AcceptTransaction):
        return _accept(command, state)
    accepted = state.accepted
    if accepted is None:
        raise NotFound("transaction-not-found", "There is no such transaction.")
    match command:
        case ForwardTransaction():
            return _forward(command, state, accepted)
        case AnswerTransaction():
            return _answer(command, state, accepted)
        case FaultTransaction():
            return _fault(command, state, accepted)
        case FailDelivery():
            return _fail_delivery(command, state, accepted)
        case TimeOutTransaction():
            return _time_out(command, state, accepted)
        case _:
            assert_never(command)


def _accept(command: AcceptTransaction, state: Transaction) -> Sequence[Event]:
    if state.accepted is not None:
        raise Duplicate("transaction-exists", "This transaction was accepted before.")
    _must_be_a_sound_request(command)
    _must_join_two_members(command)
    return [
        TransactionAccepted(
            jurisdiction=command.source.jurisdiction,
            source_id=command.by,
            target_id=command.target_id,
            service_family=command.service_family,
            source_reference=command.source_reference,
            service=command.service,
            request_sha256=command.request_sha256,
            request_size_bytes=command.request_size_bytes,
            activity=command.activity,
            legal_basis=command.legal_basis,
            timeout_s=command.timeout_s,
            times_out_at=command.at + timedelta(seconds=command.timeout_s),
        )
    ]


def _must_be_a_sound_request(command: AcceptTransaction) -> None:
    if not _REFERENCE.fullmatch(command.source_reference):
        raise InvalidValue(
            "invalid-source-reference", "The transaction's own reference must be 1 to 100 letters, digits or ._:/-."
        )
    if not _CODE.fullmatch(command.service):
        raise InvalidValue("invalid-service", "The service must be named by a code of 1 to 64 letters, digits or ._:-.")
    _must_be_a_payload(command.request_sha256, command.request_size_bytes)
    if not command.activity.strip() or len(command.activity) > MAX_TEXT_LENGTH:
        raise InvalidValue(
            "processing-activity-missing", f"Name the processing activity, in at most {MAX_TEXT_LENGTH} characters."
        )
    if not command.legal_basis.strip() or len(command.legal_basis) > MAX_TEXT_LENGTH:
        raise InvalidValue("legal-basis-missing", f"Name the legal basis, in at most {MAX_TEXT_LENGTH} characters.")
    if not 1 <= command.timeout_s <= MAX_TIMEOUT_S:
        raise InvalidValue("invalid-timeout", f"The timeout must be between 1 and {MAX_TIMEOUT_S} seconds.")


def _must_join_two_members(command: AcceptTransaction) -> None:
    if not command.source.enrolled:
        raise NotAllowed("not-a-bus-member", "Your organisation is not enrolled as a member of the bus.")
    if command.target_id == command.by:
        raise InvalidValue("target-is-source", "A transaction asks for a service of another organisation.")
    if not command.target.enrolled:
        raise RuleBroken("target-not-a-bus-member", "The organisation asked is not enrolled as a member of the bus.")
    if not command.service_family_exists:
        raise NotFound("service-family-not-found", "There is no such service family.")


def _forward(command: ForwardTransaction, state: Transaction, accepted: TransactionAccepted) -> Sequence[Event]:
    if 1 <= command.attempt <= state.attempts:
        return []
    if command.attempt > MAX_ATTEMPTS:
        raise RuleBroken("too-many-attempts", f"A transaction is forwarded at most {MAX_ATTEMPTS} times.")
    if command.attempt != state.attempts + 1:
        raise RuleBroken("attempt-out-of-order", f"The next attempt is number {state.attempts + 1}.")
    if state.outcome is not None:
        raise _finished()
    return [
        TransactionForwarded(
            jurisdiction=accepted.jurisdiction,
            source_id=accepted.source_id,
            target_id=accepted.target_id,
            service_family=accepted.service_family,
            attempt=command.attempt,
        )
    ]


def _answer(command: AnswerTransaction, state: Transaction, accepted: TransactionAccepted) -> Sequence[Event]:
    _must_come_from_the_target(command, state, accepted)
    _must_be_a_payload(command.response_sha256, command.response_size_bytes)
    answered = TransactionAnswered(
        jurisdiction=accepted.jurisdiction,
        source_id=accepted.source_id,
        target_id=accepted.target_id,
        service_family=accepted.service_family,
        response_sha256=command.response_sha256,
        response_size_bytes=command.response_size_bytes,
    )
    return _end_with(answered, state)


def _fault(command: FaultTransaction, state: Transaction, accepted: TransactionAccepted) -> Sequence[Event]:
    _must_come_from_the_target(command, state, accepted)
    return _end_with(_faulted(accepted, FaultOrigin.TARGET, command.fault_code), state)


def _fail_delivery(command: FailDelivery, state: Transaction, accepted: TransactionAccepted) -> Sequence[Event]:
    # Also without any attempt: a target whose address is gone cannot even be tried.
    return _end_with(_faulted(accepted, FaultOrigin.BUS, command.fault_code), state)


def _time_out(command: TimeOutTransaction, state: Transaction, accepted: TransactionAccepted) -> Sequence[Event]:
    if command.at < accepted.times_out_at:
        raise RuleBroken("timeout-not-passed", "The target still has time to answer.")
    timed_out = TransactionTimedOut(
        jurisdiction=accepted.jurisdiction,
        source_id=accepted.source_id,
        target_id=accepted.target_id,
        service_family=accepted.service_family,
    )
    return _end_with(timed_out, state)


def _must_come_from_the_target(
    command: AnswerTransaction | FaultTransaction, state: Transaction, accepted: TransactionAccepted
) -> None:
    if command.by != accepted.target_id:
        raise NotAllowed("not-the-target", "Only the organisation that was asked can answer.")
    if state.attempts == 0:
        raise RuleBroken("transaction-not-forwarded", "The request was not forwarded yet, so it cannot be answered.")


def _must_be_a_payload(sha256: str, size_bytes: int) -> None:
    if not _SHA256.fullmatch(sha256):
        raise InvalidValue("invalid-digest", "The digest must be a SHA-256 in base64url, 43 characters.")
    if not 0 <= size_bytes <= MAX_PAYLOAD_BYTES:
        raise InvalidValue("invalid-size", f"The size must be between 0 and {MAX_PAYLOAD_BYTES} bytes.")


def _faulted(accepted: TransactionAccepted, origin: FaultOrigin, fault_code: str) -> TransactionFaulted:
    if not _CODE.fullmatch(fault_code):
        raise InvalidValue("invalid-fault-code", "The fault must be a code of 1 to 64 letters, digits or ._:-.")
    return TransactionFaulted(
        jurisdiction=accepted.jurisdiction,
        source_id=accepted.source_id,
        target_id=accepted.target_id,
        service_family=accepted.service_family,
        origin=origin,
        fault_code=fault_code,
    )


def _end_with(outcome: TransactionOutcome, state: Transaction) -> Sequence[Event]:
    """End once. An answer past its time still counts while nobody has declared the transaction timed out."""
    if state.outcome is None:
        return [outcome]
    if state.outcome == outcome:
        return []
    raise _finished()


def _finished() -> RuleBroken:
    return RuleBroken("transaction-finished", "This transaction has ended; a later report does not change that.")


def evolve(state: Transaction, event: Event) -> Transaction:
    match event:
        case TransactionAccepted():
            return Transaction(accepted=event)
        case TransactionForwarded():
            return replace(state, attempts=event.attempt)
        case TransactionAnswered() | TransactionFaulted() | TransactionTimedOut():
            return replace(state, outcome=event)
        case _:
            assert_never(event)


def _claims(_command: Commands, events: Sequence[Event]) -> Sequence[Claim]:
    # A source gives each of its transactions one reference of its own: the same request never travels twice.
    return [
        Claim("bus-transaction", f"{event.source_id}:{event.source_reference}")
        for event in events
        if isinstance(event, TransactionAccepted)
    ]


TRANSACTION: Decider[Commands, Transaction, Event] = Decider(
    category="transaction",
    initial=Transaction(),
    decide=decide,
    evolve=evolve,
    commands=get_args(Commands),
    aggregate_id=lambda command: command.transaction_id,
    events={
        "bus.transaction-accepted.v1": TransactionAccepted,
        "bus.transaction-forwarded.v1": TransactionForwarded,
        "bus.transaction-answered.v1": TransactionAnswered,
        "bus.transaction-faulted.v1": TransactionFaulted,
        "bus.transaction-timed-out.v1": TransactionTimedOut,
    },
    claims=_claims,
)

DECIDERS = (TRANSACTION,)
