"""Around every request: a correlation id, limits, a line in the log, a measurement, and an answer whatever happens."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.client_watch import WATCHED_AFTER_S, ClientWatch
from api.web.errors import Problem, problem_response
from api.web.header_fields import header_fields
from api.web.rate_limits import added_headers
from api.web.repeated_fields import refusal_of_repeated
from api.web.request_context import ORGANISATION
from api.web.security_headers import secured
from api.web.time_limit import TimeLimit, TimeLimitPassedError

LOG = structlog.get_logger(__name__)

HEADER = b"x-correlation-id"
# A UUID of RFC 9562. The id stays in the log for ever, so nothing else may stand in it: not somebody's number.
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)

REQUESTS = Counter("kroniek_http_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("kroniek_http_request_seconds", "Time from request to the end of the answer.", ["method", "route"])
CACHED_SERIES = 1_024

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
"""Names and values together."""

RETRY_AFTER_S = 5

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD = "other"
"""The method in logs and metrics of a request with any other one: what a caller makes up is no label."""

CLIENT_GONE = 499
"""The status in logs and metrics of a request whose client went away before an answer began. Source: nginx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """How long a request may take until its answer begins, and whether callers connect over https.

    One that only reads ends with its client, if it takes longer than `watched_after_s`.
    """

    timeout_s: float = 60.0
    watched_after_s: float = WATCHED_AFTER_S
    https: bool = False


class RequestMiddleware:
    """Wraps the application. It reads nothing of the request but its headers and its address."""

    def __init__(self, app: ASGIApp, limits: RequestLimits | None = None) -> None:
        self._app = app
        self._limits = limits or RequestLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope)
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        bound = structlog.contextvars.bind_contextvars(correlation_id=correlation_id)
        answer = _Answer(send, scope, correlation_id, https=self._limits.https)
        try:
            await self._answered(scope, receive, answer)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_GONE
        except Exception as error:
            LOG.exception("request_failed", error=type(error).__name__)
            if answer.status:
                # The answer has begun: only breaking it off shows that it is not whole.
                raise
            await answer.problem(Problem(500, "internal-error", "Something went wrong on our side."), receive)
        finally:
            _note(scope, answer.status, time.perf_counter() - answer.started)
            structlog.contextvars.reset_contextvars(**bound)

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if (refusal := _refusal_of_size(scope) or refusal_of_repeated(scope)) is not None:
            await answer.problem(refusal, receive)
            return
        try:
            with (
                TimeLimit(self._limits.timeout_s) as answer.limit,
                ClientWatch(scope, receive, self._limits.watched_after_s) as answer.watch,
            ):
                await self._app(scope, answer.watch.receive, answer.send)
        except TimeLimitPassedError:
            if answer.status:
                raise
            LOG.warning("request_timed_out", route=_route(scope))
            await answer.problem(_timed_out(), receive)


class _Answer:
    """Sends an answer, with the header fields that every answer has. Its time is limited until it begins."""

    def __init__(self, send: Send, scope: Scope, correlation_id: str, *, https: bool) -> None:
        self.started = time.perf_counter()
        self.status = 0
        self.limit: TimeLimit | None = None
        self.watch: ClientWatch | None = None
        self._send = send
        self._scope = scope
        self._correlation_id = correlation_id
        self._https = https

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = (HEADER, self._correlation_id.encode())
            headers = [*message.get("headers", ()), own, *added_headers(self._scope).items()]
            message["headers"] = secured(headers, self._scope, https=self._https)
            if self.limit is not None and self.watch is not None:
                self.limit.lift()
                self.watch.stop()
        await self._send(message)

    async def problem(self, problem: Problem, receive: Receive) -> None:
        await problem_response(problem, self._correlation_id)(self._scope, receive, self.send)


def _timed_out() -> Problem:
    detail = (
        "This took too long and was broken off. A query may be asked again. A command may have been carried out: send "
        "it again with the same Idempotency-Key, and it is done once, or you are told what it did."
    )
    return Problem(503, "request-timed-out", detail, retry_after_s=RETRY_AFTER_S)


def _refusal_of_size(scope: Scope) -> Problem | None:
    if len(scope["headers"]) <= MAX_HEADERS and header_fields(scope).size <= MAX_HEADER_BYTES:
        return None
    return Problem(431, "headers-too-large", "The request has too many or too long headers.")


def _correlation_id(scope: Scope) -> str:
    """Return the caller's id where that is a UUID, or else one of our own."""
    given = header_fields(scope).first.get(HEADER, b"")
    return given.decode().lower() if _UUID.fullmatch(given) else random_uuid()


def random_uuid() -> str:
    """Return a UUID of version 4: as `str(uuid4())` does, in a fifth of its time."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _note(scope: Scope, status: int, seconds: float) -> None:
    route, method = _route(scope), scope["method"] if scope["method"] in METHODS else OTHER_METHOD
    count, time_taken = _series(method, route, status)
    count.inc()
    time_taken.observe(seconds)
    said = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
    # Who called is named by the organisation, and never by the person who acts for it.
    organisation_id = scope["state"].get(ORGANISATION)
    LOG.info("request_answered", **said, **({"organisation_id": organisation_id} if organisation_id else {}))


@lru_cache(CACHED_SERIES)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def _route(scope: Scope) -> str:
    """Return the pattern of the route, or the name of its endpoint. The path itself may name people and things."""
    path = getattr(scope.get("route"), "path", None)
    if path is not None:
        return str(path)
    endpoint = scope.get("endpoint")
    return "none" if endpoint is None else str(getattr(endpoint, "__qualname__", type(endpoint).__name__))
