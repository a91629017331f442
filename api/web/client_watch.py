"""Ends the work of a request that only reads, once its client has gone."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

GRAPHQL = "/graphql"
WATCHED_AFTER_S = 0.25
"""A request that is answered sooner is not watched, which would cost more than its end saves."""


def only_reads(scope: Scope) -> bool:
    """Return whether nothing is left undone where a request ends early: commands go on without their client."""
    return scope["method"] in {"GET", "HEAD"} or scope["path"] == GRAPHQL


class ClientWatch:
    """Cancels the task inside its `with` block when the client goes; the block then raises ClientDisconnect.

    `receive` is to be used in place of the server's own. Once stopped, it cancels nothing.
    """

    def __init__(self, scope: Scope, receive: Receive, after_s: float = WATCHED_AFTER_S) -> None:
        self._receive = receive
        self._after_s = after_s
        self._watched = only_reads(scope)
        # A GET has no body that somebody would read later.
        self._has_body = scope["method"] == "POST"
        self._gone = False
        self._watching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if self._has_body and not message.get("more_body"):
            self._has_body = False
        return message

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._cancelled_before = task.cancelling()
        if self._watched:
            self._timer = loop.call_later(self._after_s, self._begin)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()
        # As in asyncio.timeout: a cancellation from elsewhere at the same time goes on.
        if self._gone and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise ClientDisconnect from error

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        if self._has_body:
            # The application reads the body first: two readers would take it from each other.
            self._timer = loop.call_later(self._after_s, self._begin)
        else:
            self._watching = loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()
