"""Writes a batch of appends by one call of `log.append`, and finds its outcome even where the connection is lost."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import structlog
from psycopg import AsyncConnection
from psycopg.errors import ObjectNotInPrerequisiteState, UniqueViolation, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format

from application.ports import Outcome, Receipt
from infrastructure.event_log import log_statements as sql
from infrastructure.event_log.log_lookup import find_holders, find_receipts, find_rows
from infrastructure.event_log.resolve import Encoded, LogState, Resolved, assumed_state, resolve
from infrastructure.postgres.arrays import PackedArray, bigints, booleans, byte_strings, instants, integers, texts
from infrastructure.postgres.failures import WriterOutdatedError

LOG = structlog.get_logger()

MAX_COMMIT_ROWS = 64
"""After this many commits a writer deletes their rows of `log.commit`: their outcome is known by then."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A batch as it was sent: its number, the assumed head of the log, and the rows to write behind it."""

    number: int
    head: int
    resolved: Resolved


@dataclass(frozen=True, slots=True)
class CommittedAttempt:
    """An attempt that was committed, and the head of the log before it."""

    attempt: Attempt
    before: int


@dataclass(slots=True)
class AssumedHead:
    """The head of the log once every batch under way is written; shared by the writers of a process.

    Batches under way may be written in another order than they were sent in, so their events are only counted.
    """

    written: int = 0
    """The highest position that one of the writers is known to have written."""

    under_way: int = 0
    """How many events were sent and have no outcome yet."""

    @property
    def position(self) -> int:
        return self.written + self.under_way


@dataclass(slots=True)
class LogWriter:
    """Writes batches over one connection at a time, and recognises its own commits in the log."""

    head: AssumedHead
    writer_id: UUID = field(default_factory=uuid4)
    committed: list[int] = field(default_factory=list)
    """The positions of this writer's rows in `log.commit`."""

    batches: int = 0
    in_doubt: list[Attempt] = field(default_factory=list)
    """The attempts at the current batch; more than one where the connection was lost."""

    async def write(self, connection: AsyncConnection, batch: Sequence[Encoded], again: bool) -> Sequence[Outcome]:
        """Write the accepted appends of the batch durably; return the outcome of each append.

        The first attempt assumes the versions that the callers expect: one round trip. Where the log differs, or the
        connection was lost (`again`), the log is locked, read and then written.
        """
        if not again:
            self.in_doubt.clear()
            written = await self._attempt(connection, batch, assumed_state(batch, self.head.position))
            if written is not None:
                return self._outcomes(written)
        async with connection.transaction():
            await connection.execute(sql.LOCK)
            written = await self._find_committed(connection) if again else None
            if again:
                # An earlier attempt may still arrive; it must not be written once its callers have another answer.
                await connection.execute(sql.GIVE_UP, (self.writer_id, self.batches + 1))
            if written is None:
                written = await self._attempt(connection, batch, await _state_of(connection, batch))
        assert written is not None, "while its lock is held, the log holds what was just read from it"
        return self._outcomes(written)

    async def _attempt(
        self, connection: AsyncConnection, batch: Sequence[Encoded], state: LogState
    ) -> CommittedAttempt | None:
        """Resolve and write, all or nothing; return None if the log differs from the assumed state."""
        head, versions = state.head, dict(state.versions)
        known = {stream for stream, version in versions.items() if version}
        claims_and_keys = _claims_and_keys(batch, state)
        resolved = resolve(batch, state)
        # A stream that this batch creates needs no look-up: the log has no room for a second one.
        presumed = {
            stream: version for stream, version in versions.items() if version or stream not in resolved.streams
        }
        self.batches += 1
        attempt = Attempt(self.batches, head, resolved)
        self.in_doubt.append(attempt)
        outdated = bigints(self.committed) if len(self.committed) >= MAX_COMMIT_ROWS else None
        identity = _PROTOCOL, self.writer_id.bytes, attempt.number.to_bytes(8, "big"), outdated
        self.head.under_way += len(resolved.rows)
        try:
            before = await _call_append(
                connection, (*identity, *_versions(presumed), *claims_and_keys, *columns(resolved, head, known))
            )
        finally:
            self.head.under_way -= len(resolved.rows)
        return None if before is None else CommittedAttempt(attempt, before)

    async def _find_committed(self, connection: AsyncConnection) -> CommittedAttempt | None:
        """Return the attempt that was committed before the connection was lost, if any."""
        numbers = bigints([attempt.number for attempt in self.in_doubt])
        for number, position in await find_rows(connection, sql.COMMITTED, self.writer_id, numbers):
            (attempt,) = (attempt for attempt in self.in_doubt if attempt.number == number)
            return CommittedAttempt(attempt, position - len(attempt.resolved.rows))
        return None

    def _outcomes(self, written: CommittedAttempt) -> Sequence[Outcome]:
        """Note the commit and return the outcomes with their final positions."""
        resolved, moved = written.attempt.resolved, written.before - written.attempt.head
        head = written.before + len(resolved.rows)
        self.head.written = max(self.head.written, head)
        if resolved.rows:
            self.committed = [*(self.committed if len(self.committed) < MAX_COMMIT_ROWS else ()), head]
        return _moved(resolved.outcomes, moved)


def _moved(outcomes: Sequence[Outcome], by: int) -> Sequence[Outcome]:
    """Shift the positions of receipts: others wrote between the assumed head and the commit."""
    if not by:
        return outcomes
    return [
        outcome._replace(position=outcome.position + by) if isinstance(outcome, Receipt) else outcome
        for outcome in outcomes
    ]


# --- The call of `log.append` ---------------------------------------------------------------------------------------

PREPARED_APPEND = b"append_to_log"

_PLACES = ", ".join(f"${number}" for number in range(1, sql.APPEND_PARAMETERS + 1))
PREPARE = f"PREPARE {PREPARED_APPEND.decode()} AS SELECT log.append({_PLACES})"
"""Executed once on each connection."""

_FORMATS = [Format.BINARY] * sql.APPEND_PARAMETERS
_PROTOCOL = sql.APPEND_PROTOCOL.to_bytes(4, "big")


async def _call_append(connection: AsyncConnection, parameters: Sequence[bytes | None]) -> int | None:
    """Call `log.append` with parameters in PostgreSQL's binary form.

    Without the driver's cursor, which would triple the cost of the call in this process. Return the head of the log
    before the written events; None where the log differs from the assumed state. Raises WriterOutdatedError where a
    newer release has changed how the log is written.
    """
    async with connection.lock:
        connection.pgconn.send_query_prepared(PREPARED_APPEND, parameters, _FORMATS, result_format=Format.BINARY)
        results = await connection.wait(execute(connection.pgconn))
    # The commit follows the result of the call: where it fails, an error comes as a second result.
    for result in results:
        if result.status != ExecStatus.TUPLES_OK:
            error = error_from_result(result, encoding="utf-8")
            if isinstance(error, ObjectNotInPrerequisiteState):
                LOG.error("log_refuses_this_release", protocol=sql.APPEND_PROTOCOL)
                raise WriterOutdatedError from error
            if isinstance(error, UniqueViolation):
                return None  # a stream is there that was assumed to be new
            raise error
    before = results[0].get_value(0, 0)
    return None if before is None else int.from_bytes(before, "big")


Column = PackedArray | None
"""A packed array; None where there are no rows, which neither side has to pack or unpack."""


def columns(resolved: Resolved, head: int, known: Container[str]) -> Sequence[Column]:
    """Return the rows to write, as columns; `known` are the streams that the log holds already."""
    return (*_events(resolved), *_streams(resolved, head, known), *_claims(resolved), *_receipts(resolved, head))


def assume(versions: Mapping[str, int]) -> Sequence[Column]:
    """Return the parameters that assume streams at these versions, and nothing about claims and keys."""
    return *_versions(versions), None, None, None, None


def _versions(assumed: Mapping[str, int]) -> Sequence[Column]:
    return texts(list(assumed)), integers(list(assumed.values()))


def _claims_and_keys(batch: Sequence[Encoded], assumed: LogState) -> Sequence[Column]:
    digests = sorted({digest for encoded in batch for _, digest in encoded.claims})
    keys = {
        (key.organisation_id, key.key) for encoded in batch if (key := encoded.append.idempotency) is not None
    } - assumed.receipts.keys()
    return (
        byte_strings(digests) if digests else None,
        texts([assumed.claims.get(digest, "") for digest in digests]) if digests else None,
        texts([owner for owner, _ in keys]) if keys else None,
        texts([key for _, key in keys]) if keys else None,
    )


def _events(resolved: Resolved) -> Sequence[Column]:
    # A comprehension for each column: reading attributes by name takes three times as long.
    rows, contexts = resolved.rows, [row.context for row in resolved.rows]
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


def _streams(resolved: Resolved, head: int, known: Container[str]) -> Sequence[Column]:
    streams, heads = list(resolved.streams), resolved.streams.values()
    return (
        texts(streams),
        booleans([stream in known for stream in streams]),
        integers([each.version for each in heads]),
        integers([each.first_position - head for each in heads]),
        integers([each.last_position - head for each in heads]),
    )


def _claims(resolved: Resolved) -> Sequence[Column]:
    if not (resolved.released or resolved.claimed):
        return None, None, None
    return (
        byte_strings(list(resolved.released)),
        byte_strings(list(resolved.claimed)),
        texts(list(resolved.claimed.values())),
    )


def _receipts(resolved: Resolved, head: int) -> Sequence[Column]:
    if not resolved.receipts:
        return (None,) * 7
    keys = [key for key, _ in resolved.receipts]
    receipts = [receipt for _, receipt in resolved.receipts]
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


async def _state_of(connection: AsyncConnection, batch: Sequence[Encoded]) -> LogState:
    """Read the state of the log for a batch, while the log is locked."""
    ((head,),) = await find_rows(connection, sql.HEAD)
    streams = sorted({stream for e in batch for stream in (e.append.stream, *e.append.expected)})
    digests = sorted({digest for encoded in batch for _, digest in encoded.claims})
    keys = [encoded.append.idempotency for encoded in batch if encoded.append.idempotency is not None]
    return LogState(
        head=head,
        versions=dict.fromkeys(streams, 0) | dict(await find_rows(connection, sql.VERSIONS, texts(streams))),
        claims=await find_holders(connection, digests),
        receipts=await find_receipts(connection, keys),
    )
