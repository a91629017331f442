"""The harness sees what it looks for: answers that break a promise, made up here, are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from httpx2 import Response

from tests.fuzz.findings import Sent
from tests.fuzz.graph_answers import wrong_in_graphql
from tests.fuzz.promises import EVERY_DOOR

SENT = Sent(door="POST /keys", kind="any", method="POST", url="/keys", content=b'{"nationalNumber": "85051700184"}')
USUAL = {
    "content-type": "application/problem+json",
    "x-correlation-id": "3f0c1a52",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'",
    "cache-control": "no-store",
}
PROBLEM: Mapping[str, Any] = {
    "type": "urn:problem-type:kroniek:key-not-found",
    "title": "Not found",
    "status": 404,
    "detail": "There is no key with this id.",
    "instance": "urn:uuid:3f0c1a52",
}


def told(status: int, body: Mapping[str, Any], **headers: str) -> list[str]:
    given = {**USUAL, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = Response(status, headers={name: it for name, it in given.items() if it}, content=orjson.dumps(body))
    return [wrong for promise in EVERY_DOOR for wrong in promise(SENT, answer)]


def test_a_documented_refusal_is_right() -> None:
    assert told(404, PROBLEM) == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, {"type": "urn:problem-type:kroniek:internal-error", "status": 500}, "500 internal-error"),
        (404, {"detail": "psycopg failed"}, "leaks 'psycopg'"),
        (404, {"detail": 'File "/srv/x.py", line 3'}, "leaks 'x.py'"),
        (404, {"detail": "UniqueViolationError"}, "leaks 'UniqueViolationError'"),
        (404, {"detail": "SELECT 1"}, "leaks 'SELECT'"),
        (404, {"detail": "85051700184 is taken"}, "repeats a value of the body"),
        (404, {"type": "urn:problem-type:kroniek:never-heard-of"}, "never-heard-of is not documented with 404"),
        (409, {"status": 409}, "key-not-found is not documented with 409"),
        (404, {"status": 400}, "the status of the problem is not that of the answer"),
        (404, {"instance": "urn:uuid:other"}, "the instance is not the correlation id"),
        (404, {"detail": ""}, "a problem without words"),
        (404, {"trace": "x"}, "a problem with ['trace']"),
        (401, {"status": 401, "type": "urn:problem-type:kroniek:invalid-token"}, "401 without www-authenticate"),
    ],
)
def test_a_wrong_refusal_is_told(status: int, body: Mapping[str, Any], expected: str) -> None:
    assert expected in told(status, {**PROBLEM, **body})


def test_header_fields_that_are_missing_are_told() -> None:
    assert told(404, PROBLEM, cache_control="", x_content_type_options="") == [
        "0 header fields x-content-type-options",
        "0 header fields cache-control",
    ]
    assert told(404, PROBLEM, content_type="text/html")[-1] == "404 as text/html"


ERROR: Mapping[str, Any] = {"message": "No.", "extensions": {"code": "role-not-allowed"}}
GRAPHQL = "application/graphql-response+json; charset=utf-8"


def wrong(status: int, body: Any, media_type: str = GRAPHQL, *, is_valid: bool = False) -> list[str]:
    answer = Response(status, headers={"content-type": media_type}, content=orjson.dumps(body))
    return [*wrong_in_graphql(answer, is_valid=is_valid)]


def test_answers_as_the_specification_has_them_are_right() -> None:
    assert wrong(200, {"data": {}}) == []
    assert wrong(200, {"data": None, "errors": [ERROR]}) == []
    assert wrong(403, {"errors": [ERROR]}) == []
    assert wrong(200, {"errors": [ERROR]}, "application/json; charset=utf-8") == []


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, [], "the answer is no map of data, errors and extensions"),
        (200, {"data": {}, "errors": []}, "errors is there, and empty"),
        (400, {}, "neither data nor errors"),
        (400, {"data": {}}, "data with 400"),
        (200, {"errors": [ERROR]}, "200 without data"),
        (404, {"errors": [ERROR]}, "role-not-allowed is documented with 403, not 404"),
        (400, {"errors": [{"extensions": {}}]}, "an error without a message"),
        (400, {"errors": [{"message": "x"}]}, "'' is not documented"),
        (400, {"errors": [{**ERROR, "stack": []}]}, "an error with ['extensions', 'message', 'stack']"),
        (400, {"errors": [{**ERROR, "locations": [{"line": 0, "column": 1}]}]}, "a location before the first"),
        (200, {"data": None, "errors": [{**ERROR, "extensions": {"code": "internal-error"}}]}, "internal-error"),
    ],
)
def test_a_wrong_answer_is_told(status: int, body: Any, expected: str) -> None:
    assert expected in wrong(status, body)


def test_a_valid_document_must_be_understood() -> None:
    error = {"message": "Syntax Error.", "extensions": {"code": "graphql-syntax"}}
    assert wrong(400, {"errors": [error]}) == []
    assert wrong(400, {"errors": [error]}, is_valid=True) == ["a valid document is graphql-syntax: Syntax Error."]
