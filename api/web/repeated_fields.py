"""A header or parameter that stands twice in a request is refused: other readers may take the other one."""

from __future__ import annotations

from functools import lru_cache
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


CACHED_QUERIES = 256


def refusal_of_repeated(scope: Scope) -> Problem | None:
    """Return the problem that a header or a parameter of the address stands twice in a request, if it does."""
    for header in READ_AS_ONE & header_fields(scope).repeated:
        return _problem("A header", header.decode())
    query: bytes = scope["query_string"]
    if not query:
        return None
    return _problem("A parameter of the address", "query") if _names_one_twice(query) else None


@lru_cache(CACHED_QUERIES)
def _names_one_twice(query: bytes) -> bool:
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if name not in LISTS]
    return len(set(names)) < len(names)


def _problem(what: str, location: str) -> Problem:
    problem = problem_of(said_twice(what))
    return Problem(problem.status, problem.code, problem.detail, issues=[Issue(location, problem.code, problem.detail)])
