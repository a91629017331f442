"""A platform under test: on a port of this process, for streams and browsers, or as the processes that users start."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import httpx2
import uvicorn

from api.cli.serve import ApiServer
from api.composition.bootstrap import create_app
from api.composition.tokens import make_issuer
from api.web.door_bounds import BOUNDS, Bounds
from application.ports import Caller, Role
from infrastructure.database.addresses import Addresses
from infrastructure.settings import Settings
from tests.api.world.client import Client

END_WITHIN_S = 60

# --- On a port ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Served:
    address: str
    settings: Settings
    server: uvicorn.Server
    thread: threading.Thread

    def token(self, role: Role, lifetime: timedelta = timedelta(hours=1)) -> str:
        caller = Caller(subject="official-7", role=role, organisation_id="platform")
        return make_issuer(self.settings).issue(caller, datetime.now(UTC), lifetime)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(END_WITHIN_S)
        assert not self.thread.is_alive(), "the server waits for something that does not end"


@contextmanager
def platform_served(url: str, keys_url: str, folder: Path, bounds: Bounds = BOUNDS) -> Iterator[Served]:
    settings = Settings(data_dir=folder, log_level="error")
    listener = socket.create_server(("127.0.0.1", 0))
    server = ApiServer(create_app(settings, Addresses.at(url, keys_url), bounds=bounds))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    served = Served(f"http://127.0.0.1:{listener.getsockname()[1]}", settings, server, thread)
    try:
        yield served
    finally:
        served.stop()
        listener.close()


# --- As processes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """A command that serves: its process, and what it printed, the addresses of the platform by their names."""

    process: subprocess.Popen[str]
    addresses: Mapping[str, str]
    http: httpx2.Client

    def caller(self, token: str = "") -> Client:
        """Return somebody with this token, or with the one that the command printed."""
        return Client(self.http, token or self.addresses.get("token", ""))

    def position(self) -> int:
        return int(self.caller().reads("/health").json()["position"])


def start(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", *arguments, "--port", "0", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


@contextmanager
def kroniek(environment: Mapping[str, str], *arguments: str, errors: IO[str] | None = None) -> Iterator[Running]:
    """Run a serving command until the block ends."""
    process = start(environment, *arguments, errors=errors)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        base = addresses["graphql"].removesuffix("/graphql")
        with httpx2.Client(base_url=base, timeout=END_WITHIN_S, follow_redirects=True, trust_env=False) as http:
            yield Running(process, addresses, http)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=END_WITHIN_S)
