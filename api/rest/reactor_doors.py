"""The state of the reactors, and the events that wait, for administrators and auditors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from api.rest.openapi import answer_of, operation
from api.rights.doors import DOORS, admission
from api.web.json_answers import JSON, json_response
from api.web.platform import Platform
from api.web.read_barrier import MAX_POSITION
from api.web.validators import WHOLE
from application.reactor_status import ReactorProgress, WaitingEvent

MAX_ROWS = 100
PAGE_SIZE = 50

After = Annotated[int, WHOLE, Query(ge=0, le=MAX_POSITION, description="The position after which the page begins.")]
Limit = Annotated[int, WHOLE, Query(ge=1, le=MAX_ROWS)]


def reactor_routes(
    platform: Platform,
    progress: Callable[[], Awaitable[Sequence[ReactorProgress]]],
    waiting: Callable[[str, int, int], Awaitable[Sequence[WaitingEvent]]],
) -> APIRouter:
    """Make the routes. `waiting` reads the first waiting event of each key of a reactor, after a position."""
    router = APIRouter(tags=["operation"])

    async def every() -> Response:
        return json_response({"reactors": [_camel(asdict(reactor)) for reactor in await progress()]})

    async def waiting_events(reactor: str, after: After = 0, limit: Limit = PAGE_SIZE) -> Response:
        found = await waiting(reactor, after, limit)
        following = found[-1].position if len(found) == limit else None
        return json_response({"waitingEvents": [_camel(asdict(event)) for event in found], "nextAfter": following})

    for path, endpoint, name, summary in (
        ("", every, "list-reactors", "Say how far each reactor is, and who leads it."),
        (
            "/{reactor}/waiting-events",
            waiting_events,
            "list-waiting-events",
            "List the first waiting event of each key, in the order of the log.",
        ),
    ):
        door = f"GET /reactors{path}"
        router.add_api_route(
            f"/reactors{path}",
            endpoint,
            dependencies=[Depends(admission(platform, door))],
            operation_id=name,
            summary=summary,
            description=f"{summary}\n\nRoles: {', '.join(sorted(DOORS[door].roles or ()))}.",
            response_class=Response,
            openapi_extra=operation(answer_of("What was asked for.", JSON, {"type": "object"})),
        )
    return router


def _camel(given: Mapping[str, object]) -> Mapping[str, object]:
    return {to_camel(name): _camel(value) if isinstance(value, dict) else value for name, value in given.items()}
