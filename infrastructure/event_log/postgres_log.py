"""The log in PostgreSQL: concurrent appends share one transaction, concurrent reads share one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

from psycopg import AsyncConnection

from application.ports import Append, Idempotency, OtherContent, Outcome, Receipt, StreamEvents
from domain.kernel import Claim
from infrastructure.codec import Codec
from infrastructure.event_log.encoding import Encoder
from infrastructure.event_log.log_lookup import LogAnswer, LogFinder, LogQuery
from infrastructure.event_log.log_writer import PREPARE, AssumedHead, LogWriter
from infrastructure.event_log.resolve import Encoded
from infrastructure.keys.data_keys import Keys
from infrastructure.postgres.connecting import LOOKUPS_BY_INDEX, connect_async
from infrastructure.postgres.group_calls import RECONNECT_TIMEOUT_S, GroupCallQueue, ObserveBatch

WRITERS = 2
"""Connections that append. While one of them writes under the lock, the other one's batch is encoded and sent."""


class PostgresLog:
    """An event store on one log. Use it as an async context manager; it belongs to one event loop.

    Personal data is sealed with `keys`; without them it is refused, and KeysUnavailableError raised.

    `append` returns once its transaction is durable. Appends that wait together share a transaction; each is accepted
    or refused by itself (see `resolve`). Where the connection is lost, their outcome is found over a new one. Raises
    LogBusyError where too many calls wait, and LogUnavailableError where the database stays away for
    `reconnect_timeout_s`: only then is the outcome unknown.
    """

    def __init__(
        self,
        url: str,
        codec: Codec,
        claim_key: bytes,
        *,
        keys: Keys | None = None,
        reconnect_timeout_s: float = RECONNECT_TIMEOUT_S,
        observe_appends: ObserveBatch | None = None,
        observe_lookups: ObserveBatch | None = None,
    ) -> None:
        self._encoder = Encoder(codec, claim_key, keys)
        self._log_id = ""
        head = AssumedHead()
        writers = [partial(_write, LogWriter(head)) for _ in range(WRITERS)]
        self._appends = GroupCallQueue[Sequence[Encoded], Sequence[Outcome]](
            partial(connect_async, url, first=(*LOOKUPS_BY_INDEX, PREPARE), prepare_threshold=None),
            writers,
            reconnect_timeout_s,
            observe_appends,
        )
        self._reads = GroupCallQueue[LogQuery, LogAnswer](
            partial(connect_async, url, first=LOOKUPS_BY_INDEX),
            [LogFinder(codec).find],
            reconnect_timeout_s,
            observe_lookups,
        )

    async def __aenter__(self) -> Self:
        self._appends.start()
        self._reads.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._appends.close()
        await self._reads.close()

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        found = await self._reads.call(LogQuery(streams=streams))
        return {stream: found.streams.get(stream, StreamEvents()) for stream in streams}

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        found = await self._reads.call(LogQuery(prefixes=prefixes))
        return {prefix: found.prefixes[prefix] for prefix in prefixes}

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        found = await self._reads.call(LogQuery(keys=keys))
        return {key: found.keys[key] for key in keys if key in found.keys}

    async def holder(self, claim: Claim) -> str | None:
        """Return the stream that holds a claim, if any."""
        digest = self._encoder.digest(claim)
        return (await self._reads.call(LogQuery(digests=(digest,)))).holders.get(digest)

    async def log_id(self) -> str:
        """Return the id of this log, a UUID. Positions of one log mean nothing in another."""
        if not self._log_id:
            self._log_id = (await self._reads.call(LogQuery(log_id=True))).log_id
        return self._log_id

    async def head(self) -> int:
        """Return the position of the last event; 0 if the log is empty."""
        return (await self._reads.call(LogQuery(head=True))).head

    def pending_appends(self) -> int:
        """Return how many calls of `append` wait for a connection that writes."""
        return self._appends.pending_calls

    def append_waits_s(self) -> float:
        """Return for how long the appends under way have waited for the database, in seconds; 0 without any."""
        return self._appends.longest_wait_s()

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        encoded = await self._encoder.encode(appends)
        written: list[Encoded] = []
        size = 0
        for each in encoded:
            if isinstance(each, Encoded):
                written.append(each)
                size += each.size
        outcomes = await self._appends.call(written, size) if written else ()
        if len(written) == len(encoded):
            return outcomes
        left = iter(outcomes)
        return [next(left) if isinstance(each, Encoded) else each for each in encoded]


async def _write(
    writer: LogWriter, connection: AsyncConnection, calls: Sequence[Sequence[Encoded]], again: bool
) -> Sequence[Sequence[Outcome]]:
    batch = [encoded for appends in calls for encoded in appends]
    outcomes = await writer.write(connection, batch, again)
    if len(batch) == len(calls):
        return [[outcome] for outcome in outcomes]
    each = iter(outcomes)
    return [[next(each) for _ in appends] for appends in calls]
