"""`kroniek serve`: the API, the dashboard and the worker that keeps the read models."""

from __future__ import annotations

import argparse
import contextlib
import gc
import socket

import uvicorn
from fastapi import FastAPI

from api.cli.common import awaited_database, settings_of
from api.cli.output import Exit, Output, ending_as
from api.cli.processes import WorkerProcess, unwind_on_term
from api.composition.bootstrap import create_app
from api.web.one_write import OneWriteProtocol
from infrastructure.settings import Settings

LOOPBACK = "127.0.0.1"
GARBAGE_THRESHOLD = 10_000
"""How many objects are made and not freed before Python collects garbage among them."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (KRONIEK_HOST)")
    parser.add_argument("--port", type=int, help="the port to listen on, 0 for a free one (KRONIEK_PORT)")


def run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of(host=options.host, port=options.port)
    unwind_on_term()
    with listening(settings) as listener, awaited_database(settings) as of_database, WorkerProcess():
        base = address(listener)
        output.result(addresses(base), "\n".join(f"{name}: {at}" for name, at in addresses(base).items()))
        serve(create_app(settings, of_database), listener, settings.trusted_proxies)


def listening(settings: Settings) -> socket.socket:
    """Take the port before anything else is started, so that a taken one is reported at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with ending_as(Exit.BUSY, OSError, lambda error: f"There is no listening: {error.strerror}. Set KRONIEK_PORT."):
        return socket.create_server((settings.host, settings.port), family=family)


def address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def addresses(base: str) -> dict[str, str]:
    return {
        "dashboard": f"{base}/dashboard",
        "graphql": f"{base}/graphql",
        "administration": f"{base}/administration",
        "apiDocs": f"{base}/docs",
    }


def serve(app: FastAPI, listener: socket.socket, trusted_proxies: str = LOOPBACK) -> None:
    """Serve an application until a signal ends it. A trusted proxy says in `X-Forwarded-For` who its client is."""
    server = ApiServer(app, trusted_proxies)
    _spare_the_collector()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal that ended it
        server.run(sockets=[listener])


class ApiServer(uvicorn.Server):
    """A server that, as soon as it is to stop, ends the streams of its application, and answers what it began."""

    def __init__(self, app: FastAPI, trusted_proxies: str = LOOPBACK) -> None:
        config = uvicorn.Config(
            app,
            http=OneWriteProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=20,
            forwarded_allow_ips=trusted_proxies,
        )
        config.load()
        super().__init__(config)
        self._end_streams = app.state.end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def _spare_the_collector() -> None:
    """Make collections of garbage rare, which otherwise take a fifth of the time of a command.

    The objects of the application live as long as the process. Those of a command are freed with their last reference,
    but not while the command waits for the log: a few dozen commands in flight would start a collection each moment.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
