"""What the answer to one request stands on: the read models that it used, and how far they were."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from starlette.requests import HTTPConnection, Request

from api.web.errors import Problem
from api.web.platform import Platform
from projections.progress import Place

MAX_WAIT_S = 2.0
"""How long one request waits at most for the read models to contain its caller's own write."""

FIRST_POLL_S = 0.01
MOST_POLL_S = 0.1
RETRY_AFTER_S = 1
BUILT_AFTER_S = 10
"""When to ask again for what is being made for the first time."""

MOST_DIGITS = 20
MOST_POSITION = 2**63 - 1

ReadPlaces = Callable[[], Awaitable[Mapping[str, Place]]]


def wanted_position(connection: HTTPConnection, log_id: str) -> int:
    """Return the position that a request names in `X-Position`, 0 without; refuse one of another log."""
    given = connection.headers.get("x-position", "0")
    if connection.headers.get("x-log-id", log_id) != log_id:
        raise Problem(409, "other-log", "The position in X-Position is one of another log than is read here.")
    if not (given.isascii() and given.isdigit() and len(given) < MOST_DIGITS and int(given) <= MOST_POSITION):
        raise Problem(400, "invalid-position", "X-Position is the position that a command was answered with.")
    return int(given)


def not_built(names: Sequence[str]) -> Problem:
    """Say that read models have no rows in use yet: an empty answer would be a false one."""
    detail = (
        f"These read models are being made for the first time: {', '.join(names)}."
        if names
        else ("A read model is being made for the first time.")
    )
    return Problem(503, "read-model-building", detail, headers={"Retry-After": str(BUILT_AFTER_S)})


def waiting_for_own_write(platform: Platform, tables: Collection[str]) -> Callable[[Request], Awaitable[None]]:
    """Make what waits for the position in a request's `X-Position`, for answers that are made of some tables."""

    async def wait(request: Request) -> None:
        if "x-position" in request.headers:
            wanted = wanted_position(request, await platform.log.log_id())
            await Footing(platform.places, await platform.places(), wanted).reach(tables)

    return wait


class Footing:
    """Waits, where a request names its own write, for the read models that it uses and for no other."""

    def __init__(self, read: ReadPlaces, places: Mapping[str, Place], wanted: int) -> None:
        self._read = read
        self._places = places
        self._wanted = wanted
        self._deadline = time.monotonic() + MAX_WAIT_S
        self._poll_s = FIRST_POLL_S
        self._reading = asyncio.Lock()
        self._used: dict[str, Place] = {}
        self.refusal: Problem | None = None

    async def reach(self, tables: Collection[str]) -> None:
        """Come here before some tables are read; raise a problem where they have no rows, or not those wanted."""
        if self._used.keys() >= set(tables):
            return
        while True:
            places = self._places
            needed = {table: places[table] for table in tables}
            if missing := sorted(place.name for place in needed.values() if not place.built):
                raise self.refuse(not_built(missing))
            if all(place.position >= self._wanted for place in needed.values()):
                break
            await self._look_again(places)
        # What was read stands on what was known before it was read, and not on what was learned later.
        self._used = {**needed, **self._used}

    async def _look_again(self, seen: Mapping[str, Place]) -> None:
        """Read the places once more, a little later; many queries of one request look together."""
        async with self._reading:
            if self._places is not seen:
                return
            if time.monotonic() > self._deadline:
                detail = "The read models do not contain this position yet."
                headers = {"Retry-After": str(RETRY_AFTER_S)}
                raise self.refuse(Problem(503, "not-yet-projected", detail, headers=headers))
            await asyncio.sleep(self._poll_s)
            self._poll_s = min(2 * self._poll_s, MOST_POLL_S)
            self._places = await self._read()

    def refuse(self, problem: Problem) -> Problem:
        """Note why the answer as a whole cannot be given, and return it to be raised."""
        self.refusal = problem
        return problem

    def said(self) -> dict[str, Any]:
        """Tell from where the answer speaks: the position that all its read models had reached, and each of them."""
        positions = [place.position for place in (self._used or self._places).values()]
        return {
            "position": min(positions, default=0),
            "readModels": [_said(place) for place in sorted(self._used.values(), key=lambda place: place.name)],
        }


def _said(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "version": place.version,
        "position": place.position,
        "lagEvents": place.lag_events,
        "lagS": round(place.lag_s, 3),
    }
