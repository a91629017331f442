"""What an answer of GraphQL over HTTP must be, whatever was asked.

Sources: the GraphQL specification, section 7 (response), and the GraphQL-over-HTTP draft, section 6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from httpx2 import Response

from tests.api.world import documented
from tests.api.world.refusals import PAGE

MEDIA_TYPES = ("application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8")
NOT_UNDERSTOOD = frozenset({"graphql-syntax", "graphql-invalid"})
OUR_FAULT = "internal-error"
OK = HTTPStatus.OK
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`([a-z0-9-]+)`")


def wrong_in_graphql(answer: Response, *, is_valid: bool) -> Iterator[str]:
    """Yield what is wrong with an answer; a valid document is at most too much to ask."""
    media_type = answer.headers.get("content-type", "")
    if media_type not in MEDIA_TYPES:
        yield f"answered as {media_type}"
        return
    body = orjson.loads(answer.content)
    if not isinstance(body, dict) or not body.keys() <= {"data", "errors", "extensions"}:
        yield "the answer is no map of data, errors and extensions"
        return
    errors = body.get("errors", [])
    if "errors" in body and not (isinstance(errors, list) and errors):
        yield "errors is there, and empty"
    if "data" not in body and not errors:
        yield "neither data nor errors"
    yield from _wrong_status(answer, media_type, body)
    for error in errors:
        yield from _wrong_in_error(error, answer.status_code, has_data="data" in body)
        if is_valid and _code(error) in NOT_UNDERSTOOD:
            yield f"a valid document is {_code(error)}: {error.get('message')}"


def _wrong_status(answer: Response, media_type: str, body: Mapping[str, Any]) -> Iterator[str]:
    """With data it is 200; without it, only the older media type may say 200."""
    if "data" in body and answer.status_code != OK:
        yield f"data with {answer.status_code}"
    if "data" not in body and answer.status_code == OK and media_type == MEDIA_TYPES[1]:
        yield "200 without data"


def _wrong_in_error(error: Any, status: int, *, has_data: bool) -> Iterator[str]:
    if not isinstance(error, dict) or not isinstance(error.get("message"), str) or not error["message"]:
        yield "an error without a message"
        return
    if not error.keys() <= {"message", "locations", "path", "extensions"}:
        yield f"an error with {sorted(error)}"
    if any(it["line"] < 1 or it["column"] < 1 for it in error.get("locations", [])):
        yield "a location before the first"
    if not all(isinstance(it, str | int) for it in error.get("path", [])):
        yield "a path of neither names nor places"
    code = _code(error)
    if code not in documented() and code not in _of_graphql():
        yield f"{code!r} is not documented"
    refused = not has_data and status not in {OK, HTTPStatus.BAD_REQUEST}
    if refused and documented().get(code) != status:
        yield f"{code} is documented with {documented().get(code)}, not {status}"
    if code == OUR_FAULT:
        yield OUR_FAULT


@cache
def _of_graphql() -> frozenset[str]:
    """Return the codes in the tables of docs/graphql.md: those of documents and their limits stand there only."""
    page = PAGE.with_name("graphql.md").read_text(encoding="utf-8")
    return frozenset(code for row in _ROW.findall(page) for code in _CODE.findall(row))


def _code(error: Mapping[str, Any]) -> str:
    return str(error.get("extensions", {}).get("code", ""))
