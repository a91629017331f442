"""Answers that contain the caller's own writes, and that name the position from which they were read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

import orjson
from starlette.requests import HTTPConnection, Request

from api.web.errors import Problem
from api.web.header_fields import header_fields
from api.web.known_places import NOTHING_READ, KnownPlaces, NeededPlaces
from api.web.platform import Places, Platform
from domain.kernel import MalformedValue
from domain.kernel.kinds import read_whole

FIRST_POLL_S = 0.01
MAX_POLL_S = 0.1
RETRY_AFTER_S = 1
BUILT_AFTER_S = 10
"""When to ask again for a read model that is being made for the first time."""

MAX_POSITION = 2**63 - 1


def wanted_position(connection: HTTPConnection, log_id: str) -> int:
    """Return the position that a request names in `X-Position`, 0 without; refuse one of another log."""
    fields = header_fields(connection.scope).first
    if b"x-position" not in fields and b"x-log-id" not in fields:
        return 0
    given = fields.get(b"x-position", b"0").decode("latin-1")
    if fields.get(b"x-log-id", log_id.encode()) != log_id.encode():
        raise Problem(409, "other-log", "The position in X-Position is one of another log than is read here.")
    try:
        position = read_whole(given)
    except MalformedValue:
        position = MAX_POSITION + 1
    if position > MAX_POSITION:
        raise Problem(400, "invalid-position", "X-Position is the position that a command was answered with.")
    return position


def not_built(names: Sequence[str]) -> Problem:
    """Return the problem that read models have no rows in use yet: an empty answer would be wrong."""
    detail = (
        f"These read models are being made for the first time: {', '.join(names)}."
        if names
        else ("A read model is being made for the first time.")
    )
    return Problem(503, "read-model-building", detail, retry_after_s=BUILT_AFTER_S)


def not_yet_projected() -> Problem:
    """Return the problem that the wait for a position has ended before the read models contain it."""
    detail = "The read models do not contain this position yet."
    return Problem(503, "not-yet-projected", detail, retry_after_s=RETRY_AFTER_S)


def waiting_for_own_write(platform: Platform, tables: Collection[str]) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency of a route: answers from some tables wait for the position in the request's `X-Position`."""

    async def wait(request: Request) -> None:
        if b"x-position" in header_fields(request.scope).first:
            wanted = wanted_position(request, await platform.log.log_id())
            await (await read_barrier(platform, wanted)).wait_for(tables)

    return wait


async def read_barrier(platform: Platform, wanted: int) -> ReadBarrier:
    """Return the barrier of one request that wants a position; its wait begins now."""
    return ReadBarrier(platform.places, await platform.places.recent(), wanted, platform.bounds.own_write_wait_s)


class ReadBarrier:
    """Lets one request read a table once its read model contains the position that the request wants.

    `known` are recent places, at most as far as the rows that are read. Where they do not suffice, fresh ones decide.
    """

    def __init__(self, places: Places, known: KnownPlaces, wanted: int, max_wait_s: float) -> None:
        self._read = places.fresh
        self._places = known
        self._wanted = wanted
        self._deadline = time.monotonic() + max_wait_s
        self._pause_s = 0.0
        self._reading = asyncio.Lock()
        self._used = NOTHING_READ
        self.readings = 0
        """How often fresh places were read."""

        self.refusal: Problem | None = None

    async def wait_for(self, tables: Collection[str]) -> None:
        """Wait before tables are read; raise a Problem if they have no rows in use or do not reach the position.

        Rows that are being made for the first time are waited for too, but only by a request that wants a position.
        """
        wanted_tables = frozenset(tables)
        if self._used.of.keys() >= wanted_tables:
            return
        while True:
            places = self._places
            needed = places.needed(wanted_tables)
            if not needed.missing and needed.position >= self._wanted:
                break
            if needed.missing and not self._wanted:
                raise self.refuse(not_built(needed.missing))
            await self._poll(places, needed.missing)
        # The first place of a table counts: the rows that were read are at least there, not at a later one.
        self._used = NeededPlaces({**needed.of, **self._used.of}) if self._used.of else needed

    async def _poll(self, known: KnownPlaces, missing: Sequence[str]) -> None:
        """Read fresh places, after a pause unless it is the first time; queries of one request share a reading.

        `missing` has no rows yet.
        """
        async with self._reading:
            if self._places is not known:
                return
            if self._pause_s and time.monotonic() > self._deadline:
                raise self.refuse(not_built(missing) if missing else not_yet_projected())
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(FIRST_POLL_S, 2 * self._pause_s), MAX_POLL_S)
            self._places = await self._read()
            self.readings += 1

    def refuse(self, problem: Problem) -> Problem:
        """Keep the problem of the whole answer, and return it to be raised."""
        self.refusal = problem
        return problem

    def provenance(self) -> dict[str, object]:
        """Return the position that all read models of the answer had reached, and the place of each of them."""
        position = self._used.position if self._used.of else self._places.needed(self._places.tables).position
        return {"position": position, "readModels": orjson.Fragment(self._used.json)}
