"""The state of the read models: progress, builds and parked events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Protocol, cast

import orjson
from fastapi import APIRouter, Query
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from api.rest.openapi import answer_of, problems
from api.rest.progress_feed import ProgressFeed
from api.rights.doors import DOORS, admitted
from api.web.errors import Problem
from api.web.platform import Platform
from api.web.validators import WHOLE
from projections.progress import Build, ParkedEvent, Progress, ProjectionProgress

MAX_ROWS = 100
PAGE_SIZE = 50
MAX_POSITION = 2**63 - 1

After = Annotated[int, WHOLE, Query(ge=0, le=MAX_POSITION, description="The position after which the page begins.")]
Limit = Annotated[int, WHOLE, Query(ge=1, le=MAX_ROWS)]


class ProjectionsReader(Protocol):
    """What can be seen of read models."""

    async def progress(self) -> Progress:
        """Return how far each read model is."""

    async def parked(self, projection: str, after: int, limit: int) -> Sequence[ParkedEvent]:
        """Return the events after a position that are parked for a read model, in the order of the log."""

    async def builds(self, projection: str, limit: int) -> Sequence[Build]:
        """Return the builds of a read model, the newest first."""


def make_feed(reader: ProjectionsReader) -> ProgressFeed:
    async def sample() -> bytes:
        return orjson.dumps(progress_shown(await reader.progress()), option=orjson.OPT_UTC_Z)

    return ProgressFeed(sample)


def projection_routes(platform: Platform, reader: ProjectionsReader, feed: ProgressFeed) -> APIRouter:
    endpoints = _Endpoints(platform, reader, feed)
    router = APIRouter(tags=["projections"])
    for path, endpoint, name, summary, media_type in (
        ("", endpoints.all, "list-projections", "Say how far each read model is.", "application/json"),
        (
            "/events",
            endpoints.events,
            "follow-projections",
            "The same as it changes, once a second.",
            "text/event-stream",
        ),
        ("/{projection}", endpoints.one, "get-projection", "Say how far one read model is.", "application/json"),
        (
            "/{projection}/parked-events",
            endpoints.parked,
            "list-parked-events",
            "List the events that are parked, in the order of the log.",
            "application/json",
        ),
        (
            "/{projection}/builds",
            endpoints.builds,
            "list-builds",
            "List rebuilds, verifications and the like, the newest first.",
            "application/json",
        ),
    ):
        router.add_api_route(
            f"/projections{path}",
            endpoint,
            operation_id=name,
            summary=summary,
            description=f"{summary}\n\nRoles: {', '.join(sorted(DOORS[f'GET /projections{path}'].roles or ()))}.",
            response_class=Response,
            openapi_extra={
                "security": [{"bearer": []}],
                "responses": {"200": answer_of("What was asked for.", media_type, {"type": "object"})} | problems(),
            },
        )
    return router


class _Endpoints:
    def __init__(self, platform: Platform, reader: ProjectionsReader, feed: ProgressFeed) -> None:
        self._platform = platform
        self._reader = reader
        self._feed = feed

    async def all(self, request: Request) -> Response:
        await self._allowed(request, "")
        return _json(progress_shown(await self._reader.progress()))

    async def events(self, request: Request) -> Response:
        await self._allowed(request, "/events")
        return self._feed.response()

    async def one(self, request: Request, projection: str) -> Response:
        await self._allowed(request, "/{projection}")
        return _json(projection_shown(await self._named(projection)))

    async def parked(self, request: Request, projection: str, after: After = 0, limit: Limit = PAGE_SIZE) -> Response:
        await self._allowed(request, "/{projection}/parked-events")
        await self._named(projection)
        found = await self._reader.parked(projection, after, limit)
        # A full page may have been the last; the one after it is empty then.
        following = found[-1].position if len(found) == limit else None
        return _json({"parkedEvents": [_camel(asdict(event)) for event in found], "nextAfter": following})

    async def builds(self, request: Request, projection: str, limit: Limit = PAGE_SIZE) -> Response:
        await self._allowed(request, "/{projection}/builds")
        await self._named(projection)
        found = await self._reader.builds(projection, limit)
        return _json({"builds": [_build_shown(build) for build in found]})

    async def _allowed(self, request: Request, path: str) -> None:
        await admitted(request, self._platform, f"GET /projections{path}")

    async def _named(self, name: str) -> ProjectionProgress:
        for projection in (await self._reader.progress()).projections:
            if projection.name == name:
                return projection
        raise Problem(404, "no-such-projection", "There is no projection of this name.")


# --- What is shown --------------------------------------------------------------------------------------------------


def progress_shown(progress: Progress) -> dict[str, Any]:
    return {
        "head": progress.head,
        "position": progress.position,
        "projections": [projection_shown(projection) for projection in progress.projections],
    }


def projection_shown(projection: ProjectionProgress) -> dict[str, Any]:
    derived = {"percent": projection.percent, "left_s": projection.left_s}
    build = None if projection.build is None else _build_shown(projection.build)
    return cast(dict[str, Any], _camel({**asdict(projection), **derived, "build": build}))


def _build_shown(build: Build) -> dict[str, Any]:
    derived = {"percent": build.percent, "events_per_s": build.events_per_s, "left_s": build.left_s}
    return cast(dict[str, Any], _camel({**asdict(build), **derived}))


def _camel(value: Any) -> Any:  # noqa: ANN401 - any part of what is shown
    match value:
        case Mapping():
            return {to_camel(name): _camel(part) for name, part in value.items()}
        case list() | tuple():
            return [_camel(part) for part in value]
        case _:
            return value


def _json(shown: Mapping[str, Any]) -> Response:
    content = orjson.dumps(shown, option=orjson.OPT_UTC_Z)
    return Response(content, media_type="application/json", headers={"Cache-Control": "private, no-store"})
