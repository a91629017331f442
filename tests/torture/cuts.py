"""A network that loses connections: a proxy between the writers and the server that cuts them at random moments.

The server lives on. What it was sent may be carried out although nobody hears the answer, and even later, when the
writer has connected again and asked what became of it.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from infrastructure.database.data_folder import HOST

LIVES_S = (0.02, 0.3)
LATE_S = 0.2
"""By how much at most the server hears later than the writer of the end of a connection, or of what was sent last."""

LOSE_A_REQUEST = 0.5
LOSE_BOTH_SIDES = 0.5
BE_LATE = 0.1
"""How likely each of these is: at a cut, at a lost request, for whatever a writer sends."""

CHUNK_BYTES = 1 << 16
MAX_LINKS = 1_000


@dataclass(slots=True, eq=False)
class _Link:
    """One connection of a writer, and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    mute: bool = False


def proxy(port: int, seed: int, says: Connection) -> None:
    """Pass on what comes to a port of its own, which is said first, and cut connections until this process ends."""
    asyncio.run(_Proxy(port, random.Random(seed)).run(says))


@dataclass(slots=True)
class _Proxy:
    port: int
    chance: random.Random
    links: set[_Link] = field(default_factory=set)

    async def run(self, says: Connection) -> None:
        listening = await asyncio.start_server(self._link, HOST, 0)
        says.send(listening.sockets[0].getsockname()[1])
        async with listening:
            while True:
                await asyncio.sleep(self.chance.uniform(*LIVES_S))
                if self.links:
                    self._cut(self.chance.choice(list(self.links)))
                    says.send(True)

    def _cut(self, link: _Link) -> None:
        """Drop the writer's side, at once or when the next answer comes; the server hears of it at once, or later."""
        self.links.discard(link)
        link.mute = True
        if self.chance.random() < LOSE_A_REQUEST:
            link.client.transport.abort()
            if self.chance.random() < LOSE_BOTH_SIDES:
                link.server.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert len(self.links) < MAX_LINKS
        with suppress(OSError):
            from_server, to_server = await asyncio.open_connection(HOST, self.port)
            link = _Link(writer, to_server)
            self.links.add(link)
            back = asyncio.create_task(self._back(from_server, link))
            with suppress(OSError):
                while chunk := await reader.read(CHUNK_BYTES):
                    await self._maybe_late()
                    to_server.write(chunk)
                    await to_server.drain()
            await asyncio.sleep(self.chance.uniform(0, LATE_S))
            self.links.discard(link)
            to_server.transport.abort()
            await back
        writer.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, link: _Link) -> None:
        with suppress(OSError):
            # A mute link has done what it was asked to, and nobody is told.
            while (chunk := await reader.read(CHUNK_BYTES)) and not link.mute:
                link.client.write(chunk)
                await link.client.drain()
        link.client.transport.abort()

    async def _maybe_late(self) -> None:
        if self.chance.random() < BE_LATE:
            await asyncio.sleep(self.chance.uniform(0, LATE_S))
