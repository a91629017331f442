"""The state of the read models: progress, builds and parked events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Protocol

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from api.rest.openapi import answer_of, operation
from api.rest.progress_feed import EVENT_STREAM, ProgressFeed
from api.rights.doors import DOORS, admission
from api.web.door_bounds import Bounds
from api.web.errors import Problem
from api.web.json_answers import JSON, json_response
from api.web.platform import Platform
from api.web.read_barrier import MAX_POSITION
from api.web.validators import WHOLE
from application.reactor_status import ReactorProgress
from projections.progress import Build, ParkedEvent, Progress, ProjectionProgress

MAX_ROWS = 100
PAGE_SIZE = 50

After = Annotated[int, WHOLE, Query(ge=0, le=MAX_POSITION, description="The position after which the page begins.")]
Limit = Annotated[int, WHOLE, Query(ge=1, le=MAX_ROWS)]


class ProjectionsReader(Protocol):
    """Reads the state of the read models."""

    async def progress(self) -> Progress:
        """Return how far each read model is."""

    async def parked(self, projection: str, after: int, limit: int) -> Sequence[ParkedEvent]:
        """Return the events after a position that are parked for a read model, in the order of the log."""

    async def builds(self, projection: str, limit: int) -> Sequence[Build]:
        """Return the builds of a read model, the newest first."""


def make_feed(
    reader: ProjectionsReader, reactors: Callable[[], Awaitable[Sequence[ReactorProgress]]], bounds: Bounds
) -> ProgressFeed:
    async def sample() -> bytes:
        shown = {
            **_progress_shown(await reader.progress()),
            "reactors": _camel([asdict(it) for it in await reactors()]),
        }
        return orjson.dumps(shown, option=orjson.OPT_UTC_Z)

    return ProgressFeed(sample, bounds)


def projection_routes(platform: Platform, reader: ProjectionsReader, feed: ProgressFeed) -> APIRouter:
    endpoints = _Endpoints(reader, feed)
    router = APIRouter(tags=["projections"])
    for path, endpoint, name, summary in (
        ("", endpoints.all, "list-projections", "Say how far each read model is."),
        (
            "/events",
            endpoints.events,
            "follow-projections",
            "The same, and how far each reactor is, as it changes.",
        ),
        ("/{projection}", endpoints.one, "get-projection", "Say how far one read model is."),
        (
            "/{projection}/parked-events",
            endpoints.parked,
            "list-parked-events",
            "List the events that are parked, in the order of the log.",
        ),
        (
            "/{projection}/builds",
            endpoints.builds,
            "list-builds",
            "List rebuilds, verifications and the like, the newest first.",
        ),
    ):
        door = f"GET /projections{path}"
        answer = answer_of("What was asked for.", EVENT_STREAM if path == "/events" else JSON, {"type": "object"})
        router.add_api_route(
            f"/projections{path}",
            endpoint,
            dependencies=[Depends(admission(platform, door))],
            operation_id=name,
            summary=summary,
            description=f"{summary}\n\nRoles: {', '.join(sorted(DOORS[door].roles or ()))}.",
            response_class=Response,
            openapi_extra=operation(answer),
        )
    return router


class _Endpoints:
    def __init__(self, reader: ProjectionsReader, feed: ProgressFeed) -> None:
        self._reader = reader
        self._feed = feed

    async def all(self) -> Response:
        return json_response(_progress_shown(await self._reader.progress()))

    async def events(self, request: Request) -> Response:
        return self._feed.response(request.state.caller.organisation_id)

    async def one(self, projection: str) -> Response:
        return json_response(_projection_shown(await self._named(projection)))

    async def parked(self, projection: str, after: After = 0, limit: Limit = PAGE_SIZE) -> Response:
        await self._named(projection)
        found = await self._reader.parked(projection, after, limit)
        # A full page may have been the last; the one after it is empty then.
        following = found[-1].position if len(found) == limit else None
        return json_response({"parkedEvents": [_camel(asdict(event)) for event in found], "nextAfter": following})

    async def builds(self, projection: str, limit: Limit = PAGE_SIZE) -> Response:
        await self._named(projection)
        found = await self._reader.builds(projection, limit)
        return json_response({"builds": [_build_shown(build) for build in found]})

    async def _named(self, name: str) -> ProjectionProgress:
        for projection in (await self._reader.progress()).projections:
            if projection.name == name:
                return projection
        raise Problem(404, "no-such-projection", "There is no projection of this name.")


# --- What is shown --------------------------------------------------------------------------------------------------


def _progress_shown(progress: Progress) -> Mapping[str, object]:
    return {
        "head": progress.head,
        "position": progress.position,
        "projections": [_projection_shown(projection) for projection in progress.projections],
    }


def _projection_shown(projection: ProjectionProgress) -> object:
    derived = {"percent": projection.percent, "left_s": projection.left_s}
    build = None if projection.build is None else _build_shown(projection.build)
    return _camel({**asdict(projection), **derived, "build": build})


def _build_shown(build: Build) -> object:
    derived = {"percent": build.percent, "events_per_s": build.events_per_s, "left_s": build.left_s}
    return _camel({**asdict(build), **derived})


def _camel(value: object) -> object:
    match value:
        case dict():
            return {to_camel(name): _camel(part) for name, part in value.items()}
        case list() | tuple():
            return [_camel(part) for part in value]
        case _:
            return value
