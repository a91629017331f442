"""Looks up streams, receipts and claims for commands: one batch of callers with few queries."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from application.ports import Idempotency, OtherContent, Receipt, StreamEvents
from infrastructure.codec import Codec
from infrastructure.event_log import log_statements as sql
from infrastructure.postgres.arrays import byte_strings, integers, texts
from infrastructure.postgres.failures import ValueFreeError


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What one caller looks up."""

    streams: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    keys: Sequence[Idempotency] = ()
    digests: Sequence[bytes] = ()
    log_id: bool = False
    head: bool = False


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """What was found for all callers of a batch together."""

    streams: Mapping[str, StreamEvents]
    prefixes: Mapping[str, Mapping[str, StreamEvents]]
    keys: Mapping[Idempotency, Receipt | OtherContent]
    holders: Mapping[bytes, str]
    log_id: str
    head: int


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of the log: the table `log.event_<number>`, attached to the log's table or not."""

    number: int
    first_position: int
    last_position: int
    attached: bool


class MissingEventsError(ValueFreeError):
    """Events of this log were put away: the partition that holds them is no longer in the database."""


class OtherLogError(ValueFreeError):
    """A position was reached in another log: it means nothing in this one."""


@dataclass(slots=True)
class _Stream:
    """A stream's version and positions, and its events found so far: version, name, bytes, effective time of each."""

    version: int
    first_position: int
    last_position: int
    events: list[tuple[int, str, bytes, datetime]] = field(default_factory=list)

    @property
    def lacks_older(self) -> bool:
        return len(self.events) < self.version


@dataclass(slots=True)
class LogFinder:
    """Executes batches of look-ups; remembers the partitions that it has seen."""

    codec: Codec
    partitions: Sequence[Partition] = ()

    async def find(
        self,
        connection: AsyncConnection,
        queries: Sequence[LogQuery],
        _again: bool,
    ) -> Sequence[LogAnswer]:
        streams = sorted({stream for query in queries for stream in query.streams})
        prefixes = sorted({prefix for query in queries for prefix in query.prefixes})
        keys = list({key for query in queries for key in query.keys})
        digests = list({digest for query in queries for digest in query.digests})
        ranges = (texts(prefixes), texts([_after(prefix) for prefix in prefixes]))
        found = LogAnswer(
            streams=await self._streams(connection, sql.STREAMS, texts(streams)) if streams else {},
            prefixes=_by_prefix(prefixes, await self._streams(connection, sql.PREFIXES, *ranges)) if prefixes else {},
            keys=_by_key(keys, await find_receipts(connection, keys)),
            holders=await find_holders(connection, digests),
            log_id=await _log_id(connection) if any(query.log_id for query in queries) else "",
            head=await _head(connection) if any(query.head for query in queries) else 0,
        )
        return [found] * len(queries)

    async def _streams(self, connection: AsyncConnection, query: str, *wanted: bytes) -> dict[str, StreamEvents]:
        """Return the streams, whole, in the order of their names.

        Most lie in the newest partition alone: one round trip. The others are completed from older ones.
        """
        held = await self._newest(connection, query, *wanted)
        await self._complete(connection, {name: stream for name, stream in held.items() if stream.lacks_older})
        decode = self.codec.decode
        return {
            name: StreamEvents(
                events=[decode(event, payload) for _, event, payload, _ in stream.events],
                position=stream.last_position,
                last_at=stream.events[-1][3] if stream.events else None,
            )
            for name, stream in held.items()
        }

    async def _newest(self, connection: AsyncConnection, query: str, *wanted: bytes) -> dict[str, _Stream]:
        while True:
            if not self.partitions:
                self.partitions = [Partition(*row) for row in await find_rows(connection, sql.PARTITIONS)]
            newest = self.partitions[-1]
            held: dict[str, _Stream] = {}
            for name, *place, version, event, payload, effective_at in await find_rows(
                connection, query.format(partition=newest.number), *wanted
            ):
                stream = held.setdefault(name, _Stream(*place))
                if version is not None:
                    stream.events.append((version, event, payload, effective_at))
            if all(stream.last_position <= newest.last_position for stream in held.values()):
                return held
            self.partitions = ()  # the log has grown into a partition that was not there yet

    async def _complete(self, connection: AsyncConnection, held: Mapping[str, _Stream]) -> None:
        for partition in reversed(self.partitions[:-1]):
            lacking = {
                name: stream
                for name, stream in held.items()
                if stream.lacks_older
                and stream.first_position <= partition.last_position
                and stream.last_position >= partition.first_position
            }
            if lacking:
                for name, rows in groupby(await self._older(connection, partition, lacking), key=itemgetter(0)):
                    lacking[name].events[:0] = [
                        (version, event, payload, at) for _, version, event, payload, at in rows
                    ]
        if incomplete := sorted(name for name, stream in held.items() if stream.lacks_older):
            raise MissingEventsError(f"events of {incomplete[0]} are in a partition that was put away")

    async def _older(
        self, connection: AsyncConnection, partition: Partition, lacking: Mapping[str, _Stream]
    ) -> Sequence[TupleRow]:
        # The events that were found are the last ones.
        known_from = [stream.version + 1 - len(stream.events) for stream in lacking.values()]
        wanted = texts(list(lacking)), integers(known_from)
        try:
            return await find_rows(connection, sql.OLDER.format(partition=partition.number), *wanted)
        except psycopg.errors.UndefinedTable:
            return ()


# --- Queries that appends need too ----------------------------------------------------------------------------------


async def find_rows(connection: AsyncConnection, query: str, *parameters: object) -> Sequence[TupleRow]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(query, parameters)
    return await cursor.fetchall()


async def _log_id(connection: AsyncConnection) -> str:
    ((log_id,),) = await find_rows(connection, sql.LOG_ID)
    return str(log_id)


async def _head(connection: AsyncConnection) -> int:
    ((head,),) = await find_rows(connection, sql.HEAD)
    return int(head)


async def find_holders(connection: AsyncConnection, digests: Sequence[bytes]) -> dict[bytes, str]:
    return dict(await find_rows(connection, sql.CLAIMS, byte_strings(digests))) if digests else {}


async def find_receipts(
    connection: AsyncConnection, keys: Sequence[Idempotency]
) -> dict[tuple[str, str], tuple[bytes, Receipt]]:
    if not keys:
        return {}
    rows = await find_rows(
        connection, sql.RECEIPTS, texts([key.organisation_id for key in keys]), texts([key.key for key in keys])
    )
    return {
        (organisation_id, key): (
            fingerprint,
            Receipt(stream=stream, version=version, position=position, events=tuple(events)),
        )
        for organisation_id, key, fingerprint, stream, version, position, events in rows
    }


# --- Answers --------------------------------------------------------------------------------------------------------


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
