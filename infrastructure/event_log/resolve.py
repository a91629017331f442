"""Which appends of a batch stand and which fall: pure, the same for the log in PostgreSQL and for the one in memory.

The appends of a batch are settled in order, as if each had its own transaction: what an earlier one wrote counts for
the later ones, and an append that falls leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from application.ports import Append, Conflict, Idempotency, OtherContent, Outcome, Receipt, Taken
from domain.kernel import Claim, Context


class Encoded(NamedTuple):
    """An append with its events as stored names and bytes, and its claims as digests."""

    append: Append
    events: Sequence[tuple[str, bytes]]
    claims: Sequence[tuple[Claim, bytes]]
    size: int
    """How much it brings to the log, in bytes, roughly."""


@dataclass(slots=True)
class Holdings:
    """What the log holds of everything that a batch touches."""

    head: int
    versions: dict[str, int] = field(default_factory=dict)
    claims: dict[bytes, str] = field(default_factory=dict)
    receipts: dict[tuple[str, str], tuple[bytes, Receipt]] = field(default_factory=dict)


class Row(NamedTuple):
    """One event to write, at its place in the log and in its stream."""

    position: int
    stream: str
    version: int
    name: str
    payload: bytes
    context: Context


class Reach(NamedTuple):
    """How far a stream reaches with a batch: its version, and the positions of the first and last event written."""

    version: int
    first_position: int
    last_position: int


@dataclass(slots=True)
class Settled:
    """The outcome of each append, in order, and all that has to be written for those that stand."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    streams: dict[str, Reach] = field(default_factory=dict)
    claimed: dict[bytes, str] = field(default_factory=dict)
    released: set[bytes] = field(default_factory=set)
    receipts: list[tuple[Idempotency, Receipt]] = field(default_factory=list)


def presumed(batch: Iterable[Encoded], head: int) -> Holdings:
    """Return what the log holds if everyone was right about it: versions as first expected, values and keys unused."""
    holdings = Holdings(head=head)
    claimed = set[bytes]()
    for encoded in batch:
        append = encoded.append
        for stream, version in append.expected.items():
            holdings.versions.setdefault(stream, version)
        holdings.versions.setdefault(append.stream, 0)
        for claim, digest in encoded.claims:
            if not claim.release:
                claimed.add(digest)
            elif digest not in claimed:
                holdings.claims.setdefault(digest, append.stream)
    return holdings


def settle(batch: Iterable[Encoded], holdings: Holdings) -> Settled:
    """Settle the batch in order; `holdings` is brought to what the log then holds."""
    settled = Settled()
    settled.outcomes = [_why_not(encoded, holdings) or _accept(encoded, holdings, settled) for encoded in batch]
    return settled


def _why_not(encoded: Encoded, holdings: Holdings) -> Outcome | None:
    append = encoded.append
    if (key := append.idempotency) is not None:
        known = holdings.receipts.get((key.organisation_id, key.key))
        if known is not None:
            fingerprint, receipt = known
            return replace(receipt, repeated=True) if fingerprint == key.fingerprint else OtherContent(key.key)
    for stream, version in append.expected.items():
        if holdings.versions.get(stream, 0) != version:
            return Conflict(stream)
    for claim, digest in encoded.claims:
        if not claim.release and holdings.claims.get(digest, append.stream) != append.stream:
            return Taken(claim)
    return None


def _accept(encoded: Encoded, holdings: Holdings, settled: Settled) -> Receipt:
    append = encoded.append
    stream, version = append.stream, holdings.versions.get(append.stream, 0)
    for name, payload in encoded.events:
        version += 1
        holdings.head += 1
        settled.rows.append(Row(holdings.head, stream, version, name, payload, append.context))
    if encoded.events:
        before = settled.streams.get(stream)
        first = holdings.head - len(encoded.events) + 1 if before is None else before.first_position
        settled.streams[stream] = Reach(version, first, holdings.head)
        holdings.versions[stream] = version
    if encoded.claims:
        _settle_claims(encoded, holdings, settled)
    names = tuple([name for name, _ in encoded.events])
    receipt = Receipt(stream=stream, version=version, position=holdings.head, events=names)
    if (key := append.idempotency) is not None:
        holdings.receipts[key.organisation_id, key.key] = (key.fingerprint, receipt)
        settled.receipts.append((key, receipt))
    return receipt


def _settle_claims(encoded: Encoded, holdings: Holdings, settled: Settled) -> None:
    stream = encoded.append.stream
    for claim, digest in encoded.claims:
        if not claim.release:
            holdings.claims[digest] = settled.claimed[digest] = stream
        elif holdings.claims.get(digest) == stream:
            del holdings.claims[digest]
            settled.claimed.pop(digest, None)
            settled.released.add(digest)
