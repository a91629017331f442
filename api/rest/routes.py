"""Makes the routes of the doors: one for each command, and the bulk door for many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.rest.doors import Door, outward
from api.rest.openapi import bulk_operation, door_operation
from api.rest.requests import Intake, Wish
from api.web.errors import Problem, problem_of
from api.web.platform import Platform, caller_of
from api.web.request_context import RequestContext, request_context
from api.web.routing import CommandRouter, Endpoint
from application.handler import Order, handle, handle_many
from application.ports import Receipt
from domain.kernel import Refusal

MAX_BODY_BYTES = 1_000_000
MAX_BULK_BYTES = 32_000_000
MAX_BULK_LINES = 10_000
BULK_CHUNK_LINES = 500
JSON = "application/json"
NDJSON = "application/x-ndjson"


def command_routes(doors: Sequence[Door], platform: Platform) -> CommandRouter:
    """Make the routes of all doors."""
    routes = CommandRouter()
    intakes = {door.intent: Intake(door, platform.keyed_hash) for door in doors}
    for intake in intakes.values():
        path, endpoint = outward(intake.door.path), _door_endpoint(intake, platform)
        routes.add(path, endpoint, door_operation(intake, _success(intake.door)))
    routes.add("/commands", _bulk_endpoint(intakes, platform), bulk_operation(intakes))
    return routes


# --- One command ----------------------------------------------------------------------------------------------------


def _door_endpoint(intake: Intake, platform: Platform) -> Endpoint:
    door = intake.door
    home = outward(door.collection or door.path)

    async def endpoint(request: Request) -> Response:
        by = await _sent_by(request, platform)
        wish = Wish(
            ids=request.path_params,
            body=await read_body(request, JSON, MAX_BODY_BYTES),
            key=request.headers.get("idempotency-key"),
            if_match=request.headers.get("if-match"),
        )
        order = intake.order(wish, by)
        receipt = await handle(order, platform.log, platform.rules, platform.recent)
        body = _receipt_body(receipt, order, door)
        location = f"{home.format_map(wish.ids)}/{body['id']}"
        return _receipt_response(body, _success(door), location, await platform.log.log_id())

    return endpoint


def _success(door: Door) -> int:
    return 201 if door.creates else 200


def _receipt_response(body: Mapping[str, Any], status: int, location: str, log_id: str) -> Response:
    headers = {"ETag": f'"{body["version"]}"', "X-Position": str(body["position"]), "X-Log-Id": log_id}
    if status == HTTPStatus.CREATED:
        headers["Location"] = location
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers=headers)


def _receipt_body(receipt: Receipt, order: Order, door: Door) -> dict[str, Any]:
    """Say what the command did; `id` is that of what it created, or else of what it is about."""
    if door.creates:
        given: str = getattr(order.command, door.creates)
        # The same wish sent before was given another id for its stream: the receipt knows which.
        about = receipt.stream[-len(given) :] if order.creates else given
    else:
        about = receipt.stream.partition("-")[2]
    return {
        "id": about,
        "version": receipt.version,
        "position": receipt.position,
        "events": list(receipt.events),
    }


async def _sent_by(request: Request, platform: Platform) -> RequestContext:
    caller = await caller_of(request, platform)
    return request_context(request, caller, platform.now())


async def read_body(request: Request, media_type: str, max_bytes: int) -> bytes:
    given = request.headers.get("content-type", media_type).partition(";")[0].strip().lower()
    if given != media_type:
        raise Problem(415, "unsupported-media-type", f"Send {media_type}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Problem(413, "body-too-large", f"A body here has at most {max_bytes} bytes.")
    return bytes(body)


# --- Many commands --------------------------------------------------------------------------------------------------


class _Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """One line: the intent, the ids of its path, and what a single request says in headers and body."""

    command: str
    idempotency_key: str | None = None
    ids: dict[str, str] = {}
    if_match: str | None = None
    body: msgspec.Raw = msgspec.Raw()


_READ_LINE = msgspec.json.Decoder(_Line).decode


def _bulk_endpoint(intakes: Mapping[str, Intake], platform: Platform) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        by = await _sent_by(request, platform)
        lines = (await read_body(request, NDJSON, MAX_BULK_BYTES)).splitlines()
        if len(lines) > MAX_BULK_LINES:
            raise Problem(413, "too-many-lines", f"One request carries at most {MAX_BULK_LINES} commands.")
        answers = _answers(lines, intakes, by, platform)
        # The first answers come before the status: where the log is gone, the caller is told so instead of `200`.
        first = await anext(answers, b"")
        return StreamingResponse(_all(first, answers), media_type=NDJSON)

    return endpoint


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _answers(
    lines: Sequence[bytes], intakes: Mapping[str, Intake], by: RequestContext, platform: Platform
) -> AsyncIterator[bytes]:
    for start in range(0, len(lines), BULK_CHUNK_LINES):
        chunk = lines[start : start + BULK_CHUNK_LINES]
        answers = await _answer_chunk(chunk, intakes, by, platform)
        yield b"".join(
            orjson.dumps({"line": start + number} | answer, option=orjson.OPT_APPEND_NEWLINE)
            for number, answer in enumerate(answers, 1)
        )


async def _answer_chunk(
    lines: Sequence[bytes], intakes: Mapping[str, Intake], by: RequestContext, platform: Platform
) -> Sequence[dict[str, Any]]:
    understood = [_understand(line, intakes, by) for line in lines]
    orders = [each[0] for each in understood if not isinstance(each, Problem)]
    results = iter(await handle_many(orders, platform.log, platform.rules))
    return [_refused(each) if isinstance(each, Problem) else _answer(next(results), *each) for each in understood]


def _answer(result: Receipt | Refusal, order: Order, door: Door) -> dict[str, Any]:
    if isinstance(result, Refusal):
        return _refused(problem_of(result))
    return {"status": "accepted"} | _receipt_body(result, order, door)


def _refused(problem: Problem) -> dict[str, Any]:
    return {"status": "refused", "problem": problem.body()}


def _understand(line: bytes, intakes: Mapping[str, Intake], by: RequestContext) -> tuple[Order, Door] | Problem:
    if len(line) > MAX_BODY_BYTES:
        return Problem(413, "body-too-large", f"A line has at most {MAX_BODY_BYTES} bytes.")
    try:
        said = _READ_LINE(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = "A line is a JSON object with command, idempotencyKey, ids, ifMatch and body."
        return Problem(400, "malformed-line", detail)
    intake = intakes.get(said.command)
    if intake is None:
        return Problem(404, "unknown-command", "There is no command of this name.")
    wish = Wish(ids=said.ids, body=bytes(said.body), key=said.idempotency_key, if_match=said.if_match)
    try:
        return intake.order(wish, by), intake.door
    except Problem as problem:
        return problem
