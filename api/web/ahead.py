"""Doors ahead of the framework: their requests pass none of its layers, which cost more than such a door itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.errors import Problem, problem_response
from api.web.header_fields import QuickRequest, header_fields
from api.web.request_context import correlation_id_of

MIN_COMPRESSED_BYTES = 1_000
COMPRESSION_LEVEL = 4
"""Of zlib's 9: a page of rows is 4 % larger than with the last one, in three quarters of the time."""

ProblemOf = Callable[[Exception], Problem | None]


class DoorsAhead:
    """Answers requests to the routes that it is given, and hands all others on.

    A path is one of them if it is written as in its route, or fits the pattern of a route, whose first part is fixed;
    the methods are those of the route. The framework has the same routes: it answers a method that they do not take.
    Errors are answered as the framework answers them, with the problem that `problem_of` returns; one without a problem
    is raised.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], problem_of: ProblemOf) -> None:
        self._app = app
        self._problem_of = problem_of
        self._compressed = GZipMiddleware(self._answer, MIN_COMPRESSED_BYTES, COMPRESSION_LEVEL)
        self._routes = {
            (route.path, method): route
            for route in routes
            if isinstance(route, Route) and not route.param_convertors
            for method in route.methods or ()
        }
        self._patterns: dict[str, list[Route]] = {}
        for route in routes:
            if isinstance(route, Route) and route.param_convertors:
                self._patterns.setdefault(_first_part(route.path), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = None
        if scope["type"] == "http":
            route = self._routes.get((scope["path"], scope["method"])) or self._fitting(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["endpoint"] = route, route.endpoint
        if b"gzip" in header_fields(scope).first.get(b"accept-encoding", b""):
            await self._compressed(scope, receive, send)
            return
        response = await self._response(scope, receive)
        if len(response.body) >= MIN_COMPRESSED_BYTES:
            _vary_by_encoding(response)
        await response(scope, receive, send)

    def _fitting(self, scope: Scope) -> Route | None:
        for route in self._patterns.get(_first_part(scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route
        return None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(scope, receive)
        await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response:
        request = QuickRequest(scope, receive)
        try:
            response: Response = await scope["endpoint"](request)
        except Exception as error:
            problem = self._problem_of(error)
            if problem is None:
                raise
            return problem_response(problem, correlation_id_of(request))
        return response


def _vary_by_encoding(response: Response) -> None:
    if "accept-encoding" not in response.headers.get("vary", "").lower():
        response.headers.add_vary_header("Accept-Encoding")


def as_plain(route: Route) -> Route:
    """Return the route of an endpoint that takes the parts of the path as arguments, as one of a request alone."""

    async def answer(request: Request) -> Response:
        response: Response = await route.endpoint(request, **request.path_params)
        return response

    return Route(route.path, answer, methods=sorted(route.methods or ()))


def _first_part(path: str) -> str:
    return path.split("/", 2)[1]
