"""What the tests in a real browser share: an application on a port of its own, and Chromium."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette

from tests.parts import CHROMIUM

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


async def _nothing() -> None:
    pass


@contextmanager
def served(app: Starlette, close: Callable[[], Awaitable[None]] = _nothing) -> Iterator[str]:
    """Serve an application on a loopback port of its own; give its address. `close` runs on its loop at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))

    async def serve() -> None:
        await server.serve(sockets=[listener])
        await close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.fixture(name="browser", scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM.path(), args=ARGUMENTS)
        yield running
        running.close()
