"""The server's protocol with the head and the body of an answer in one write, which costs more than making them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWriteProtocol(HttpToolsProtocol):
    """Uvicorn's protocol on httptools, which writes to a `JoiningTransport`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transport of uvloop is one without deriving from it.
        super().connection_made(JoiningTransport(cast("asyncio.Transport", transport), self.loop))


class JoiningTransport(asyncio.Transport):
    """Holds what is written until the next write, then writes both; what stays alone, in the next turn of the loop.

    So at most one write is held: the transport behind knows of all others, and asks for a pause where it has too many.
    """

    def __init__(self, behind: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._behind = behind
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._behind.writelines((held, data))
        else:
            self._held = bytes(data)
            self._loop.call_soon(self._write_held)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def _write_held(self) -> None:
        held, self._held = self._held, b""
        if held and not self._behind.is_closing():
            self._behind.write(held)

    def close(self) -> None:
        self._write_held()
        self._behind.close()

    def is_closing(self) -> bool:
        return self._behind.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._behind.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._behind.set_protocol(protocol)

    def pause_reading(self) -> None:
        self._behind.pause_reading()

    def resume_reading(self) -> None:
        self._behind.resume_reading()
