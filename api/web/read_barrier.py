"""Answers that contain the caller's own writes, and that name the position from which they were read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from starlette.requests import HTTPConnection, Request

from api.web.errors import Problem
from api.web.platform import Places, Platform
from domain.kernel import MalformedValue
from domain.kernel.kinds import read_whole
from projections.progress import Place

FIRST_POLL_S = 0.01
MAX_POLL_S = 0.1
RETRY_AFTER_S = 1
BUILT_AFTER_S = 10
"""When to ask again for a read model that is being made for the first time."""

MAX_POSITION = 2**63 - 1


def wanted_position(connection: HTTPConnection, log_id: str) -> int:
    """Return the position that a request names in `X-Position`, 0 without; refuse one of another log."""
    if "x-position" not in connection.headers and "x-log-id" not in connection.headers:
        return 0
    given = connection.headers.get("x-position", "0")
    if connection.headers.get("x-log-id", log_id) != log_id:
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
        if "x-position" in request.headers:
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

    def __init__(self, places: Places, known: Mapping[str, Place], wanted: int, max_wait_s: float) -> None:
        self._read = places.fresh
        self._places = known
        self._wanted = wanted
        self._deadline = time.monotonic() + max_wait_s
        self._pause_s = 0.0
        self._reading = asyncio.Lock()
        self._used: dict[str, Place] = {}
        self.readings = 0
        """How often fresh places were read."""

        self.refusal: Problem | None = None

    async def wait_for(self, tables: Collection[str]) -> None:
        """Wait before tables are read; raise a Problem if they have no rows in use or do not reach the position.

        Rows that are being made for the first time are waited for too, but only by a request that wants a position.
        """
        if self._used.keys() >= set(tables):
            return
        while True:
            places = self._places
            needed = {table: places[table] for table in tables}
            missing = sorted(place.name for place in needed.values() if not place.built)
            if not missing and all(place.position >= self._wanted for place in needed.values()):
                break
            if missing and not self._wanted:
                raise self.refuse(not_built(missing))
            await self._poll(places, missing)
        # The first place of a table counts: the rows that were read are at least there, not at a later one.
        self._used = {**needed, **self._used}

    async def _poll(self, known: Mapping[str, Place], missing: Sequence[str]) -> None:
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
        positions = [place.position for place in (self._used or self._places).values()]
        return {
            "position": min(positions, default=0),
            "readModels": [_shown(place) for place in sorted(self._used.values(), key=lambda place: place.name)],
        }


def _shown(place: Place) -> dict[str, object]:
    return {
        "name": place.name,
        "version": place.version,
        "position": place.position,
        "lagEvents": place.lag_events,
        "lagS": round(place.lag_s, 3),
    }
