"""What has to hold of every answer, whatever was asked. Each promise yields a sentence where it is broken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from httpx2 import Response

from api.web.errors import TYPE_PREFIX
from tests.api.world import documented
from tests.fuzz.findings import Sent

PROBLEM = "application/problem+json"
OF_THE_SERVER = 500
REFUSED = 400
LEAKS = re.compile(
    r"Traceback|File \"/|\w\.py\b|site-packages|psycopg|sqlalchemy|asyncio\.|pydantic|msgspec|orjson|starlette|fastapi"
    r"|\b[A-Z]\w+(?:Error|Exception)\b|0x[0-9a-f]{6,}|SQLSTATE|\bSELECT\b|INSERT INTO|NoneType|<class|<function"
    r"|object has no attribute|postgres(?:ql)?://"
)
"""Words of exceptions, of their modules and of SQL: no sentence that is meant for callers has one of them."""

ALWAYS = ("x-content-type-options", "referrer-policy", "content-security-policy", "cache-control")
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "issues"}
PROBLEM_HEADERS: Mapping[int, str] = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}
PROVOKED: Mapping[str, str] = {"GET /projections/events": "too-many-listeners"}
"""What `fuzzed_world` itself leads to: its streams have ended."""

LEAST_LENGTH = 10
"""Characters of a value that would stand in an answer by chance no more."""

Promise = Callable[[Sent, Response], Iterator[str]]


def answered_by_us(sent: Sent, answer: Response) -> Iterator[str]:
    """No answer is the server's fault."""
    code = code_of(answer)
    if answer.status_code >= OF_THE_SERVER and PROVOKED.get(sent.door) != code:
        yield f"{answer.status_code} {code}"


def leaking_nothing(sent: Sent, answer: Response) -> Iterator[str]:
    """No answer tells of exceptions, modules or SQL, unless the caller wrote that word themselves."""
    asked = sent.shown() + sent.content.decode(errors="replace")
    for found in {leak[0] for leak in LEAKS.finditer(answer.text)}:
        if found not in asked and answer.headers.get("content-type", "").startswith(("application/", "text/plain")):
            yield f"leaks {found!r}"


def with_usual_headers(_sent: Sent, answer: Response) -> Iterator[str]:
    """Every answer has a correlation id, and the header fields that keep a browser in its place, each of them once."""
    for name in (*ALWAYS, "x-correlation-id"):
        if len(answer.headers.get_list(name)) != 1:
            yield f"{len(answer.headers.get_list(name))} header fields {name}"
    if answer.content and "content-type" not in answer.headers:
        yield "content without a type"


def refused_as_documented(sent: Sent, answer: Response) -> Iterator[str]:
    """A refusal is a problem of docs/problems.md, with its status and the header fields that it needs."""
    if answer.status_code < REFUSED:
        return
    needed = PROBLEM_HEADERS.get(answer.status_code)
    if needed is not None and needed not in answer.headers:
        yield f"{answer.status_code} without {needed}"
    if sent.method == "HEAD":
        return
    if answer.headers.get("content-type") != PROBLEM:
        yield f"{answer.status_code} as {answer.headers.get('content-type')}"
        return
    problem = orjson.loads(answer.content)
    yield from wrong_in_problem(problem, answer.status_code)
    if problem.get("instance") != f"urn:uuid:{answer.headers['x-correlation-id']}":
        yield "the instance is not the correlation id"


def repeating_nothing(sent: Sent, answer: Response) -> Iterator[str]:
    """No problem repeats a value that was sent (docs/problems.md)."""
    if answer.headers.get("content-type") != PROBLEM:
        return
    said = answer.text
    for value in values_of(sent.content):
        if len(value) >= LEAST_LENGTH and any(it.isdigit() or not it.isascii() for it in value) and value in said:
            yield "repeats a value of the body"


EVERY_ANSWER: Sequence[Promise] = (answered_by_us, leaking_nothing, with_usual_headers)
EVERY_DOOR: Sequence[Promise] = (*EVERY_ANSWER, refused_as_documented, repeating_nothing)


def wrong_in_problem(problem: Mapping[str, Any], status: int) -> Iterator[str]:
    """Yield what is wrong with the object of a problem (RFC 9457)."""
    if not problem.keys() <= PROBLEM_FIELDS:
        yield f"a problem with {sorted(problem.keys() - PROBLEM_FIELDS)}"
    if problem.get("status") != status:
        yield "the status of the problem is not that of the answer"
    code = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)
    if documented().get(code) != status:
        yield f"{code} is not documented with {status}"
    if not problem.get("title") or not problem.get("detail"):
        yield "a problem without words"


def values_of(content: bytes) -> Iterator[str]:
    """Yield every text in a JSON body that is no name of a field."""
    try:
        waiting: list[Any] = [orjson.loads(content)]
    except orjson.JSONDecodeError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def code_of(answer: Response) -> str:
    """Return the stable code of a refusal, or nothing."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        return str(errors[0].get("extensions", {}).get("code", ""))
    return str(body.get("type", "")).removeprefix(TYPE_PREFIX)
