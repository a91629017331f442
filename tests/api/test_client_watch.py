"""A request that only reads ends with its client; a command goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.web.middleware import RequestLimits, RequestMiddleware
from tests.waiting import until

pytestmark = pytest.mark.anyio

WATCHED_AT_ONCE = RequestLimits(watched_after_s=0.0)


class Working:
    """A request to an application that reads the body, and then works until it is let go or cancelled."""

    def __init__(self, method: str, path: str, *body: bytes) -> None:
        self.scope: Scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
        self.go_on, self.gone, self.working = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.read, self.cancelled = b"", False
        self.sent: list[Message] = []
        self._body = [*body] or [b""]
        self._left = list(self._body)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        if self.scope["method"] == "POST":
            for _ in self._body:
                self.read += (await receive())["body"]
        self.working.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})

    async def receive(self) -> Message:
        if self._left:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": self._left.pop(0), "more_body": bool(self._left)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def begun(self) -> asyncio.Task[None]:
        return asyncio.create_task(RequestMiddleware(self, WATCHED_AT_ONCE)(self.scope, self.receive, self.send))


READING: Sequence[tuple[str, str]] = [("GET", "/findUsage"), ("POST", "/graphql"), ("GET", "/graphql")]


@pytest.mark.parametrize(("method", "path"), READING, ids=range(3))
async def test_a_request_that_only_reads_ends_with_its_client(method: str, path: str) -> None:
    request = Working(method, path, b"a", b"b", b"c")
    serving = request.begun()
    await request.working.wait()
    request.gone.set()
    await serving
    assert (request.cancelled, request.sent) == (True, [])
    assert request.read == (b"abc" if method == "POST" else b"")
    assert not serving.cancelled()


@pytest.mark.parametrize(("method", "path"), READING, ids=range(3))
async def test_one_whose_client_stays_is_answered(method: str, path: str) -> None:
    request = Working(method, path, b"a")
    serving = request.begun()
    await request.working.wait()
    request.go_on.set()
    await serving
    assert [message["type"] for message in request.sent] == ["http.response.start", "http.response.body"]


async def test_a_command_goes_on_without_its_client() -> None:
    request = Working("POST", "/consents", b"a")
    serving = request.begun()
    await request.working.wait()
    request.gone.set()
    request.go_on.set()
    await until(serving.done, "the command goes on for ever")
    assert not request.cancelled
    assert request.sent[0]["status"] == 200
