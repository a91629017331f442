"""The platform on a port of its own, with doors that write: for what a test client cannot do, such as streams."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from api.cli.serve import ApiServer
from api.composition.bootstrap import create_app
from api.composition.tokens import make_issuer
from api.web.door_bounds import BOUNDS, Bounds
from application.ports import Caller, Role
from infrastructure.database.addresses import Addresses
from infrastructure.settings import Settings

END_WITHIN_S = 10


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
