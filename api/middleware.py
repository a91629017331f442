"""Around every request: a correlation id, a line in the log, a measurement, and an answer even when something fails."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem, problem_response

LOG = structlog.get_logger()

HEADER = "x-correlation-id"
_CORRELATION_ID = re.compile(r"^[A-Za-z0-9_.-]{8,80}$")

REQUESTS = Counter("kroniek_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("kroniek_http_request_seconds", "Time from request to the end of the answer.", ["method", "route"])


class RequestMiddleware:
    """Wraps the application. It reads nothing of the request but its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            await self._answer(scope, receive, send, correlation_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, correlation_id: str) -> None:
        started, status = time.perf_counter(), 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (HEADER.encode(), correlation_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            LOG.exception("request_failed", error=type(error).__name__)
            if status:
                # The answer has begun: breaking off is the only way left to say that it is not whole.
                raise
            problem = Problem(500, "internal-error", "Something went wrong on our side.")
            await problem_response(problem, correlation_id)(scope, receive, send_on)
        finally:
            _note(scope, status, time.perf_counter() - started)


def _correlation_id(scope: Scope) -> str:
    given = Request(scope).headers.get(HEADER, "")
    return given if _CORRELATION_ID.match(given) else str(uuid4())


def _note(scope: Scope, status: int, seconds: float) -> None:
    route, method = _route(scope), scope["method"]
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    LOG.info("request_answered", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))


def _route(scope: Scope) -> str:
    """Return the pattern of the route, or the name of its endpoint. The path itself may name people and things."""
    endpoint = scope.get("endpoint")
    name = "none" if endpoint is None else getattr(endpoint, "__qualname__", type(endpoint).__name__)
    return str(getattr(scope.get("route"), "path", name))
