"""The log in PostgreSQL: concurrent appends share one transaction, concurrent reads share one query."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from application.ports import Append, Idempotency, OtherContent, Outcome, Receipt, StreamEvents
from domain.kernel import Claim
from infrastructure.arrays import PackedArray, bigints, byte_strings, instants, integers, texts
from infrastructure.codec import Codec
from infrastructure.event_log import statements as sql
from infrastructure.event_log.encoding import Encoder
from infrastructure.event_log.line import MAX_WAITING, AsyncConnection, Line
from infrastructure.event_log.settle import Encoded, Holdings, Settled, settle

MAX_BATCH_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class _Read:
    streams: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    keys: Sequence[Idempotency] = ()
    digests: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    streams: Mapping[str, StreamEvents]
    prefixes: Mapping[str, Mapping[str, StreamEvents]]
    keys: Mapping[Idempotency, Receipt | OtherContent]
    holders: Mapping[bytes, str]


class PostgresLog:
    """An event store on one log. Use it as an async context manager; it belongs to one event loop.

    `append` returns once its transaction is durable. Appends that are in line together share a transaction; each
    stands or falls by itself (see `settle`).
    """

    def __init__(self, url: str, codec: Codec, claim_key: bytes) -> None:
        self._codec = codec
        self._encoder = Encoder(codec, claim_key)
        self._writer = Line[Sequence[Encoded], Sequence[Outcome]](url, self._commit, MAX_BATCH_EVENTS)
        self._reader = Line[_Read, _Found](url, self._find, MAX_WAITING)

    async def __aenter__(self) -> Self:
        self._writer.start()
        self._reader.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._writer.close()
        await self._reader.close()

    # --- Reading ----------------------------------------------------------------------------------------------------

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        found = await self._reader.ask(_Read(streams=streams))
        return {stream: found.streams.get(stream, StreamEvents()) for stream in streams}

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        found = await self._reader.ask(_Read(prefixes=prefixes))
        return {prefix: found.prefixes[prefix] for prefix in prefixes}

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        found = await self._reader.ask(_Read(keys=keys))
        return {key: found.keys[key] for key in keys if key in found.keys}

    async def holder(self, claim: Claim) -> str | None:
        """Return the stream that holds a claimed value."""
        digest = self._encoder.digest(claim)
        return (await self._reader.ask(_Read(digests=(digest,)))).holders.get(digest)

    async def _find(self, connection: AsyncConnection, asked: Sequence[_Read]) -> Sequence[_Found]:
        streams = sorted({stream for ask in asked for stream in ask.streams})
        prefixes = sorted({prefix for ask in asked for prefix in ask.prefixes})
        keys = list({key for ask in asked for key in ask.keys})
        digests = list({digest for ask in asked for digest in ask.digests})
        found = _Found(
            streams=self._by_stream(await _rows(connection, sql.STREAMS, texts(streams))) if streams else {},
            prefixes=_by_prefix(
                prefixes,
                self._by_stream(
                    await _rows(
                        connection, sql.PREFIXES, texts(prefixes), texts([_after(prefix) for prefix in prefixes])
                    )
                ),
            )
            if prefixes
            else {},
            keys=_by_key(keys, await _receipts(connection, keys)) if keys else {},
            holders=await _holders(connection, digests),
        )
        return [found] * len(asked)

    def _by_stream(self, rows: Sequence[tuple[str, str, bytes, int]]) -> dict[str, StreamEvents]:
        decode = self._codec.decode
        events: dict[str, list[Any]] = {}
        positions: dict[str, int] = {}
        for stream, name, payload, position in rows:
            events.setdefault(stream, []).append(decode(name, payload))
            positions[stream] = position
        return {stream: StreamEvents(events=found, position=positions[stream]) for stream, found in events.items()}

    # --- Appending --------------------------------------------------------------------------------------------------

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        encoded = self._encoder.encode(appends)
        return await self._writer.ask(encoded, sum(append.size for append in encoded))

    async def _commit(self, connection: AsyncConnection, asked: Sequence[Sequence[Encoded]]) -> list[Sequence[Outcome]]:
        batch = [encoded for appends in asked for encoded in appends]
        async with connection.transaction():
            await connection.execute(sql.LOCK)
            holdings, now = await _holdings(connection, batch)
            settled = settle(batch, holdings)
            await _write(connection, settled, now)
        outcomes = iter(settled.outcomes)
        return [[next(outcomes) for _ in appends] for appends in asked]


async def _holdings(connection: AsyncConnection, batch: Sequence[Encoded]) -> tuple[Holdings, datetime]:
    """Read, under the lock, what the log holds of all that the batch touches; and the instant of this commit."""
    cursor = await connection.execute(sql.HEAD)
    row = await cursor.fetchone()
    assert row is not None
    head, now = row
    streams = sorted({s for e in batch for s in (e.append.stream, *e.append.expected)})
    digests = sorted({digest for encoded in batch for _, digest in encoded.claims})
    keys = [encoded.append.idempotency for encoded in batch if encoded.append.idempotency is not None]
    holdings = Holdings(
        head=head,
        versions=dict(await _rows(connection, sql.VERSIONS, texts(streams))),
        claims=await _holders(connection, digests),
        receipts=await _receipts(connection, keys) if keys else {},
    )
    return holdings, now


async def _write(connection: AsyncConnection, settled: Settled, now: datetime) -> None:
    if settled.rows:
        await connection.execute(sql.INSERT_EVENTS, (now, *_columns(settled)))
    if settled.released:
        await connection.execute(sql.RELEASE_CLAIMS, (byte_strings(list(settled.released)),))
    if settled.claimed:
        await connection.execute(
            sql.INSERT_CLAIMS, (byte_strings(list(settled.claimed)), texts(list(settled.claimed.values())))
        )
    if settled.receipts:
        await connection.execute(sql.INSERT_RECEIPTS, (now, *_receipt_columns(settled)))
    if settled.rows:
        await connection.execute(sql.NOTIFY, (str(settled.rows[-1].position),))


def _receipt_columns(settled: Settled) -> Sequence[PackedArray]:
    """Turn the receipts into the columns of `INSERT_RECEIPTS`."""
    keys = [key for key, _ in settled.receipts]
    receipts = [receipt for _, receipt in settled.receipts]
    return (
        texts([key.organisation_id for key in keys]),
        texts([key.key for key in keys]),
        byte_strings([key.fingerprint for key in keys]),
        texts([receipt.stream for receipt in receipts]),
        integers([receipt.version for receipt in receipts]),
        bigints([receipt.position for receipt in receipts]),
        texts([" ".join(receipt.events) for receipt in receipts]),
    )


def _columns(settled: Settled) -> Sequence[bytes]:
    """Turn the rows into the columns of `INSERT_EVENTS`."""
    rows, contexts = settled.rows, [row.context for row in settled.rows]
    return (
        bigints([row.position for row in rows]),
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


async def _rows(connection: AsyncConnection, query: str, *parameters: bytes) -> Sequence[Any]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(query, parameters)
    return await cursor.fetchall()


async def _holders(connection: AsyncConnection, digests: Sequence[bytes]) -> dict[bytes, str]:
    return dict(await _rows(connection, sql.CLAIMS, byte_strings(digests))) if digests else {}


async def _receipts(
    connection: AsyncConnection, keys: Sequence[Idempotency]
) -> dict[tuple[str, str], tuple[bytes, Receipt]]:
    rows = await _rows(
        connection, sql.RECEIPTS, texts([key.organisation_id for key in keys]), texts([key.key for key in keys])
    )
    return {
        (organisation_id, key): (
            fingerprint,
            Receipt(stream=stream, version=version, position=position, events=tuple(events)),
        )
        for organisation_id, key, fingerprint, stream, version, position, events in rows
    }


def _by_key(
    keys: Sequence[Idempotency], receipts: Mapping[tuple[str, str], tuple[bytes, Receipt]]
) -> dict[Idempotency, Receipt | OtherContent]:
    found: dict[Idempotency, Receipt | OtherContent] = {}
    for key in keys:
        if (known := receipts.get((key.organisation_id, key.key))) is not None:
            fingerprint, receipt = known
            found[key] = receipt if fingerprint == key.fingerprint else OtherContent(key.key)
    return found


def _by_prefix(prefixes: Sequence[str], streams: Mapping[str, StreamEvents]) -> dict[str, Mapping[str, StreamEvents]]:
    # The rows came in the order of the C collation, which is the order of Python's strings.
    names = list(streams)
    return {
        prefix: {name: streams[name] for name in names[bisect_left(names, prefix) : bisect_left(names, _after(prefix))]}
        for prefix in prefixes
    }


def _after(prefix: str) -> str:
    """Return the first string, in the C collation, that no longer begins with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
