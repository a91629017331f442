"""What every answer says to a browser, and what a request may not exceed: headers, time, and how often it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from api.web.middleware import MAX_HEADER_BYTES, MAX_HEADERS, RequestLimits, RequestMiddleware, random_uuid
from api.web.rate_limits import MAX_BUCKETS, Buckets, add_headers, added_headers, charge
from api.web.routing import CommandRouter
from application.ports import Role
from tests.api.world import Client, InProcess, in_process, over

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def platform(database_url: str, keys_url: str, tmp_path: Path) -> Iterator[InProcess]:
    with in_process(tmp_path, database_url, keys_url) as platform:
        yield platform


def paths(app: FastAPI) -> list[str]:
    found = ["/no/such/place"]
    for route in app.router.routes:
        found += route.paths if isinstance(route, CommandRouter) else [getattr(route, "path", "")]
    return sorted({path.replace(":path", "").replace("{", "").replace("}", "") or "/" for path in found})


# --- Security headers -----------------------------------------------------------------------------------------------


def test_every_route_secures_its_answers(platform: InProcess) -> None:
    asked = [path for path in paths(platform.app) if path != "/projections/events"]
    assert len(asked) > 50
    for path in asked:
        for method in ("GET", "POST", "OPTIONS"):
            headers = platform.anybody.requests(method, path, follow_redirects=False).headers
            assert {name: headers.get(name) for name in ALWAYS} == ALWAYS, (method, path)
            assert "frame-ancestors 'none'" in headers["content-security-policy"], (method, path)
            assert "default-src 'none'" in headers["content-security-policy"], (method, path)
            assert "cache-control" in headers, (method, path)
            assert "strict-transport-security" not in headers


def test_what_was_asked_with_a_token_is_kept_nowhere(platform: InProcess) -> None:
    somebody = replace(platform.anybody, token="x")
    for path in ("/projections", "/health", "/no/such/place"):
        assert somebody.reads(path).headers["cache-control"] == "private, no-store"


def test_data_may_load_nothing_and_pages_keep_their_own_policy(platform: InProcess) -> None:
    anybody = platform.anybody
    assert anybody.reads("/health").headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "style-src 'self'" in anybody.reads("/dashboard/en").headers["content-security-policy"]
    assert "script-src 'self'" in anybody.reads("/administration").headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in anybody.reads("/docs").headers["content-security-policy"]


# --- One request ----------------------------------------------------------------------------------------------------


async def hang(_request: Request) -> Response:
    await asyncio.sleep(60)
    raise AssertionError


async def read(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


async def trickle(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.1)
            yield b"part "

    return StreamingResponse(parts())


async def fail(_request: Request) -> Response:
    raise TimeoutError("of somebody else")


async def refuse(request: Request) -> Response:
    add_headers(request, {b"ratelimit": b'"a";r=1;t=2'})
    add_headers(request, {b"ratelimit": b'"b";r=3;t=4'})
    return JSONResponse({})


def limited(**limits: Any) -> Client:
    routes = [Route(f"/{it.__name__}", it, methods=["GET", "POST"]) for it in (hang, read, trickle, fail, refuse)]
    around = [Middleware(RequestMiddleware, limits=RequestLimits(**limits))]
    return over(Starlette(routes=routes, middleware=around), masked=True)


def test_a_request_that_takes_too_long_is_told_what_to_do() -> None:
    answer = limited(timeout_s=0.05).reads("/hang")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:problem-type:kroniek:request-timed-out"
    assert "Idempotency-Key" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_answer_that_has_begun_may_take_its_time() -> None:
    assert limited(timeout_s=0.2).reads("/trickle").text == "part " * 3


def test_a_time_out_of_another_kind_is_an_error_of_ours() -> None:
    answer = limited(timeout_s=5.0).reads("/fail")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:problem-type:kroniek:internal-error")
    assert "somebody" not in answer.text


def test_headers_are_few_and_short() -> None:
    caller = limited()
    many = {f"x-{at}": "" for at in range(MAX_HEADERS)}
    for headers in (many, {"x-long": "x" * MAX_HEADER_BYTES}):
        answer = caller.reads("/read", headers)
        assert (answer.status_code, answer.json()["type"][-17:]) == (431, "headers-too-large")
    assert caller.reads("/read", {"x-long": "x" * 8_000}).status_code == 200


def test_a_browser_stays_with_https_where_callers_use_it() -> None:
    assert limited(https=True).reads("/read").headers["strict-transport-security"] == "max-age=31536000"


def test_two_limits_stand_in_one_field() -> None:
    assert limited().reads("/refuse").headers["ratelimit"] == '"a";r=1;t=2, "b";r=3;t=4'


def test_an_id_of_our_own_is_a_random_uuid() -> None:
    made = [random_uuid() for _ in range(1_000)]
    assert len(set(made)) == len(made)
    assert {(str(UUID(it)) == it, UUID(it).version, UUID(it).variant) for it in made} == {(True, 4, RFC_4122)}
    assert {it[19] for it in made} == set("89ab")


# --- How often ------------------------------------------------------------------------------------------------------


def test_a_bucket_fills_with_time_and_no_further() -> None:
    now = [100.0]
    buckets = Buckets("requests", 60, lambda: now[0])
    first = buckets.take("org-a", 60)
    assert (first.granted, first.left, first.full_in_s) == (True, 0, 60)
    assert buckets.headers(first) == {
        b"ratelimit-policy": b'"requests";q=60;w=60',
        b"ratelimit": b'"requests";r=0;t=60',
    }
    refused = buckets.take("org-a", 10)
    assert (refused.granted, refused.left, refused.enough_in_s) == (False, 0, 10)
    assert buckets.take("org-b").granted
    now[0] += 9.5
    assert buckets.take("org-a", 10).enough_in_s == 1
    now[0] += 0.5
    assert buckets.take("org-a", 10).granted
    now[0] += 10_000
    assert buckets.take("org-a", 61).enough_in_s == 1
    assert buckets.take("org-a", 60).left == 0


def test_without_a_number_there_is_no_limit() -> None:
    buckets = Buckets("requests", 0)
    taken = [buckets.take("org-a", 10**9) for _ in range(3)]
    assert all(it.granted for it in taken)
    assert buckets.headers(taken[0]) == {}


def test_the_organisations_that_are_remembered_are_bounded() -> None:
    buckets = Buckets("requests", 1, lambda: 0.0)
    for at in range(MAX_BUCKETS + 1):
        buckets.take(f"org-{at}")
    assert buckets.take("org-0").granted
    assert not buckets.take(f"org-{MAX_BUCKETS}").granted


@pytest.mark.anyio
async def test_an_organisation_that_asks_too_often_is_told_when_to_come_back() -> None:
    limit = Buckets("requests", 2, lambda: 0.0)
    asked = [HTTPConnection({"type": "http"}) for _ in range(4)]
    allowances = [
        await charge(one, limit, name) for one, name in zip(asked, ("org-a", "org-a", "org-a", "org-b"), strict=True)
    ]
    assert [allowance.granted for allowance in allowances] == [True, True, False, True]
    assert allowances[2].enough_in_s == 30
    assert added_headers(asked[2].scope)[b"ratelimit"] == b'"requests";r=0;t=60'


def test_a_request_beyond_the_limit_is_refused(database_url: str, keys_url: str, tmp_path: Path) -> None:
    with in_process(tmp_path, database_url, keys_url, reacting=False, requests_per_minute=1) as platform:
        answers = [platform.caller(Role.AGENCY, "org-a").sends_lines([]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["type"] == "urn:problem-type:kroniek:rate-limited"
    assert int(answers[1].headers["retry-after"]) > 0
