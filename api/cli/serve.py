"""`kroniek serve`: the API, the dashboard and the worker that keeps the read models."""

from __future__ import annotations

import argparse
import contextlib
import gc
import socket
from typing import TYPE_CHECKING

from api.cli.output import CommandError, Exit, Output

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from infrastructure.database import Addresses
    from infrastructure.settings import Settings

GARBAGE_THRESHOLD = 10_000
"""How many objects are made and not freed before Python looks among them for garbage."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (KRONIEK_HOST)")
    parser.add_argument("--port", type=int, help="the port to listen on, 0 for a free one (KRONIEK_PORT)")


def run(options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import database, settings_of
    from api.cli.processes import WorkerProcess, unwind_on_term

    settings = settings_of(host=options.host, port=options.port)
    unwind_on_term()
    with listening(settings) as listener, database(settings) as database_addresses, WorkerProcess():
        base = address(listener)
        output.result(addresses(base), "\n".join(f"{name}: {at}" for name, at in addresses(base).items()))
        serve(settings, database_addresses, listener)


def listening(settings: Settings) -> socket.socket:
    """Take the port before anything else is started, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()
    except OSError as error:
        listener.close()
        sentence = f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}. Set KRONIEK_PORT."
        raise CommandError(Exit.BUSY, sentence) from error
    return listener


def address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def addresses(base: str) -> dict[str, str]:
    return {"dashboard": f"{base}/dashboard", "graphql": f"{base}/graphql", "apiDocs": f"{base}/docs"}


def serve(settings: Settings, database_addresses: Addresses, listener: socket.socket, *, sample: bool = False) -> None:
    """Serve until a signal ends it."""
    from api.composition.bootstrap import create_app

    serve_app(create_app(settings, database_addresses, sample=sample), listener)


def serve_app(app: FastAPI, listener: socket.socket) -> None:
    """Serve an application that is made already, until a signal ends it."""
    server = make_server(app)
    _spare_the_collector()
    with contextlib.suppress(KeyboardInterrupt):  # how uvicorn passes on the signal that it ended on
        server.run(sockets=[listener])


def make_server(app: FastAPI) -> uvicorn.Server:
    """Make the server of an application. Told to stop, it ends its streams, and answers what it began."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.end_streams()
            await super().shutdown(sockets)

    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=20)
    config.load()
    return Server(config)


def _spare_the_collector() -> None:
    """Keep Python from looking for garbage where there is none: without this it takes a fifth of the time of a command.

    What is there once the application is made stays as long as the process. And what a command makes is freed with its
    last reference, but not while it waits for the log, so that a few dozen in flight set off a search each moment.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
