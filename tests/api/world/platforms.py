"""A platform under test, and the three ways to start one: in this process, on a port of it, as processes.

In this process is the quickest; on a port is for browsers and for streams, which a test client does not give piece by
piece; as processes is how users start it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import httpx2
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.cli.serve import ApiServer
from api.composition.bootstrap import create_app
from api.composition.log_and_rules import utc_now
from api.composition.tokens import make_issuer
from api.web.door_bounds import BOUNDS, Bounds
from api.web.one_write import OneWriteProtocol
from application.ports import Caller, Role
from infrastructure.database.addresses import Addresses
from infrastructure.settings import Settings
from infrastructure.tokens.issuer import LocalIssuer
from tests.api.world.client import Client
from tests.api.world.commands import PLATFORM

END_WITHIN_S = 60
SUBJECT = "official-7"
"""Who acts for an organisation, where a test does not say."""


@dataclass(frozen=True)
class Platform:
    """A platform, and who asks it; its settings say where the key is with which its tokens are signed."""

    http: httpx2.Client
    settings: Settings

    @property
    def anybody(self) -> Client:
        return Client(self.http)

    def caller(self, role: Role, organisation_id: str = PLATFORM) -> Client:
        """Return an official of an organisation, with a token for an hour."""
        return Client(self.http, self.token(role, organisation_id))

    def token(self, role: Role, organisation_id: str = PLATFORM, lifetime: timedelta = timedelta(hours=1)) -> str:
        caller = Caller(subject=SUBJECT, role=role, organisation_id=organisation_id)
        return self.issuer.issue(caller, utc_now(), lifetime)

    @cached_property
    def issuer(self) -> LocalIssuer:
        return make_issuer(self.settings)


# --- In this process ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InProcess(Platform):
    app: FastAPI


def settings_in(folder: Path, **others: Any) -> Settings:
    return Settings(data_dir=folder, **{"log_level": "error", **others})


@contextmanager
def in_process(
    folder: Path,
    url: str,
    keys_url: str,
    *,
    now: Callable[[], datetime] = utc_now,
    machine_clock: Callable[[], datetime] = utc_now,
    reacting: bool = True,
    bounds: Bounds = BOUNDS,
    **others: Any,
) -> Iterator[InProcess]:
    """Start a platform on migrated databases, with its data in a folder; `others` are settings by their names.

    With `reacting`, erasures and the like are carried out by themselves.
    """
    settings = settings_in(folder, **others)
    addresses = Addresses.at(url, keys_url)
    app = create_app(settings, addresses, now=now, machine_clock=machine_clock, reacting=reacting, bounds=bounds)
    with TestClient(app, raise_server_exceptions=False) as http:
        yield InProcess(http, settings, app)


# --- On a port ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnAPort(Platform):
    address: str
    stop: Callable[[], None]
    """Ends the server, and with it all that callers listen to."""


@contextmanager
def on_a_port(folder: Path, url: str, keys_url: str, *, bounds: Bounds = BOUNDS, **others: Any) -> Iterator[OnAPort]:
    """Start a platform that listens on a port of its own."""
    settings = settings_in(folder, **others)
    server = ApiServer(create_app(settings, Addresses.at(url, keys_url), bounds=bounds))
    with _serving(server) as (address, stop), _to(address) as http:
        yield OnAPort(http, settings, address, stop)


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application that is no whole platform; give its address."""
    config = uvicorn.Config(app, http=OneWriteProtocol, log_level="error", ws="none")
    with _serving(uvicorn.Server(config)) as (address, _):
        yield address


@contextmanager
def _serving(server: uvicorn.Server) -> Iterator[tuple[str, Callable[[], None]]]:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))

    def stop() -> None:
        server.should_exit = True
        thread.join(END_WITHIN_S)
        assert not thread.is_alive(), "the server waits for something that does not end"

    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", stop
    finally:
        stop()
        listener.close()


def _to(address: str) -> httpx2.Client:
    return httpx2.Client(base_url=address, timeout=END_WITHIN_S, follow_redirects=True, trust_env=False)


# --- As processes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Processes(Platform):
    """A command that serves: its process, and what it printed, the addresses of the platform by their names."""

    process: subprocess.Popen[str]
    addresses: Mapping[str, str]

    def with_token(self, token: str = "") -> Client:
        """Return who has this token, or the one that the command printed."""
        return Client(self.http, token or self.addresses["token"])

    def position(self) -> int:
        return int(self.anybody.reads("/health").json()["position"])


def started(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> subprocess.Popen[str]:
    """Start a serving command of `kroniek`, and do not wait for what it prints."""
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments, "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


@contextmanager
def as_processes(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> Iterator[Processes]:
    """Run a serving command of `kroniek` until the block ends."""
    process = started(environment, *arguments, errors=errors)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        settings = Settings(data_dir=Path(environment["KRONIEK_DATA_DIR"]))
        with _to(addresses["graphql"].removesuffix("/graphql")) as http:
            yield Processes(http, settings, process, addresses)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=END_WITHIN_S)
