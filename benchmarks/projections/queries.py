"""What somebody who queries notices of a rebuild of all read models: latencies at a steady rate, before and during it.

The queries go over HTTP to the API in a process of its own: a page of consents, one message by its id, a figure of a
month, in turn. They are sent when they are due, whether or not earlier ones were answered, and their latency counts
from that instant. A rebuild is a process of its own too, on the same processors.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import uvloop

from benchmarks.measuring import Measured
from benchmarks.projections.rebuilding import rebuilding
from benchmarks.projections.serving import Api, api

PER_S = 50
MOST_WARM_UP_S = 5
ANSWER_WITHIN_S = 30
MOST_CONNECTIONS = 64
IDLE_S = 3
"""A connection that was not used for longer is not used again: the server may be closing it just now."""

MESSAGES = 500
FIGURES = 24

CONSENTS = (
    "query($after: String) { consents(first: 20, after: $after) { edges { node { personId status grantedAt } } } }"
)
MESSAGE = "query($id: ID!) { message(id: $id) { id status sentAt } }"
FIGURE = "query($id: ID!, $period: String!) { figure(id: $id, jurisdiction: BE, period: $period) { value } }"


@dataclass(slots=True)
class Answers:
    """Latencies in milliseconds, and what went wrong."""

    latencies_ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.latencies_ms, n=100)[98]


def measure(
    url: str, keys_url: str, folder: Path, before_s: int, per_s: int = PER_S
) -> tuple[dict[str, Measured], dict[str, float]]:
    """Query so often for some seconds, then for as long as a rebuild of everything takes; return figures and ratios."""
    with api(url, keys_url, folder) as running:
        requests = _requests(running, url)
        ask_steadily(running.base, requests, for_seconds(min(before_s, MOST_WARM_UP_S)), per_s)
        before = ask_steadily(running.base, requests, for_seconds(before_s), per_s)
        with rebuilding(url) as work:
            during = ask_steadily(running.base, requests, lambda: work.runs, per_s)
            work.wait()
    assert not before.failed, before.failed[:3]
    measured = {
        "queries before a rebuild, 99th percentile (µs)": Measured([before.p99_ms * 1e3]),
        "queries during a rebuild, median (µs)": Measured([statistics.median(during.latencies_ms) * 1e3]),
        "queries during a rebuild, 99th percentile (µs)": Measured([during.p99_ms * 1e3]),
        "queries during a rebuild": Measured([len(during.latencies_ms)]),
    }
    return measured, {
        "queries_during_rebuild_p99_vs_before": during.p99_ms / before.p99_ms,
        "queries_during_rebuild_failed": float(len(during.failed)),
    }


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Return what says whether so many seconds from now are over yet."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until


# --- What is asked --------------------------------------------------------------------------------------------------


def _requests(running: Api, url: str) -> Iterator[bytes]:
    """Return the queries in turn, for ever, as bytes of HTTP."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT message_id FROM read.messages_v3 ORDER BY md5(message_id) LIMIT %s", (MESSAGES,)
        )
        messages = [{"id": message_id} for (message_id,) in found]
    periods = [{"id": "messages_sent", "period": f"{2020 + at // 12}-{at % 12 + 1:02d}"} for at in range(FIGURES)]
    kinds: Sequence[Sequence[tuple[str, dict[str, Any]]]] = (
        [(CONSENTS, {})],
        [(MESSAGE, variables) for variables in messages],
        [(FIGURE, variables) for variables in periods],
    )
    in_turn = zip(*(itertools.cycle(kind) for kind in kinds), strict=True)
    token = running.token
    return (request_of(token, *one) for several in in_turn for one in several)


def request_of(token: str, query: str, variables: dict[str, Any]) -> bytes:
    """Return a query as bytes of HTTP."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {token}\r\nProcessing-Activity: benchmark\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- The client -----------------------------------------------------------------------------------------------------


def ask_steadily(base: str, requests: Iterator[bytes], goes_on: Callable[[], bool], per_s: int = PER_S) -> Answers:
    """Send so many a second for as long as it goes on, and wait for the answers."""
    return uvloop.run(_send_steadily(base, requests, goes_on, per_s))


async def _send_steadily(base: str, requests: Iterator[bytes], goes_on: Callable[[], bool], per_s: int) -> Answers:
    answers, client = Answers(), Client(base)
    async with asyncio.TaskGroup() as group:
        began = time.monotonic()
        for number in itertools.count():
            due = began + number / per_s
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if not goes_on():
                break
            group.create_task(_one(client, next(requests), due, answers))
    client.close()
    return answers


async def _one(client: Client, request: bytes, due: float, answers: Answers) -> None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            status, body = await client.send(request)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        answers.failed.append(type(error).__name__)
    else:
        answers.latencies_ms.append((time.monotonic() - due) * 1e3)
        if status != b"200" or b'"errors"' in body:
            answers.failed.append(body.decode(errors="replace"))


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Client:
    """Sends each request on a connection that nobody else uses at that moment, and keeps it open."""

    def __init__(self, base: str) -> None:
        where = urlsplit(base)
        self._host, self._port = where.hostname, where.port
        self._idle: list[tuple[float, Connection]] = []
        self._most = asyncio.Semaphore(MOST_CONNECTIONS)

    async def send(self, request: bytes) -> tuple[bytes, bytes]:
        """Return status and body of the answer."""
        async with self._most:
            reader, writer = connection = await self._connection()
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                answer = head.split(maxsplit=2)[1], await reader.readexactly(_length(head))
            except BaseException:
                writer.close()
                raise
            self._idle.append((time.monotonic(), connection))
            return answer

    async def _connection(self) -> Connection:
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_S:
                return connection
            connection[1].close()
        return await asyncio.open_connection(self._host, self._port)

    def close(self) -> None:
        for _, (_, writer) in self._idle:
            writer.close()


def _length(head: bytes) -> int:
    lengths = (line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(next(lengths))
