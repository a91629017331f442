"""Durable single commands over HTTP, beside a request to the same server that reads its body and does nothing.

`python -m benchmarks.http [--quick] [--json]` starts a PostgreSQL of its own with fsync and synchronous_commit on, and
the API as a process of its own, as `kroniek serve` runs it. Every command is a POST with its own Idempotency-Key, on
one of 64 connections that are kept open; the next one goes out once the answer to the one before is whole. After each
round the events in the log are counted against the answers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import httptools
import psutil  # type: ignore[import-untyped]
import psycopg
import uvloop

from api.composition.tokens import make_issuer
from application.ports import Caller, Role
from benchmarks.http_server import NO_OP
from benchmarks.measuring import Bar, Report, interleaved, show
from benchmarks.server import durable_settings, own_server
from infrastructure.settings import Settings

IN_FLIGHT = 64
COMMAND = f"commands a second, {IN_FLIGHT} in flight"
NO_OP_POST = f"no-op POSTs a second, {IN_FLIGHT} in flight"
BARS = {"http_command_vs_noop": Bar(0.5)}
COMMANDS = 2_000
START_WITHIN_S = 30
ANSWER_WITHIN_S = 120
SHA256_BASE64URL = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


# --- The platform under measurement ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A running API: where it is, its process, its database, and who issues tokens for it."""

    base: str
    process: psutil.Process
    url: str
    settings: Settings

    def token(self, role: Role, organisation_id: str) -> str:
        caller = Caller(subject="benchmark", role=role, organisation_id=organisation_id)
        return make_issuer(self.settings).issue(caller, datetime.now(UTC), timedelta(hours=1))

    def do(self, path: str, role: Role, **body: Any) -> str:  # noqa: ANN401 - a body holds anything
        """Send a command that must be accepted; return the id of what it is about."""
        headers = _headers(self.token(role, "platform")) | {"Idempotency-Key": str(uuid4())}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=START_WITHIN_S) as answer:  # noqa: S310 - our own address
            return str(json.load(answer)["id"])

    def events(self) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT count(*) FROM log.event").fetchone()
            assert row is not None
            return int(row[0])


@contextmanager
def api() -> Iterator[Api]:
    with own_server() as postgres:
        settings = Settings(data_dir=postgres.folder / "api")
        bare = {key: value for key, value in os.environ.items() if not key.startswith("KRONIEK_")}
        environment = bare | {"KRONIEK_DATA_DIR": str(settings.data_dir), "KRONIEK_DATABASE_URL": postgres.url}
        environment["KRONIEK_KEYS_URL"] = postgres.keys_url
        with (postgres.folder / "api.log").open("wb") as log:
            command = [sys.executable, "-m", "benchmarks.http_server"]
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
            try:
                assert process.stdout is not None
                base = process.stdout.readline().strip()
                yield Api(base=base, process=psutil.Process(process.pid), url=postgres.url, settings=settings)
            finally:
                process.terminate()
                process.communicate(timeout=START_WITHIN_S)


def _headers(token: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}


# --- The client -----------------------------------------------------------------------------------------------------


class _Connection(asyncio.Protocol):
    """Sends one request after the other from those that all connections share."""

    def __init__(self, requests: Iterator[bytes], answers: Counter[int], ended: Callable[[], None]) -> None:
        self._requests = requests
        self._answers = answers
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._ended()

    def on_message_complete(self) -> None:
        self._answers[self._parser.get_status_code()] += 1
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


async def _drive(base: str, requests: Sequence[bytes]) -> tuple[Counter[int], float]:
    """Send all requests; return how many answers came with each status, and the seconds that it took."""
    loop, where = asyncio.get_running_loop(), urlsplit(base)
    assert where.hostname is not None
    assert where.port is not None
    answers: Counter[int] = Counter()
    left, done = itertools.count(IN_FLIGHT - 1, -1), loop.create_future()

    def ended() -> None:
        if next(left) == 0:
            done.set_result(None)

    shared = iter(requests)
    started = time.perf_counter()
    async with asyncio.timeout(ANSWER_WITHIN_S):
        for _ in range(IN_FLIGHT):
            await loop.create_connection(lambda: _Connection(shared, answers, ended), where.hostname, where.port)
        await done
    return answers, time.perf_counter() - started


def _requests(path: str, token: str, bodies: Sequence[Mapping[str, Any]]) -> list[bytes]:
    headers = "".join(f"{name}: {value}\r\n" for name, value in _headers(token).items())
    requests = []
    for body in bodies:
        content = json.dumps(body)
        start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Idempotency-Key: {uuid4()}\r\n"
        requests.append(f"{start}Content-Length: {len(content)}\r\n\r\n{content}".encode())
    return requests


# --- Contenders: each returns requests a second ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    """A prepared platform: an agency that may register services, which is a cheap command: one new stream each."""

    api: Api
    token: str

    def commands(self, total: int) -> float:
        before = self.api.events()
        answers, seconds = self._ask("/services", total)
        assert answers == {201: total}, f"every command is accepted: {answers}"
        assert self.api.events() - before == total, "every accepted command has its event in the log"
        return total / seconds

    def no_ops(self, total: int) -> float:
        answers, seconds = self._ask(NO_OP, total)
        assert answers == {204: total}, f"nothing is done, every time: {answers}"
        return total / seconds

    def _ask(self, path: str, total: int) -> tuple[Counter[int], float]:
        requests = _requests(path, self.token, [self._body() for _ in range(total)])
        ours, theirs = time.process_time(), self._server_cpu_s()
        answers, seconds = uvloop.run(_drive(self.api.base, requests))
        ours, theirs = time.process_time() - ours, self._server_cpu_s() - theirs
        assert ours < theirs, "the client is lighter than the server, or it is the client that was measured"
        return answers, seconds

    def _server_cpu_s(self) -> float:
        used = self.api.process.cpu_times()
        return float(used.user + used.system)

    def _body(self) -> Mapping[str, Any]:
        return {"names": {"nl": "Aangifte", "fr": "Déclaration"}, "audience": "citizen", "minimumLevel": "substantial"}


def prepare(running: Api) -> Bench:
    provider_id = _provider(running)
    return Bench(running, running.token(Role.AGENCY, provider_id))


def _provider(running: Api) -> str:
    organisation_id = running.do(
        "/organisations",
        Role.ADMINISTRATOR,
        names={"nl": "Gemeente"},
        organisationType="municipality",
        level="local",
        enterpriseNumber="0200000142",
        jurisdiction="be",
    )
    running.do(f"/organisations/{organisation_id}/enrolments", Role.ADMINISTRATOR, enrolment="service_provider")
    return organisation_id


# --- The run --------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and requests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rounds, total = (3, COMMANDS) if options.quick else (7, 4 * COMMANDS)
    with api() as running:
        bench = prepare(running)
        bench.commands(total // 4)
        measured = interleaved(
            {
                COMMAND: partial(bench.commands, total),
                NO_OP_POST: partial(bench.no_ops, 2 * total),
            },
            rounds,
        )
        settings = durable_settings(running.url)
    ratios = {"http_command_vs_noop": measured[COMMAND].median / measured[NO_OP_POST].median}
    show(Report(measured, ratios, BARS, settings), as_json=options.json)


if __name__ == "__main__":
    main(sys.argv[1:])
