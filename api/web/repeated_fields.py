"""A header or parameter that stands twice in a request is refused: other readers may take the other one."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.types import Scope

from api.web.errors import Issue, Problem, problem_of
from api.web.header_fields import header_fields
from domain.kernel.json_text import said_twice

READ_AS_ONE = frozenset(
    {
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"processing-activity",
        b"session-id",
        b"traceparent",
        b"x-correlation-id",
        b"x-log-id",
        b"x-position",
        b"x-road-userid",
    }
)
"""Headers of which one value is read. Credentials (Authorization, DPoP) are refused elsewhere, with 401."""

LISTS = frozenset({"logSourceSystems", "processingType"})
"""Parameters of an address that are lists, with one name for each value."""


def refusal_of_repeated(scope: Scope) -> Problem | None:
    """Return the problem that a header or a parameter of the address stands twice in a request, if it does."""
    for header in READ_AS_ONE & header_fields(scope).repeated:
        return _problem("A header", header.decode())
    query: bytes = scope["query_string"]
    if not query:
        return None
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name not in LISTS]
    return _problem("A parameter of the address", "query") if len(set(names)) < len(names) else None


def _problem(what: str, location: str) -> Problem:
    problem = problem_of(said_twice(what))
    return Problem(problem.status, problem.code, problem.detail, issues=[Issue(location, problem.code, problem.detail)])
