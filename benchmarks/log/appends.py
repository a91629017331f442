"""Appends of one event or a batch: the log beside the stock recorder of the eventsourcing library.

All events have the same bytes, and all streams are new.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from application.ports import Append, Receipt
from benchmarks.log.work import EVENT, EVENT_NAME, WARM_UP, drive, drive_threads, new_id, run_async
from domain.kernel import Context
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog

CONTEXT = Context(
    acting_id="benchmark", organisation_id=str(uuid4()), activity="benchmark", effective_at=datetime.now(UTC)
)


class Bytes:
    """An event whose bytes are given, so that no contender encodes more than another."""


EVENTS = (Bytes(),)


class BytesCodec(Codec):
    """Writes every event as the same bytes."""

    def __init__(self) -> None:
        super().__init__([])

    def encode(self, event: object) -> tuple[str, bytes]:  # noqa: ARG002 - every event is the same
        return EVENT_NAME, EVENT


def new_streams(count: int) -> Iterator[str]:
    """Return names of streams, made before the clock starts: for the peers they are made so too."""
    return iter([f"benchmark-{new_id()}" for _ in range(count)])


def append(stream: str, version: int = 0) -> Append:
    """Return a one-event append."""
    return Append(stream=stream, events=EVENTS, expected={stream: version}, context=CONTEXT)


def ours(url: str, total: int, in_flight: int, batch: int = 1) -> float:
    """Return events a second, `batch` one-event appends a call, `in_flight` calls at once."""
    streams = new_streams(total + in_flight * WARM_UP * batch)

    async def run() -> float:
        async with PostgresLog(url, BytesCodec(), b"key") as log:

            async def work() -> None:
                outcomes = await log.append([append(next(streams)) for _ in range(batch)])
                assert all(isinstance(outcome, Receipt) for outcome in outcomes)

            await drive(work, in_flight * WARM_UP, in_flight)
            calls = total // batch
            return calls * batch / await drive(work, calls, in_flight)

    return run_async(run())


def ours_p99(url: str, total: int, in_flight: int) -> float:
    """Return the microseconds within which 99 of 100 one-event appends were durable, `in_flight` at once."""
    taken_s: list[float] = []
    streams = new_streams(total + in_flight * WARM_UP)

    async def run() -> None:
        async with PostgresLog(url, BytesCodec(), b"key") as log:

            async def work() -> None:
                begun = time.perf_counter()
                await log.append([append(next(streams))])
                taken_s.append(time.perf_counter() - begun)

            await drive(work, in_flight * WARM_UP, in_flight)
            taken_s.clear()
            await drive(work, total, in_flight)

    run_async(run())
    return statistics.quantiles(taken_s, n=100)[98] * 1e6


def stock(url: str, total: int, in_flight: int) -> float:
    """Return events a second: threads, each with a connection of the pool, as the library's applications run."""
    with PostgresDatastore(**library_settings(url), pool_size=in_flight) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        ids = iter([UUID(new_id()) for _ in range(total + in_flight * WARM_UP)])

        def work() -> None:
            recorder.insert_events([StoredEvent(next(ids), 1, EVENT_NAME, EVENT)])

        drive_threads(work, in_flight * WARM_UP, in_flight)
        return total / drive_threads(work, total, in_flight)


def library_settings(url: str) -> dict[str, Any]:
    """Return an address in the words of the library's datastore."""
    where: Mapping[str, Any] = conninfo_to_dict(url)
    return {name: str(where[name]) for name in ("dbname", "host", "port", "user", "password")}
