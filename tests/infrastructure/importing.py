"""Logs that an import writes to: the one in PostgreSQL and its twin in memory, and one that fails in the middle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from application.ports import Append, Idempotency, OtherContent, Outcome, Receipt, StreamEvents
from domain.contexts import DECIDERS
from domain.kernel import Claim, Recorded
from infrastructure.codec import Codec
from infrastructure.event_log.log_reader import LogReader
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.postgres.failures import LogUnavailableError
from infrastructure.system_events import ChunkImported
from tests.memory_log import MemoryLog

CODEC = Codec(DECIDERS)


@dataclass(frozen=True, slots=True)
class Kept:
    """A log, and how to read all that it holds."""

    log: MemoryLog | PostgresLog
    recorded: Callable[[], Sequence[Recorded[Any]]]

    def imported(self) -> list[Recorded[Any]]:
        return [each for each in self.recorded() if not isinstance(each.event, ChunkImported)]


@pytest.fixture(name="kept", params=["memory", "postgres"])
async def kept_log(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    if request.param == "memory":
        memory = MemoryLog(CODEC)
        yield Kept(memory, lambda: list(memory.recorded()))
        return
    url = request.getfixturevalue("emptied_database_url")
    async with PostgresLog(url, CODEC, b"claim key") as log:
        yield Kept(log, lambda: read_all(url))


def read_all(url: str) -> Sequence[Recorded[Any]]:
    reader = LogReader(CODEC)
    with psycopg.connect(url) as connection:
        return list(reader.read(connection, after=0, until=reader.head(connection)))


class Flaky:
    """A log whose answers get lost from time to time: before anything was written, or after."""

    def __init__(self, log: MemoryLog | PostgresLog, lost: Mapping[int, str]) -> None:
        self.log = log
        self.lost = lost
        self.appends = 0

    async def append(self, appends: Sequence[Append]) -> Sequence[Outcome]:
        self.appends += 1
        if (lost := self.lost.get(self.appends)) == "killed":
            raise KilledError
        if lost == "before":
            raise LogUnavailableError(lost)
        outcomes = await self.log.append(appends)
        if lost == "after":
            raise LogUnavailableError(lost)
        if lost == "killed after":
            raise KilledError
        return outcomes

    async def read(self, streams: Sequence[str]) -> Mapping[str, StreamEvents]:
        return await self.log.read(streams)

    async def read_prefixes(self, prefixes: Sequence[str]) -> Mapping[str, Mapping[str, StreamEvents]]:
        return await self.log.read_prefixes(prefixes)

    async def receipts(self, keys: Sequence[Idempotency]) -> Mapping[Idempotency, Receipt | OtherContent]:
        return await self.log.receipts(keys)

    async def holder(self, claim: Claim) -> str | None:
        return await self.log.holder(claim)

    async def log_id(self) -> str:
        return await self.log.log_id()


class KilledError(Exception):
    """The end of the process that imports."""
