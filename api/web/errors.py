"""Refusals and malformed requests as problem+json (RFC 9457), each with a stable type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from prometheus_client import Counter
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from api.web.json_answers import json_response
from application.fair_turns import BusyError
from domain.kernel import (
    Duplicate,
    InvalidValue,
    MalformedValue,
    NotAllowed,
    NotFound,
    Refusal,
    RuleBroken,
    StaleVersion,
    ValueRefusal,
)

TYPE_PREFIX = "urn:problem-type:kroniek:"

REFUSALS = Counter("kroniek_refusals", "Requests, and commands of bulk requests, that were refused.", ["code"])

QUERY_CANCELED = "57014"
RETRY_AFTER_S = 1

STATUS: Mapping[type[Refusal], int] = {
    MalformedValue: 400,
    InvalidValue: 422,
    NotFound: 404,
    NotAllowed: 403,
    RuleBroken: 409,
    Duplicate: 409,
    StaleVersion: 412,
}

TITLES: Mapping[int, str] = {
    401: "Not authenticated",
    403: "Not allowed",
    413: "Content too large",
    422: "Unprocessable content",
    500: "Internal error",
    503: "Unavailable",
}
"""Titles that are not the usual phrase of the status."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of a request: its place (a JSON pointer or a header), its code and a sentence."""

    location: str
    code: str
    detail: str


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer that is not a success, raised where its reason is found."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        issues: Sequence[Issue] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.issues = issues
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "type": TYPE_PREFIX + self.code,
            "title": TITLES.get(self.status) or HTTPStatus(self.status).phrase.capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        if self.issues:
            body["issues"] = [asdict(issue) for issue in self.issues]
        return body


def problem_of(refusal: Refusal) -> Problem:
    place = refusal.place if isinstance(refusal, ValueRefusal) else ()
    issues = [Issue(_pointer(place), refusal.code, refusal.sentence)] if place else []
    return Problem(STATUS[type(refusal)], refusal.code, refusal.sentence, issues=issues)


def _pointer(place: Sequence[str | int]) -> str:
    return "".join(f"/{to_camel(part) if isinstance(part, str) else part}" for part in place)


def query_too_slow(error: Exception) -> Problem | None:
    """Return the problem of a query that PostgreSQL broke off (`statement_timeout`); None for any other error."""
    return too_slow(getattr(getattr(error, "orig", None), "sqlstate", ""))


def too_slow(sqlstate: str) -> Problem | None:
    """Return the same for the SQLSTATE that PostgreSQL gave."""
    if sqlstate != QUERY_CANCELED:
        return None
    detail = (
        "The query took too long and was broken off. Ask for less: a shorter time, a narrower filter, a smaller page."
    )
    return Problem(503, "query-too-slow", detail)


def busy(error: Exception) -> Problem:
    """Return the problem that no connection came free in time."""
    retry_after_s = error.retry_after_s if isinstance(error, BusyError) else RETRY_AFTER_S
    detail = "More is being read just now than can be answered in time. Ask for less at once, or again later."
    return Problem(503, "busy", detail, retry_after_s=retry_after_s)


def unavailable() -> Problem:
    detail = "The log cannot be reached just now. Send the same request again."
    return Problem(503, "log-unavailable", detail, retry_after_s=RETRY_AFTER_S)


def problem_response(problem: Problem, correlation_id: str) -> Response:
    REFUSALS.labels(problem.code).inc()
    body = problem.body() | {"instance": f"urn:uuid:{correlation_id}"}
    return json_response(body, problem.status, problem.headers, "application/problem+json")
