"""The head and the body of an answer are one write; nothing is held back for longer than a turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from api.web.one_write import JoiningTransport

pytestmark = pytest.mark.anyio


class Written(asyncio.Transport):
    """Notes the writes, each with the parts that were given together."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[bytes | bytearray | memoryview, ...]] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append((data,))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.writes.append(tuple(list_of_data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def joining() -> tuple[JoiningTransport, Written]:
    written = Written()
    return JoiningTransport(written, asyncio.get_running_loop()), written


async def test_head_and_body_are_one_write() -> None:
    transport, written = joining()
    transport.write(b"head")
    transport.write(b"body")
    await asyncio.sleep(0)
    assert written.writes == [(b"head", b"body")]


async def test_a_head_whose_body_comes_later_is_written_in_the_next_turn() -> None:
    transport, written = joining()
    transport.write(b"head")
    assert written.writes == []
    await asyncio.sleep(0)
    assert written.writes == [(b"head",)]


async def test_the_parts_of_a_stream_keep_their_order() -> None:
    transport, written = joining()
    for part in (b"1", b"2", b"3"):
        transport.write(part)
    await asyncio.sleep(0)
    transport.write(b"4")
    await asyncio.sleep(0)
    assert b"".join(b"".join(parts) for parts in written.writes) == b"1234"


async def test_what_is_held_is_written_before_the_end() -> None:
    transport, written = joining()
    transport.write(b"last")
    transport.close()
    assert (written.writes, written.closed) == ([(b"last",)], True)


async def test_nothing_is_written_to_a_connection_that_was_lost() -> None:
    transport, written = joining()
    transport.write(b"late")
    written.close()
    await asyncio.sleep(0)
    assert written.writes == []
