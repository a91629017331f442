"""Deadlines of identity: mandates, keys and sessions whose validity is over."""

from __future__ import annotations

from collections.abc import Iterator

from domain.identity.key import ExpireKey, KeyExpired, KeyRegistered, KeyRevoked
from domain.identity.mandate.model import (
    ExpireMandate,
    MandateExpired,
    MandateRejected,
    MandateRequested,
    MandateWithdrawn,
)
from domain.identity.session import AuthenticationSucceeded, ExpireSession, SessionEnded, SessionExpired
from domain.identity.values import PartyKind
from domain.kernel import Recorded
from projections.deadlines.deadline import Deadline, Pending
from projections.words import unique

MANDATE_EXPIRY = "mandate-expiry"


def _mandate(recorded: Recorded[MandateRequested]) -> Iterator[Pending]:
    # The mandatary may be a person, whose id no organisation gets here.
    terms = recorded.event.terms
    yield Pending(
        due_at=terms.valid_until,
        organisation_id=terms.mandator_id if terms.mandator_kind == PartyKind.ENTERPRISE else "",
        organisation_ids=unique(scope.organisation_id for scope in terms.services),
    )


def _key(recorded: Recorded[KeyRegistered]) -> Iterator[Pending]:
    event = recorded.event
    if event.valid_until is not None:
        yield Pending(due_at=event.valid_until, organisation_id=event.provider_id)


def _session(recorded: Recorded[AuthenticationSucceeded]) -> Iterator[Pending]:
    event = recorded.event
    yield Pending(due_at=event.expires_at, organisation_id=event.organisation_id, counterparty_id=event.provider_id)


VERSION = 1
"""Raised with each change of the deadlines below."""

DEADLINES = (
    Deadline(
        kind=MANDATE_EXPIRY,
        command=ExpireMandate,
        why="The validity of a mandate is over.",
        begins={MandateRequested: _mandate},
        ends=(MandateRejected, MandateWithdrawn, MandateExpired),
    ),
    Deadline(
        kind="key-expiry",
        command=ExpireKey,
        why="The validity of a key is over.",
        begins={KeyRegistered: _key},
        ends=(KeyRevoked, KeyExpired),
    ),
    Deadline(
        kind="session-end",
        command=ExpireSession,
        why="The time of a session is over.",
        begins={AuthenticationSucceeded: _session},
        ends=(SessionEnded, SessionExpired),
    ),
)
