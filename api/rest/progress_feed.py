"""Progress of the read models as a stream: one query a second, however many listen."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.web.door_bounds import Bounds
from api.web.errors import Problem

EVENT_STREAM = "text/event-stream"
RETRY_AFTER_S = 10

HEARTBEAT = b": still here\n\n"
UNAVAILABLE = b"event: unavailable\ndata: {}\n\n"

Sample = Callable[[], Awaitable[bytes]]
"""Reads the progress as one line of JSON; raises SQLAlchemyError when the database does not answer."""


class ProgressFeed:
    """Sends each listener the newest progress: a slow listener misses states in between, and no queue grows."""

    def __init__(self, sample: Sample, bounds: Bounds) -> None:
        self._sample = sample
        self._bounds = bounds
        self._newest = b""
        self._changed = asyncio.Event()
        self._sampler: asyncio.Task[None] | None = None
        self._listeners: Counter[str] = Counter()
        self._ended = False

    def response(self, organisation_id: str) -> StreamingResponse:
        """Answer one more listener of an organisation with a stream of server-sent events.

        It is counted, and refused if there are too many, when the stream begins.
        """
        return _Stream(self, organisation_id)

    def end(self) -> None:
        """End every stream."""
        self._ended = True
        self._changed.set()

    def enter(self, organisation_id: str) -> None:
        """Count a listener; raise a Problem where as many listen already, of its organisation or of all."""
        if self._ended or self._listeners.total() >= self._bounds.listeners:
            raise _too_many("Too many listen already. Try again later.")
        if self._listeners[organisation_id] >= self._bounds.listeners_each:
            raise _too_many("Too many of your organisation listen already. End one, or try again later.")
        self._listeners[organisation_id] += 1
        if self._sampler is None or self._sampler.done():
            self._sampler = asyncio.get_running_loop().create_task(self._keep_sampling())

    def leave(self, organisation_id: str) -> None:
        self._listeners[organisation_id] -= 1
        # A count of 0 is taken out.
        self._listeners = +self._listeners
        if not self._listeners and self._sampler is not None:
            self._sampler.cancel()
            self._sampler, self._newest = None, b""

    async def events(self) -> AsyncIterator[bytes]:
        seen, until = b"", time.monotonic() + self._bounds.listen_s
        while not self._ended and time.monotonic() < until:
            changed = self._changed
            if self._sampler is not None and self._sampler.done():
                self._sampler.result()  # it ends by an error only, which this raises
            if self._newest != seen:
                seen = self._newest
                yield seen
                continue
            try:
                async with asyncio.timeout(self._bounds.heartbeat_interval_s):
                    await changed.wait()
            except TimeoutError:
                yield HEARTBEAT

    async def _keep_sampling(self) -> None:
        while not self._ended:
            started = time.monotonic()
            try:
                newest = b"event: progress\ndata: " + await self._sample() + b"\n\n"
            except SQLAlchemyError:
                newest = UNAVAILABLE
            if newest != self._newest:
                self._newest = newest
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(max(0.0, self._bounds.sample_interval_s - (time.monotonic() - started)))


def _too_many(detail: str) -> Problem:
    return Problem(503, "too-many-listeners", detail, retry_after_s=RETRY_AFTER_S)


class _Stream(StreamingResponse):
    """Counts as a listener while it is being sent."""

    def __init__(self, feed: ProgressFeed, organisation_id: str) -> None:
        super().__init__(feed.events(), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"})
        self._feed = feed
        self._organisation_id = organisation_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._feed.enter(self._organisation_id)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.leave(self._organisation_id)
