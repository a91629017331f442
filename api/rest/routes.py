"""Makes the routes of the doors: one for each command, and the bulk door for many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.dependencies import Platform, caller_of
from api.errors import Problem, problem_of
from api.rest.doors import Door
from api.rest.openapi import bulk_description, door_description
from api.rest.requests import Frame, Intake, Wish
from application.handler import Order, handle, handle_many
from application.ports import Receipt
from domain.kernel import Refusal

MAX_BODY_BYTES = 1_000_000
MAX_BULK_BYTES = 32_000_000
MAX_BULK_LINES = 10_000
BULK_CHUNK_LINES = 500
NDJSON = "application/x-ndjson"


def command_routes(doors: Sequence[Door], platform: Platform) -> APIRouter:
    """Make the routes of all doors."""
    router = APIRouter()
    intakes = {door.intent: Intake(door) for door in doors}
    for intake in intakes.values():
        _add_door(router, intake, platform)
    _add_bulk_door(router, intakes, platform)
    return router


# --- One command ----------------------------------------------------------------------------------------------------


def _add_door(router: APIRouter, intake: Intake, platform: Platform) -> None:
    door = intake.door

    async def endpoint(request: Request) -> Response:
        frame = await _frame(request, platform)
        wish = Wish(
            ids=request.path_params,
            body=await read_body(request, "application/json", MAX_BODY_BYTES),
            key=request.headers.get("idempotency-key"),
            if_match=request.headers.get("if-match"),
        )
        receipt = await handle(intake.order(wish, frame), platform.log, platform.rules)
        return _receipt_response(receipt, door)

    router.add_api_route(
        door.path,
        endpoint,
        methods=["POST"],
        name=door.intent,
        operation_id=door.intent,
        summary=door.summary,
        tags=[door.path.split("/")[1]],
        response_class=Response,
        status_code=_success(door),
        openapi_extra=door_description(intake, _success(door)),
    )


def _success(door: Door) -> int:
    return 201 if door.creates else 200


def _receipt_response(receipt: Receipt, door: Door) -> Response:
    headers = {"ETag": f'"{receipt.version}"', "X-Position": str(receipt.position)}
    if door.creates:
        headers["Location"] = f"{door.path}/{_aggregate_id(receipt)}"
    body = orjson.dumps(_receipt_body(receipt))
    return Response(body, status_code=_success(door), media_type="application/json", headers=headers)


def _receipt_body(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": _aggregate_id(receipt),
        "version": receipt.version,
        "position": receipt.position,
        "events": list(receipt.events),
    }


def _aggregate_id(receipt: Receipt) -> str:
    return receipt.stream.partition("-")[2]


async def _frame(request: Request, platform: Platform) -> Frame:
    return Frame(
        caller=await caller_of(request, platform),
        now=platform.now(),
        correlation_id=request.state.correlation_id,
        trace=request.headers.get("traceparent", "")[:55],
    )


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


def _add_bulk_door(router: APIRouter, intakes: Mapping[str, Intake], platform: Platform) -> None:
    async def endpoint(request: Request) -> Response:
        frame = await _frame(request, platform)
        lines = (await read_body(request, NDJSON, MAX_BULK_BYTES)).splitlines()
        if len(lines) > MAX_BULK_LINES:
            raise Problem(413, "too-many-lines", f"One request carries at most {MAX_BULK_LINES} commands.")
        return StreamingResponse(_answers(lines, intakes, frame, platform), media_type=NDJSON)

    router.add_api_route(
        "/commands",
        endpoint,
        methods=["POST"],
        name="send-commands",
        operation_id="send-commands",
        summary="Send many commands at once, one on each line; get an answer for each line, in order.",
        tags=["commands"],
        response_class=StreamingResponse,
        openapi_extra=bulk_description(intakes),
    )


async def _answers(
    lines: Sequence[bytes], intakes: Mapping[str, Intake], frame: Frame, platform: Platform
) -> AsyncIterator[bytes]:
    for start in range(0, len(lines), BULK_CHUNK_LINES):
        chunk = lines[start : start + BULK_CHUNK_LINES]
        answers = await _answer_chunk(chunk, intakes, frame, platform)
        yield b"".join(
            orjson.dumps({"line": start + number} | answer, option=orjson.OPT_APPEND_NEWLINE)
            for number, answer in enumerate(answers, 1)
        )


async def _answer_chunk(
    lines: Sequence[bytes], intakes: Mapping[str, Intake], frame: Frame, platform: Platform
) -> Sequence[dict[str, Any]]:
    understood: list[Order | Problem] = [_understand(line, intakes, frame) for line in lines]
    orders = [order for order in understood if isinstance(order, Order)]
    results = iter(await handle_many(orders, platform.log, platform.rules))
    return [_line(next(results) if isinstance(item, Order) else item) for item in understood]


def _line(result: Receipt | Refusal | Problem) -> dict[str, Any]:
    if isinstance(result, Receipt):
        return {"status": "accepted"} | _receipt_body(result)
    problem = problem_of(result) if isinstance(result, Refusal) else result
    return {"status": "refused", "problem": problem.body()}


def _understand(line: bytes, intakes: Mapping[str, Intake], frame: Frame) -> Order | Problem:
    """Read one line: `command`, the `ids` of its path, `idempotencyKey`, `ifMatch` and `body`."""
    try:
        wish = orjson.loads(line)
        intent, body = wish["command"], wish.get("body", {})
        ids, key, if_match = wish.get("ids", {}), wish.get("idempotencyKey"), wish.get("ifMatch")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return Problem(400, "malformed-line", "A line is a JSON object with command, idempotencyKey, ids and body.")
    texts = [intent, key or "", if_match or "", *(ids.values() if isinstance(ids, dict) else [None])]
    if not all(isinstance(text, str) for text in texts):
        return Problem(400, "malformed-line", "command, ids, idempotencyKey and ifMatch are texts.")
    intake = intakes.get(intent)
    if intake is None:
        return Problem(404, "unknown-command", "There is no command of this name.")
    try:
        wished = Wish(ids=ids, body=orjson.dumps(body), key=key, if_match=if_match)
        return intake.order(wished, frame)
    except Problem as problem:
        return problem
