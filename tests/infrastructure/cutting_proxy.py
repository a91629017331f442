"""A way to the database that can be cut at the worst moment: before a request arrives, or before its answer does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from infrastructure.event_log.log_writer import PREPARED_APPEND

CHUNK_BYTES = 1 << 16


class Cut(StrEnum):
    """What is lost with the connection that carries the next writing request."""

    REQUEST = "request"
    ANSWER = "answer"
    LATE = "late"
    """The request arrives, but only after `deliver`."""

    NOTHING = "nothing"


WRITING = (b"\0" + PREPARED_APPEND + b"\0", b"COMMIT")
"""A call of what was prepared under this name, and the end of a transaction."""


@dataclass
class CuttingProxy:
    """Forwards connections, and loses those that carry the next writing requests as `cuts` says, one for each."""

    url: str
    server_host: str
    server_port: int
    cuts: list[Cut] = field(default_factory=list)
    refusing: bool = False
    deliver: asyncio.Event = field(default_factory=asyncio.Event)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    handling: set[asyncio.Task[None]] = field(default_factory=set)

    def cut_next(self, *cuts: Cut) -> None:
        self.cuts.extend(cuts)

    def accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.handling.add(asyncio.create_task(self._serve(client, to_client)))

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.refusing:
            await _close(to_client)
            return
        server, to_server = await asyncio.open_connection(self.server_host, self.server_port)
        mute = asyncio.Event()
        answering = asyncio.create_task(_answer(server, to_client, mute))
        while data := await client.read(CHUNK_BYTES):
            cut = self.cuts.pop(0) if self.cuts and any(word in data for word in WRITING) else Cut.NOTHING
            if cut is not Cut.NOTHING:
                self.cut.set()
            if cut is Cut.REQUEST:
                break
            if cut is Cut.LATE:
                to_client.transport.abort()
                await self.deliver.wait()
                mute.set()
            if cut is Cut.ANSWER:
                mute.set()
            to_server.write(data)
            if cut is Cut.LATE:
                await answering
                self.delivered.set()
                break
        await _close(to_server)
        await answering
        await _close(to_client)


async def _close(stream: asyncio.StreamWriter) -> None:
    stream.close()
    with contextlib.suppress(ConnectionError):
        await stream.wait_closed()


async def _answer(server: asyncio.StreamReader, to_client: asyncio.StreamWriter, mute: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):  # a server that ends a session may not hear its client out
        while data := await server.read(CHUNK_BYTES):
            if mute.is_set():  # it is done, and nobody is told
                break
            to_client.write(data)
    to_client.close()


@asynccontextmanager
async def cutting_proxy(database_url: str) -> AsyncIterator[CuttingProxy]:
    parts = urlsplit(database_url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = CuttingProxy("", parts.hostname, parts.port)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    proxy.url = database_url.replace(f":{parts.port}/", f":{port}/")
    async with listener:
        yield proxy
    await asyncio.gather(*proxy.handling)
