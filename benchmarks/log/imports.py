"""Imports: `kroniek import` of decided events beside bare inserts of the very same rows.

The history is one of consents, four events for each person. What is timed of an import is all that the command does
with its file: reading and checking the lines, writing them, and the record of every chunk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from benchmarks.log import bare
from benchmarks.log.work import WARM_UP, new_id
from domain.consent import CONSENT, ConsentGranted, ConsentWithdrawn, Event, ImpactNoticeShown
from domain.contexts import DECIDERS
from domain.kernel import Jurisdiction
from infrastructure.codec import Codec
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.import_history import import_events
from infrastructure.import_history.lines import Lines
from infrastructure.import_history.record import Import, import_id_of
from infrastructure.import_history.run import ImportReport
from tests.memory_keys import MemoryKeys

WARM_UP_LINES = 2_000
ORGANISATION_ID = str(uuid4())
NOTICE_SHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@dataclass(frozen=True, slots=True)
class Decided:
    """One event of the history, as it is stored."""

    stream: str
    version: int
    name: str
    payload: bytes


def ours(url: str, folder: Path, total: int) -> float:
    """Return events a second of an import of a file."""

    async def run() -> float:
        async with PostgresLog(url, Codec(DECIDERS), b"key", keys=MemoryKeys()) as log:
            await _import(_file(folder, WARM_UP_LINES), log)
            file = _file(folder, total)
            started = time.perf_counter()
            report = await _import(file, log)
            taken_s = time.perf_counter() - started
            assert report.events == total
            return total / taken_s

    return asyncio.run(run())


async def _import(path: Path, log: PostgresLog) -> ImportReport:
    history = Import(log, import_id_of(path.name), lambda: datetime.now(UTC))
    with path.open("rb") as source:
        return await import_events(history, Lines(source))


def unnest(url: str, total: int, batch: int, *, packed: bool) -> float:
    """Return events a second of bare inserts of such a history, understood beforehand."""
    decided = iter(history(total + WARM_UP * batch))

    def next_rows(size: int) -> dict[str, list[Any]]:
        rows = [next(decided) for _ in range(size)]
        return {
            "version": [row.version for row in rows],
            "stream": [row.stream for row in rows],
            "name": [row.name for row in rows],
            "payload": [row.payload for row in rows],
        }

    return bare.unnest(url, total, batch, packed=packed, next_rows=next_rows)


def history(total: int) -> list[Decided]:
    """Return the events of people who see the notice, grant their consent, withdraw it and grant it again."""
    encode = Codec(DECIDERS).encode
    found: list[Decided] = []
    while len(found) < total:
        person_id, session_id = new_id(), new_id()
        stream = CONSENT.stream(f"{person_id}.{ORGANISATION_ID}")
        for version, event in enumerate(_consents(person_id, session_id), 1):
            found.append(Decided(stream, version, *encode(event)))
    return found[:total]


def _consents(person_id: str, session_id: str) -> Iterator[Event]:
    about: Any = {"person_id": person_id, "provider_id": ORGANISATION_ID, "jurisdiction": Jurisdiction.BE}
    by: Any = {"session_id": session_id, "acting_person_id": person_id, "mandate_id": ""}
    notice: Any = {"notice_version": "2021-01"}
    yield ImpactNoticeShown(
        **about, **notice, language="nl", notice_sha256=NOTICE_SHA256, session_id=session_id, shown_to=person_id
    )
    yield ConsentGranted(**about, **by, **notice, grant_number=1)
    yield ConsentWithdrawn(**about, **by, grant_number=1)
    yield ConsentGranted(**about, **by, **notice, grant_number=2)


def _file(folder: Path, total: int) -> Path:
    """Write a history of its own under a name of its own, so that nothing of it is there already."""
    path = folder / f"history-{uuid4()}.ndjson"
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        for row in history(total):
            line = {
                "stream": row.stream,
                "event": row.name,
                "data": msgspec.Raw(row.payload),
                "effectiveAt": "2021-11-03T09:30:00Z",
                "version": row.version,
                "actingId": row.stream[-12:],
                "organisationId": ORGANISATION_ID,
                "activity": "benchmark",
            }
            file.write(encode(line) + b"\n")
    return path
