"""A header or parameter that stands twice in a request is refused: other readers may take the other one."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.types import Scope

from api.web.errors import Issue, Problem, problem_of
from domain.kernel.json_text import said_twice

READ_AS_ONE = frozenset(
    {
        "content-type",
        "idempotency-key",
        "if-match",
        "processing-activity",
        "session-id",
        "traceparent",
        "x-correlation-id",
        "x-log-id",
        "x-position",
        "x-road-userid",
    }
)
"""Headers of which one value is read. Credentials (Authorization, DPoP) are refused elsewhere, with 401."""

LISTS = frozenset({"logSourceSystems", "processingType"})
"""Parameters of an address that are lists, with one name for each value."""


def refusal_of_repeated(scope: Scope) -> Problem | None:
    """Return the problem that a header or a parameter of the address stands twice in a request, if it does."""
    headers = [name.decode("latin-1") for name, _ in scope["headers"]]
    for header in READ_AS_ONE.intersection(headers):
        if headers.count(header) > 1:
            return _problem("A header", header)
    query: bytes = scope["query_string"]
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name not in LISTS]
    return _problem("A parameter of the address", "query") if len(set(names)) < len(names) else None


def _problem(what: str, location: str) -> Problem:
    problem = problem_of(said_twice(what))
    return Problem(problem.status, problem.code, problem.detail, issues=[Issue(location, problem.code, problem.detail)])
