"""Deadlines of identity: mandates, keys, sessions and suspensions whose time is over."""

from __future__ import annotations

from collections.abc import Iterator

from domain.identity.key import (
    EndKeySuspension,
    ExpireKey,
    ExpireUnusedKey,
    KeyExpired,
    KeyRegistered,
    KeyResumed,
    KeyRevoked,
    KeySuspended,
    KeyUseFound,
)
from domain.identity.mandate.model import (
    EndMandateSuspension,
    ExpireMandate,
    MandateExpired,
    MandateRejected,
    MandateRequested,
    MandateResumed,
    MandateSuspended,
    MandateWithdrawn,
)
from domain.identity.session import AuthenticationSucceeded, ExpireSession, SessionEnded, SessionExpired
from domain.identity.values import DIGID, DIGID_UNUSED_YEARS, PartyKind
from domain.kernel import Jurisdiction, Recorded
from projections.deadlines.deadline import Deadline, Pending, without_end
from projections.words import unique, years_after

MANDATE_EXPIRY = "mandate-expiry"
KEY_DISUSE = "key-disuse"


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


def _unused(recorded: Recorded[KeyRegistered]) -> Iterator[Pending]:
    event = recorded.event
    if event.jurisdiction == Jurisdiction.NL and event.means in DIGID:
        due_at = years_after(recorded.context.effective_at, DIGID_UNUSED_YEARS)
        yield Pending(due_at=due_at, organisation_id=event.provider_id)


def _used(recorded: Recorded[KeyUseFound]) -> Iterator[Pending]:
    yield Pending(due_at=recorded.event.unused_until, organisation_id=recorded.event.provider_id)


def _key_suspension(recorded: Recorded[KeySuspended]) -> Iterator[Pending]:
    event = recorded.event
    if event.until is not None:
        yield Pending(due_at=event.until, organisation_id=event.provider_id)


def _mandate_suspension(recorded: Recorded[MandateSuspended]) -> Iterator[Pending]:
    # The event names no organisation, so only overseers see when it ends.
    if recorded.event.until is not None:
        yield Pending(due_at=recorded.event.until)


def _session(recorded: Recorded[AuthenticationSucceeded]) -> Iterator[Pending]:
    event = recorded.event
    yield Pending(due_at=event.expires_at, organisation_id=event.organisation_id, counterparty_id=event.provider_id)


VERSION = 2
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
        kind=KEY_DISUSE,
        command=ExpireUnusedKey,
        why="A means of DigiD was not used for three years.",
        begins={KeyRegistered: _unused, KeyUseFound: _used},
        ends=(KeyRevoked, KeyExpired),
    ),
    Deadline(
        kind="key-suspension-end",
        command=EndKeySuspension,
        why="The suspension of a key is over.",
        begins={KeySuspended: _key_suspension},
        ends=(KeyResumed, KeyRevoked, KeyExpired),
        moves={KeySuspended: without_end("key-suspension-end")},
    ),
    Deadline(
        kind="mandate-suspension-end",
        command=EndMandateSuspension,
        why="The suspension of a mandate is over.",
        begins={MandateSuspended: _mandate_suspension},
        ends=(MandateResumed, MandateWithdrawn, MandateExpired),
        moves={MandateSuspended: without_end("mandate-suspension-end")},
    ),
    Deadline(
        kind="session-end",
        command=ExpireSession,
        why="The time of a session is over.",
        begins={AuthenticationSucceeded: _session},
        ends=(SessionEnded, SessionExpired),
    ),
)
