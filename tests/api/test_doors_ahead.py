"""What is answered ahead of the framework is answered as the framework would: bodies, methods, paths, errors, time."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping

import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from api.composition.error_answers import problem_of_error
from api.graph.protocol.requests import MAX_BODY_BYTES, graph_request
from api.web.ahead import MIN_COMPRESSED_BYTES, DoorsAhead
from api.web.middleware import CLIENT_GONE, RequestLimits, RequestMiddleware
from api.web.time_limit import TimeLimit, TimeLimitPassedError
from application.ports import Role
from domain.kernel import NotFound
from infrastructure.event_log.log_lookup import MissingEventsError
from tests.api.world import Client, in_process, over

SHORT = {"query": "{ __typename }"}
LONG = {"query": "{ __schema { types { name } } }"}
PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def auditor(
    module_read_models_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    with in_process(
        tmp_path_factory.mktemp("data"), module_read_models_url, module_keys_url, reacting=False
    ) as platform:
        yield platform.caller(Role.AUDITOR)


def ahead(*routes: Route, timeout_s: float = 60.0) -> Starlette:
    """Return an application that answers some routes ahead of its own, of which it has none."""
    return Starlette(
        middleware=[
            Middleware(RequestMiddleware, limits=RequestLimits(timeout_s=timeout_s)),
            Middleware(DoorsAhead, routes=routes, problem_of=problem_of_error),
        ]
    )


async def repeat(request: Request) -> Response:
    asked = await graph_request(request)
    return PlainTextResponse(f"{asked.query} {asked.variables}")


async def sent(messages: Iterable[Message], headers: Mapping[str, str]) -> list[Message]:
    """Send a request to a door in messages, one by one; return those of its answer."""
    given = {"content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/door",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }
    answer: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        answer.append(message)

    await ahead(Route("/door", repeat, methods=["POST"]))(scope, receive, send)
    return answer


def parts(body: bytes, *, bytes_each: int) -> list[Message]:
    cut = [body[at : at + bytes_each] for at in range(0, len(body), bytes_each)]
    messages: list[Message] = [{"type": "http.request", "body": it, "more_body": True} for it in cut]
    return [*messages, {"type": "http.request"}]


# --- Bodies ---------------------------------------------------------------------------------------------------------


def test_a_long_answer_is_compressed_for_who_takes_that(auditor: Client) -> None:
    plain = auditor.requests("POST", "/graphql", PLAIN, json=LONG)
    packed = auditor.requests("POST", "/graphql", {"Accept-Encoding": "br, gzip"}, json=LONG)
    assert len(plain.content) > MIN_COMPRESSED_BYTES
    assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json()["data"] == plain.json()["data"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept, Authorization, Accept-Encoding"


def test_a_short_answer_is_not_compressed(auditor: Client) -> None:
    answer = auditor.requests("POST", "/graphql", GZIP, json=SHORT)
    assert ("content-encoding" in answer.headers, answer.headers["vary"]) == (False, "Accept, Authorization")


@pytest.mark.anyio
@pytest.mark.parametrize("bytes_each", [1, 7, 1_000])
async def test_a_body_may_come_in_many_parts(bytes_each: int) -> None:
    text = "é" * 1_000
    body = json.dumps(LONG | {"variables": {"text": text}}, ensure_ascii=False).encode()
    start, rest = await sent(parts(body, bytes_each=bytes_each), PLAIN)
    assert (start["status"], rest["body"].decode()) == (200, f"{LONG['query']} {{'text': '{text}'}}")
    _, packed = await sent(parts(body, bytes_each=bytes_each), GZIP)
    assert gzip.decompress(packed["body"]) == rest["body"]


@pytest.mark.anyio
async def test_no_more_is_read_of_a_body_that_is_too_large() -> None:
    pieces = iter(parts(b" " * (MAX_BODY_BYTES + 100_000), bytes_each=1_024))
    start, _ = await sent(pieces, PLAIN)
    assert start["status"] == 413
    assert len(list(pieces)) > 90


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [PLAIN, GZIP])
async def test_nobody_is_answered_who_goes_away_while_the_body_comes(headers: dict[str, str]) -> None:
    messages: list[Message] = [*parts(b'{"query"', bytes_each=4)[:-1], {"type": "http.disconnect"}]
    with structlog.testing.capture_logs() as lines:
        assert await sent(messages, headers) == []
    assert [(line["event"], line["status"]) for line in lines] == [("request_answered", CLIENT_GONE)]


# --- Methods and paths ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
def test_another_method_is_told_which_ones_there_are(auditor: Client, method: str) -> None:
    answer = auditor.requests(method, "/graphql")
    assert (answer.status_code, answer.json()["type"][-18:]) == (405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_the_head_of_an_answer_is_that_of_get(auditor: Client) -> None:
    for headers in ({"Accept": "text/html"}, {"Accept": "application/json"}):
        address = "/graphql?query={__typename}"
        got, head = auditor.requests("GET", address, headers), auditor.requests("HEAD", address, headers)
        assert head.status_code == got.status_code == 200
        assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/graphql/", "/GraphQL", "/graphql%2F", "/graphql;a=b", "/v1/graphql"])
def test_beside_its_path_there_is_nothing(auditor: Client, path: str) -> None:
    assert auditor.requests("POST", path, json=SHORT).status_code in {404, 405}
    assert auditor.reads(path, {"Accept": "application/json"}).status_code == 404


def test_a_path_may_be_written_with_escapes(auditor: Client) -> None:
    assert auditor.requests("POST", "/%67raphql", json=SHORT).json()["data"] == {"__typename": "Query"}


def test_files_of_the_page_are_found(auditor: Client) -> None:
    assert auditor.reads("/graphql/page.css").headers["content-type"].startswith("text/css")
    assert auditor.reads("/graphql/other.css").status_code == 404


def test_requests_are_counted_under_the_path_of_the_door(auditor: Client) -> None:
    auditor.asks(SHORT["query"])
    assert 'kroniek_http_requests_total{method="POST",route="/graphql",status="200"}' in auditor.reads("/metrics").text


# --- Header fields --------------------------------------------------------------------------------------------------


def test_two_tokens_are_none(auditor: Client) -> None:
    twice = [("Authorization", f"Bearer {auditor.token}")] * 2
    answer = auditor.http.post("/graphql", json=SHORT, headers=twice)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "unauthenticated")


def test_a_field_that_counts_once_may_not_stand_twice(auditor: Client) -> None:
    twice = [("Processing-Activity", "a"), ("Processing-Activity", "b")]
    answer = auditor.http.post("/graphql", json=SHORT, headers=twice)
    assert (answer.status_code, answer.json()["issues"][0]["location"]) == (400, "processing-activity")


# --- Errors and time ------------------------------------------------------------------------------------------------


async def refuse(_request: Request) -> Response:
    raise NotFound("no-such-thing", "There is no such thing.")


async def miss(_request: Request) -> Response:
    raise MissingEventsError("events 1 to 2")


async def fail(_request: Request) -> Response:
    raise LookupError("of ours")


async def hang(_request: Request) -> Response:
    await asyncio.sleep(60)
    raise AssertionError


async def see(request: Request) -> Response:
    return PlainTextResponse(f"{request.headers.getlist('x-two')} {request.headers.get('x-none')}")


@pytest.fixture
def anybody() -> Client:
    routes = [Route(f"/{it.__name__}", it) for it in (refuse, miss, fail, hang, see)]
    return over(ahead(*routes, timeout_s=0.05), masked=True)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refuse", 404, "no-such-thing"),
        ("/miss", 503, "events-put-away"),
        ("/fail", 500, "internal-error"),
        ("/hang", 503, "request-timed-out"),
    ],
)
def test_errors_are_answered_as_problems(anybody: Client, path: str, status: int, code: str) -> None:
    answer = anybody.reads(path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:problem-type:kroniek:{code}")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_door_sees_all_values_of_a_header_field(anybody: Client) -> None:
    assert anybody.http.get("/see", headers=[("X-Two", "a"), ("x-two", "b")]).text == "['a', 'b'] None"


@pytest.mark.anyio
async def test_a_limit_cancels_what_takes_too_long() -> None:
    with pytest.raises(TimeLimitPassedError), TimeLimit(0.0):
        await asyncio.sleep(60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.anyio
async def test_a_limit_that_is_lifted_cancels_nothing() -> None:
    with TimeLimit(0.0) as limit:
        limit.lift()
        await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_a_cancellation_from_elsewhere_goes_on() -> None:
    async def limited() -> None:
        with TimeLimit(60):
            await asyncio.sleep(60)

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
