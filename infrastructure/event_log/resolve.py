"""Decides the outcome of each append of a batch. Pure.

The appends are resolved in order, as if each had a transaction of its own: later ones see what earlier ones wrote, and
an append that is refused leaves nothing behind. A group is tried on a copy of the state first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, TypeVar

from application.ports import Append, Conflict, Idempotency, OtherContent, Outcome, Receipt, Taken, Withdrawn
from domain.kernel import Claim, Context


class Encoded(NamedTuple):
    """An append with its events as stored names and bytes, and its claims as digests."""

    append: Append
    events: Sequence[tuple[str, bytes]]
    claims: Sequence[tuple[Claim, bytes]]
    size: int
    """In bytes, roughly."""


@dataclass(slots=True)
class LogState:
    """What the log holds of the streams, claims and idempotency keys of a batch."""

    head: int
    versions: dict[str, int] = field(default_factory=dict)
    claims: dict[bytes, str] = field(default_factory=dict)
    receipts: dict[tuple[str, str], tuple[bytes, Receipt]] = field(default_factory=dict)


class EventRow(NamedTuple):
    """An event to write, with its position in the log and its version in the stream."""

    position: int
    stream: str
    version: int
    name: str
    payload: bytes
    context: Context


class StreamHead(NamedTuple):
    """A stream after a batch: its version, and the positions of the first and last event that were written to it."""

    version: int
    first_position: int
    last_position: int


@dataclass(slots=True)
class Resolved:
    """The outcome of each append, in order, and everything that is written for the accepted ones."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[EventRow] = field(default_factory=list)
    streams: dict[str, StreamHead] = field(default_factory=dict)
    claimed: dict[bytes, str] = field(default_factory=dict)
    released: set[bytes] = field(default_factory=set)
    receipts: list[tuple[Idempotency, Receipt]] = field(default_factory=list)


def assumed_state(batch: Iterable[Encoded], head: int) -> LogState:
    """Return the state of the log in which every append is accepted: versions as expected, claims and keys unused."""
    state = LogState(head=head)
    claimed = set[bytes]()
    for encoded in batch:
        append = encoded.append
        for stream, version in append.expected.items():
            state.versions.setdefault(stream, version)
        state.versions.setdefault(append.stream, 0)
        for claim, digest in encoded.claims:
            if not claim.release:
                claimed.add(digest)
            elif digest not in claimed:
                state.claims.setdefault(digest, append.stream)
    return state


def resolve(batch: Iterable[Encoded], state: LogState) -> Resolved:
    """Resolve the batch in order; `state` becomes the state of the log after it."""
    resolved = Resolved()
    for group, appends in groupby(batch, attrgetter("append.group")):
        if not group:
            resolved.outcomes += [_refusal(encoded, state) or _accept(encoded, state, resolved) for encoded in appends]
            continue
        tried_state, tried = _copied(state, resolved)
        outcomes = [_refusal(encoded, tried_state) or _accept(encoded, tried_state, tried) for encoded in appends]
        if all(map(_is_new, outcomes)):
            _become(state, tried_state)
            _become(resolved, tried)
        else:
            outcomes = [Withdrawn() if _is_new(outcome) else outcome for outcome in outcomes]
        resolved.outcomes += outcomes
    return resolved


T = TypeVar("T", LogState, Resolved)


def _copied(state: LogState, resolved: Resolved) -> tuple[LogState, Resolved]:
    """Return copies on which a group can be tried: what the fields hold is copied, not what is in it."""
    own = replace(state, versions=dict(state.versions), claims=dict(state.claims), receipts=dict(state.receipts))
    return own, Resolved(
        outcomes=[*resolved.outcomes],
        rows=[*resolved.rows],
        streams=dict(resolved.streams),
        claimed=dict(resolved.claimed),
        released=set(resolved.released),
        receipts=[*resolved.receipts],
    )


def _become(kept: T, tried: T) -> None:
    for name in kept.__slots__:
        setattr(kept, name, getattr(tried, name))


def _is_new(outcome: Outcome) -> bool:
    """Return whether the append itself was accepted, and is not that of a command that was sent before."""
    return isinstance(outcome, Receipt) and not outcome.repeated


def _refusal(encoded: Encoded, state: LogState) -> Outcome | None:
    append = encoded.append
    if (key := append.idempotency) is not None:
        known = state.receipts.get((key.organisation_id, key.key))
        if known is not None:
            fingerprint, receipt = known
            return receipt._replace(repeated=True) if fingerprint == key.fingerprint else OtherContent(key.key)
    for stream, version in append.expected.items():
        if state.versions.get(stream, 0) != version:
            return Conflict(stream)
    for claim, digest in encoded.claims:
        if not claim.release and state.claims.get(digest, append.stream) != append.stream:
            return Taken(claim)
    return None


def _accept(encoded: Encoded, state: LogState, resolved: Resolved) -> Receipt:
    append = encoded.append
    stream, version = append.stream, state.versions.get(append.stream, 0)
    names: list[str] = []
    for name, payload in encoded.events:
        version += 1
        state.head += 1
        names.append(name)
        resolved.rows.append(EventRow(state.head, stream, version, name, payload, append.context))
    if encoded.events:
        before = resolved.streams.get(stream)
        first = state.head - len(encoded.events) + 1 if before is None else before.first_position
        resolved.streams[stream] = StreamHead(version, first, state.head)
        state.versions[stream] = version
    if encoded.claims:
        _resolve_claims(encoded, state, resolved)
    receipt = Receipt(stream=stream, version=version, position=state.head, events=tuple(names))
    if (key := append.idempotency) is not None:
        state.receipts[key.organisation_id, key.key] = (key.fingerprint, receipt)
        resolved.receipts.append((key, receipt))
    return receipt


def _resolve_claims(encoded: Encoded, state: LogState, resolved: Resolved) -> None:
    stream = encoded.append.stream
    for claim, digest in encoded.claims:
        if not claim.release:
            state.claims[digest] = resolved.claimed[digest] = stream
        elif state.claims.get(digest) == stream:
            del state.claims[digest]
            resolved.claimed.pop(digest, None)
            resolved.released.add(digest)
