"""The bus: requests of one organisation for a service of another, one stream for each transaction.

A transaction is accepted, which is to say written to the log, before anything is forwarded: a transaction that cannot
be logged is refused. The payloads stay with the parties; the log keeps digests, sizes and times, the processing
activity and the legal basis (GDPR art. 5(2), 6 and 30). It ends once, answered, faulted or timed out; a late report
changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, assert_never

from domain.kernel import (
    Claim,
    CommandBase,
    Decider,
    Duplicate,
    InvalidValue,
    Jurisdiction,
    NotAllowed,
    NotFound,
    OrganisationFacts,
    RuleBroken,
    carried,
    fact,
)
from domain.kernel.kinds import CODE_PATTERN, ID, MAX_COUNT, Digest, one_line, whole, written

# --- Values ---------------------------------------------------------------------------------------------------------

MAX_ATTEMPTS = 10
MAX_TIMEOUT_S = 7 * 24 * 3600  # an asynchronous request may take some days; the bus does not wait for ever
MAX_PAYLOAD_BYTES = 1 << 30
MAX_TEXT_LENGTH = 400

ServiceFamilyCode = Annotated[str, ID]
# References and codes, never free text: no name of a person can come into the log through them.
SourceReference = Annotated[
    str,
    written(
        "[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}",
        "invalid-source-reference",
        "The transaction's own reference must be 1 to 100 letters, digits or ._:/-.",
    ),
]
ServiceCode = Annotated[
    str,
    written(CODE_PATTERN, "invalid-service", "The service must be named by a code of 1 to 64 letters, digits or ._:-."),
]
FaultCode = Annotated[
    str, written(CODE_PATTERN, "invalid-fault-code", "The fault must be a code of 1 to 64 letters, digits or ._:-.")
]
PayloadSize = Annotated[
    int, whole(0, MAX_PAYLOAD_BYTES, "invalid-size", f"The size must be between 0 and {MAX_PAYLOAD_BYTES} bytes.")
]
ProcessingActivity = Annotated[
    str,
    one_line(
        MAX_TEXT_LENGTH,
        "processing-activity-missing",
        f"Name the processing activity, in at most {MAX_TEXT_LENGTH} characters.",
    ),
]
LegalBasis = Annotated[
    str,
    one_line(MAX_TEXT_LENGTH, "legal-basis-missing", f"Name the legal basis, in at most {MAX_TEXT_LENGTH} characters."),
]
TimeoutS = Annotated[
    int, whole(1, MAX_TIMEOUT_S, "invalid-timeout", f"The timeout must be between 1 and {MAX_TIMEOUT_S} seconds.")
]


class FaultOrigin(StrEnum):
    """The party that failed: the target, which answered with a fault, or the bus, which could not deliver."""

    TARGET = "target"
    BUS = "bus"


# --- Events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEvent:
    """The fields of every event of a transaction. The jurisdiction is the source's: the bus that it enters by."""

    jurisdiction: Jurisdiction
    source_id: str
    target_id: str
    service_family: ServiceFamilyCode


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAccepted(TransactionEvent):
    source_reference: SourceReference
    service: ServiceCode
    request_sha256: Digest
    request_size_bytes: PayloadSize
    activity: ProcessingActivity
    legal_basis: LegalBasis
    timeout_s: TimeoutS
    times_out_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionForwarded(TransactionEvent):
    attempt: Annotated[int, whole(1, MAX_ATTEMPTS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAnswered(TransactionEvent):
    response_sha256: Digest
    response_size_bytes: PayloadSize


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFaulted(TransactionEvent):
    origin: FaultOrigin
    fault_code: FaultCode


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

    source_reference: SourceReference
    target_id: str
    service_family: ServiceFamilyCode
    service: ServiceCode
    request_sha256: Digest
    request_size_bytes: PayloadSize
    activity: ProcessingActivity
    legal_basis: LegalBasis
    timeout_s: TimeoutS
    source: OrganisationFacts = fact(OrganisationFacts())
    target: OrganisationFacts = fact(OrganisationFacts())
    service_family_exists: bool = fact(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardTransaction(TransactionCommand):
    """The platform hands the request to the target. It numbers its attempts, so that a report twice counts once."""

    attempt: Annotated[int, whole(-MAX_COUNT, MAX_COUNT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTransaction(TransactionCommand):
    response_sha256: Digest
    response_size_bytes: PayloadSize


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultTransaction(TransactionCommand):
    """The target answers that it could not serve the request."""

    fault_code: FaultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class FailDelivery(TransactionCommand):
    """The platform gives up: the request could not be brought to the target."""

    fault_code: FaultCode


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOutTransaction(TransactionCommand):
    pass


# --- State ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    accepted: TransactionAccepted | None = None
    attempts: int = 0
    outcome: TransactionOutcome | None = None


# --- Rules ----------------------------------------------------------------------------------------------------------


def _accept(command: AcceptTransaction, state: Transaction) -> Sequence[Event]:
    if state.accepted is not None:
        raise Duplicate("transaction-exists", "This transaction was accepted before.")
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


def _must_join_two_members(command: AcceptTransaction) -> None:
    if not command.source.enrolled:
        raise NotAllowed("not-a-bus-member", "Your organisation is not enrolled as a member of the bus.")
    if command.target_id == command.by:
        raise InvalidValue("target-is-source", "A transaction asks for a service of another organisation.")
    if not command.target.enrolled:
        raise RuleBroken("target-not-a-bus-member", "The organisation asked is not enrolled as a member of the bus.")
    if not command.service_family_exists:
        raise NotFound("service-family-not-found", "There is no such service family.")


def _forward(command: ForwardTransaction, state: Transaction) -> Sequence[Event]:
    accepted = _accepted(state)
    if 1 <= command.attempt <= state.attempts:
        return []
    if command.attempt > MAX_ATTEMPTS:
        raise RuleBroken("too-many-attempts", f"A transaction is forwarded at most {MAX_ATTEMPTS} times.")
    if command.attempt != state.attempts + 1:
        raise RuleBroken("attempt-out-of-order", f"The next attempt is number {state.attempts + 1}.")
    if state.outcome is not None:
        raise _finished()
    return [TransactionForwarded(**carried(accepted, TransactionEvent), attempt=command.attempt)]


def _answer(command: AnswerTransaction, state: Transaction) -> Sequence[Event]:
    accepted = _accepted(state)
    _must_come_from_the_target(command, state, accepted)
    answered = TransactionAnswered(
        **carried(accepted, TransactionEvent),
        response_sha256=command.response_sha256,
        response_size_bytes=command.response_size_bytes,
    )
    return _end_with(answered, state)


def _fault(command: FaultTransaction, state: Transaction) -> Sequence[Event]:
    accepted = _accepted(state)
    _must_come_from_the_target(command, state, accepted)
    return _end_with(_faulted(accepted, FaultOrigin.TARGET, command.fault_code), state)


def _fail_delivery(command: FailDelivery, state: Transaction) -> Sequence[Event]:
    # Also without any attempt: a target whose address is gone cannot even be tried.
    return _end_with(_faulted(_accepted(state), FaultOrigin.BUS, command.fault_code), state)


def _time_out(command: TimeOutTransaction, state: Transaction) -> Sequence[Event]:
    accepted = _accepted(state)
    if command.at < accepted.times_out_at:
        raise RuleBroken("timeout-not-passed", "The target still has time to answer.")
    return _end_with(TransactionTimedOut(**carried(accepted, TransactionEvent)), state)


def _accepted(state: Transaction) -> TransactionAccepted:
    if state.accepted is None:
        raise NotFound("transaction-not-found", "There is no such transaction.")
    return state.accepted


def _must_come_from_the_target(
    command: AnswerTransaction | FaultTransaction, state: Transaction, accepted: TransactionAccepted
) -> None:
    if command.by != accepted.target_id:
        raise NotAllowed("not-the-target", "Only the organisation that was asked can answer.")
    if state.attempts == 0:
        raise RuleBroken("transaction-not-forwarded", "The request was not forwarded yet, so it cannot be answered.")


def _faulted(accepted: TransactionAccepted, origin: FaultOrigin, fault_code: str) -> TransactionFaulted:
    return TransactionFaulted(**carried(accepted, TransactionEvent), origin=origin, fault_code=fault_code)


def _end_with(outcome: TransactionOutcome, state: Transaction) -> Sequence[Event]:
    """End once. A late answer still counts until the transaction is declared timed out."""
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


def _claims(_command: TransactionCommand, events: Sequence[Event]) -> Sequence[Claim]:
    # A source gives each of its transactions one reference of its own: the same request never travels twice.
    return [
        Claim("bus-transaction", f"{event.source_id}:{event.source_reference}")
        for event in events
        if isinstance(event, TransactionAccepted)
    ]


TRANSACTION: Decider[TransactionCommand, Transaction, Event] = Decider(
    category="transaction",
    key=("transaction_id",),
    initial=Transaction(),
    rules={
        AcceptTransaction: _accept,
        ForwardTransaction: _forward,
        AnswerTransaction: _answer,
        FaultTransaction: _fault,
        FailDelivery: _fail_delivery,
        TimeOutTransaction: _time_out,
    },
    evolve=evolve,
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
