"""Writing to the log: a batch of appends in one call of `log.append`, with an outcome that is known for certain."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from application.ports import Outcome, Receipt
from infrastructure.event_log import statements as sql
from infrastructure.event_log.call import call_append
from infrastructure.event_log.finding import find_holders, find_receipts, find_rows
from infrastructure.event_log.resolve import Encoded, Holdings, Settled, presumed, settle
from infrastructure.postgres.arrays import PackedArray, bigints, booleans, byte_strings, instants, integers, texts

MAX_NOTES = 64
"""After so many commits the log may forget them: what became of them is known by then."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A batch as it was sent: its number, what was presumed of the log, and what was to be written on it."""

    number: int
    head: int
    settled: Settled


@dataclass(frozen=True, slots=True)
class Written:
    """An attempt that the log accepted, and the head of the log before it."""

    attempt: Attempt
    before: int


@dataclass(slots=True)
class Head:
    """Where writers of one process presume the head of the log: where it will be if all that is under way stands."""

    position: int = 0


@dataclass(slots=True)
class Writer:
    """Writes batches over one connection at a time, and knows its own commits again in the log."""

    head: Head
    writer_id: UUID = field(default_factory=uuid4)
    committed: list[int] = field(default_factory=list)
    """The positions of this writer's commits that the log still keeps a note of."""

    batches: int = 0
    in_doubt: list[Attempt] = field(default_factory=list)
    """The attempts at the batch that is being written; more than one where its connection was lost."""

    async def write(self, connection: AsyncConnection, batch: Sequence[Encoded], again: bool) -> Sequence[Outcome]:
        """Write what stands of the batch, durably; return the outcome of each append.

        First on the presumption that everyone was right about the log: that takes one round trip. Only where it fails,
        or after a lost connection, is the log held still, looked at and then written.
        """
        if not again:
            self.in_doubt.clear()
            written = await self._attempt(connection, batch, presumed(batch, self.head.position))
            if written is not None:
                return self._outcomes(written)
        async with connection.transaction():
            await connection.execute(sql.LOCK)
            written = await self._found_again(connection) if again else None
            if again:
                # What was sent before may still be under way, and its callers are about to be told something else.
                await connection.execute(sql.GIVE_UP, (self.writer_id, self.batches + 1))
            if written is None:
                written = await self._attempt(connection, batch, await _holdings(connection, batch))
        assert written is not None, "while its lock is held, the log holds what was just read from it"
        return self._outcomes(written)

    async def _attempt(
        self, connection: AsyncConnection, batch: Sequence[Encoded], holdings: Holdings
    ) -> Written | None:
        """Settle and write, all or nothing; return None if the log holds something else than presumed."""
        head = holdings.head
        known = {stream for stream, version in holdings.versions.items() if version}
        presumption = _presumption(batch, holdings)
        settled = settle(batch, holdings)
        self.head.position = holdings.head
        self.batches += 1
        attempt = Attempt(self.batches, head, settled)
        self.in_doubt.append(attempt)
        outdated = bigints(self.committed) if len(self.committed) >= MAX_NOTES else None
        identity = self.writer_id.bytes, attempt.number.to_bytes(8, "big"), outdated
        before = await call_append(connection, (*identity, *presumption, *columns(settled, head, known)))
        return None if before is None else Written(attempt, before)

    async def _found_again(self, connection: AsyncConnection) -> Written | None:
        """Return the attempt at the batch that was committed before its connection was lost, if any was."""
        numbers = bigints([attempt.number for attempt in self.in_doubt])
        for number, position in await find_rows(connection, sql.COMMITTED, self.writer_id, numbers):
            (attempt,) = (attempt for attempt in self.in_doubt if attempt.number == number)
            return Written(attempt, position - len(attempt.settled.rows))
        return None

    def _outcomes(self, written: Written) -> Sequence[Outcome]:
        """Take note of what is committed, and return the outcomes."""
        settled, moved = written.attempt.settled, written.before - written.attempt.head
        head = written.before + len(settled.rows)
        if moved:
            self.head.position = head
        if settled.rows:
            self.committed = [*(self.committed if len(self.committed) < MAX_NOTES else ()), head]
        return _moved(settled.outcomes, moved)


def _moved(outcomes: Sequence[Outcome], by: int) -> Sequence[Outcome]:
    """Return the outcomes with the positions at which the events came to stand: others may have written before."""
    if not by:
        return outcomes
    return [
        replace(outcome, position=outcome.position + by) if isinstance(outcome, Receipt) else outcome
        for outcome in outcomes
    ]


# --- Parameters of `log.append` -------------------------------------------------------------------------------------


Column = PackedArray | None
"""An array in PostgreSQL's binary form. None where there is nothing to do: that costs neither side anything."""


def columns(settled: Settled, head: int, known: Container[str]) -> Sequence[Column]:
    """Return what is to be written, as columns; `known` are the streams that the log holds already."""
    return (*_events(settled), *_streams(settled, head, known), *_claims(settled), *_receipts(settled, head))


def presume(versions: Mapping[str, int]) -> Sequence[Column]:
    """Return the presumption that streams are at these versions, and nothing else."""
    return texts(list(versions)), integers(list(versions.values())), None, None, None, None


def _presumption(batch: Sequence[Encoded], holdings: Holdings) -> Sequence[Column]:
    versions = holdings.versions
    digests = sorted({digest for encoded in batch for _, digest in encoded.claims})
    keys = {
        (key.organisation_id, key.key) for encoded in batch if (key := encoded.append.idempotency) is not None
    } - holdings.receipts.keys()
    return (
        texts(list(versions)),
        integers(list(versions.values())),
        byte_strings(digests) if digests else None,
        texts([holdings.claims.get(digest, "") for digest in digests]) if digests else None,
        texts([owner for owner, _ in keys]) if keys else None,
        texts([key for _, key in keys]) if keys else None,
    )


def _events(settled: Settled) -> Sequence[Column]:
    rows, contexts = settled.rows, [row.context for row in settled.rows]
    return (
        instants([context.effective_at for context in contexts]),
        integers([row.version for row in rows]),
        texts([row.stream for row in rows]),
        texts([row.name for row in rows]),
        byte_strings([row.payload for row in rows]),
        texts([context.acting_id for context in contexts]),
        texts([context.subject_id for context in contexts]),
        texts([context.organisation_id for context in contexts]),
        texts([context.mandate_id for context in contexts]),
        texts([context.activity for context in contexts]),
        texts([context.command_id for context in contexts]),
        texts([context.correlation_id for context in contexts]),
        texts([context.causation_id for context in contexts]),
        texts([context.trace for context in contexts]),
    )


def _streams(settled: Settled, head: int, known: Container[str]) -> Sequence[Column]:
    streams, reaches = list(settled.streams), settled.streams.values()
    return (
        texts(streams),
        booleans([stream in known for stream in streams]),
        integers([reach.version for reach in reaches]),
        integers([reach.first_position - head for reach in reaches]),
        integers([reach.last_position - head for reach in reaches]),
    )


def _claims(settled: Settled) -> Sequence[Column]:
    if not (settled.released or settled.claimed):
        return None, None, None
    return (
        byte_strings(list(settled.released)),
        byte_strings(list(settled.claimed)),
        texts(list(settled.claimed.values())),
    )


def _receipts(settled: Settled, head: int) -> Sequence[Column]:
    if not settled.receipts:
        return (None,) * 7
    keys = [key for key, _ in settled.receipts]
    receipts = [receipt for _, receipt in settled.receipts]
    return (
        texts([key.organisation_id for key in keys]),
        texts([key.key for key in keys]),
        byte_strings([key.fingerprint for key in keys]),
        texts([receipt.stream for receipt in receipts]),
        integers([receipt.version for receipt in receipts]),
        integers([receipt.position - head for receipt in receipts]),
        texts([" ".join(receipt.events) for receipt in receipts]),
    )


# --- What the log holds ---------------------------------------------------------------------------------------------


async def _holdings(connection: AsyncConnection, batch: Sequence[Encoded]) -> Holdings:
    """Read, while the log is held still, what it holds of all that the batch touches."""
    ((head,),) = await find_rows(connection, sql.HEAD)
    streams = sorted({stream for e in batch for stream in (e.append.stream, *e.append.expected)})
    digests = sorted({digest for encoded in batch for _, digest in encoded.claims})
    keys = [encoded.append.idempotency for encoded in batch if encoded.append.idempotency is not None]
    return Holdings(
        head=head,
        versions=dict.fromkeys(streams, 0) | dict(await find_rows(connection, sql.VERSIONS, texts(streams))),
        claims=await find_holders(connection, digests),
        receipts=await find_receipts(connection, keys),
    )
