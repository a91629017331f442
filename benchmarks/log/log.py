"""Appends to the log, beside the stock recorder of the eventsourcing library and a bare INSERT of the same columns.

`python -m benchmarks.log [--quick] [--json]` starts a PostgreSQL of its own with fsync and synchronous_commit on.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from application.ports import Append
from benchmarks.measuring import interleaved, show
from domain.kernel import Context
from infrastructure.codec import Codec
from infrastructure.database import EmbeddedPostgres, migrate
from infrastructure.event_log import PostgresLog
from infrastructure.event_log import statements as sql

IN_FLIGHT = 32
BATCH = 100
EVENT = b'{"payload":"' + b"x" * 280 + b'"}'
NOW = datetime.now(UTC)
CONTEXT = Context(acting_id="benchmark", organisation_id=str(uuid4()), activity="benchmark", effective_at=NOW)


class Bytes:
    """An event whose bytes are given, so that no contender encodes more than another."""


class BytesCodec(Codec):
    def __init__(self) -> None:
        super().__init__([])

    def encode(self, event: object) -> tuple[str, bytes]:  # noqa: ARG002 - every event is the same
        return "benchmark.event.v1", EVENT


def append() -> Append:
    stream = f"benchmark-{uuid4()}"
    return Append(stream=stream, events=[Bytes()], expected={stream: 0}, context=CONTEXT)


# --- Contenders: each returns events a second -----------------------------------------------------------------------


def ours(url: str, total: int, in_flight: int, batch: int) -> float:
    async def run() -> float:
        async with PostgresLog(url, BytesCodec(), b"key") as log:
            await log.append([append()])
            started = time.perf_counter()
            await _drive(lambda: log.append([append() for _ in range(batch)]), total // batch, in_flight)
            return total / (time.perf_counter() - started)

    return asyncio.run(run())


async def _drive(work: Callable[[], Awaitable[object]], times: int, in_flight: int) -> None:
    left = itertools.islice(itertools.count(), times)

    async def worker() -> None:
        for _ in left:
            await work()

    await asyncio.gather(*(worker() for _ in range(in_flight)))


def stock(url: str, total: int, in_flight: int) -> float:
    where = conninfo_to_dict(url)
    with PostgresDatastore(
        dbname=str(where["dbname"]),
        host=str(where["host"]),
        port=str(where["port"]),
        user=str(where["user"]),
        password=str(where["password"]),
        pool_size=in_flight,
    ) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        recorder.insert_events([_stored()])
        left = iter(range(total))

        def worker() -> None:
            for _ in left:
                recorder.insert_events([_stored()])

        threads = [threading.Thread(target=worker) for _ in range(in_flight)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return total / (time.perf_counter() - started)


def _stored() -> StoredEvent:
    return StoredEvent(originator_id=uuid4(), originator_version=1, topic="benchmark.event.v1", state=EVENT)


def bare_unnest(url: str, total: int) -> float:
    """Insert rows of the same columns and indexes, a batch for each commit, with nothing checked: the limit."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE log.event INCLUDING ALL)")
        statement = sql.INSERT_EVENTS.replace("log.event", "bare")
        started = time.perf_counter()
        for first in range(1, total + 1, BATCH):
            connection.execute(statement, _columns(first))
        return total / (time.perf_counter() - started)


def _columns(first: int) -> Sequence[object]:
    streams = [f"benchmark-{uuid4()}" for _ in range(BATCH)]
    texts = [[value] * BATCH for value in ("benchmark", "", CONTEXT.organisation_id, "", "benchmark", "", "", "", "")]
    positions = list(range(first, first + BATCH))
    names = ["benchmark.event.v1"] * BATCH
    return [NOW, positions, [NOW] * BATCH, [1] * BATCH, streams, names, [EVENT] * BATCH, *texts]


# --- The run --------------------------------------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="kroniek-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "data")
        url = postgres.start()
        try:
            migrate(url)
            yield url
        finally:
            postgres.stop()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.log", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and events")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rounds, size = (3, 1) if options.quick else (7, 4)
    with server() as url:
        measured = interleaved(
            {
                "log, 32 in flight": lambda: ours(url, 6_000 * size, IN_FLIGHT, 1),
                "stock recorder, 32 in flight": lambda: stock(url, 600 * size, IN_FLIGHT),
                "log, 100 events a commit": lambda: ours(url, 20_000 * size, 1, BATCH),
                "bare unnest, 100 events a commit": lambda: bare_unnest(url, 20_000 * size),
            },
            rounds,
        )
    rate = {name: found.median for name, found in measured.items()}
    ratios = {
        "append_32_vs_stock_32": rate["log, 32 in flight"] / rate["stock recorder, 32 in flight"],
        "append_batch_vs_psycopg_unnest": rate["log, 100 events a commit"] / rate["bare unnest, 100 events a commit"],
    }
    show(measured, ratios, as_json=options.json)


if __name__ == "__main__":
    main(sys.argv[1:])
