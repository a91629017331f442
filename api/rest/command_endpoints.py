"""Makes the endpoints of commands: one for each, and the bulk endpoint for many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.rest.command_reader import BulkLine, CommandReader, RawCommand, command_readers
from api.rest.command_route import CommandRoute, camel_path
from api.rest.openapi import NDJSON, bulk_operation, command_operation
from api.web.errors import REFUSALS, Problem, problem_of
from api.web.json_answers import JSON, json_response
from api.web.platform import Platform, caller_of
from api.web.request_context import RequestContext, request_context
from api.web.routing import CommandRouter, Endpoint
from application.handler import CommandEnvelope, handle, handle_many
from application.ports import Receipt
from domain.kernel import MalformedValue, Refusal
from domain.kernel.json_text import check_json

MAX_BODY_BYTES = 1_000_000
MAX_BULK_LINES = 10_000
BULK_CHUNK_LINES = 500


def command_router(routes: Sequence[CommandRoute], platform: Platform) -> CommandRouter:
    """Make one router for all commands."""
    router = CommandRouter()
    readers = command_readers(routes, platform.keyed_hash)
    for reader in readers.values():
        path = camel_path(reader.route.path)
        router.add(path, _command_endpoint(reader, platform), command_operation(reader))
    router.add("/commands", _bulk_endpoint(readers, platform), bulk_operation(readers))
    return router


# --- One command ----------------------------------------------------------------------------------------------------


def _command_endpoint(reader: CommandReader, platform: Platform) -> Endpoint:
    route = reader.route
    home = camel_path(route.collection or route.path)

    async def endpoint(request: Request) -> Response:
        context = await _context_of(request, platform)
        content = await read_body(request, JSON, MAX_BODY_BYTES)
        check_json(content)
        raw = RawCommand(
            ids=request.path_params,
            body=content,
            key=request.headers.get("idempotency-key"),
            if_match=request.headers.get("if-match"),
        )
        envelope = reader.read(raw, context)
        receipt = await handle(envelope, platform.log, platform.rules, platform.state_cache)
        body = _receipt_body(receipt, envelope, route)
        headers = {
            "ETag": f'"{receipt.version}"',
            "X-Position": str(receipt.position),
            "X-Log-Id": await platform.log.log_id(),
        }
        if route.creates:
            headers["Location"] = f"{home.format_map(raw.ids)}/{body['id']}"
        return json_response(body, route.success, headers)

    return endpoint


def _receipt_body(receipt: Receipt, envelope: CommandEnvelope, route: CommandRoute) -> dict[str, object]:
    """Report what a command did. `id` names the thing that it created, or else the thing that it is about."""
    if route.creates:
        given: str = getattr(envelope.command, route.creates)
        # The same command sent before was given another id for its stream, which its receipt names.
        about = receipt.stream[-len(given) :] if envelope.creates else given
    else:
        about = receipt.stream.partition("-")[2]
    return {
        "id": about,
        "version": receipt.version,
        "position": receipt.position,
        "events": list(receipt.events),
    }


async def _context_of(request: Request, platform: Platform) -> RequestContext:
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


_READ_LINE = msgspec.json.Decoder(BulkLine).decode


def _bulk_endpoint(readers: Mapping[str, CommandReader], platform: Platform) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        context = await _context_of(request, platform)
        lines = (await read_body(request, NDJSON, platform.bounds.bulk_bytes)).splitlines()
        if len(lines) > MAX_BULK_LINES:
            raise Problem(413, "too-many-lines", f"One request carries at most {MAX_BULK_LINES} commands.")
        answers = _answers(lines, readers, context, platform)
        # The first answers come before the status: without the log, the caller gets a problem instead of `200`.
        first = await anext(answers, b"")
        return StreamingResponse(_all(first, answers), media_type=NDJSON)

    return endpoint


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _answers(
    lines: Sequence[bytes], readers: Mapping[str, CommandReader], context: RequestContext, platform: Platform
) -> AsyncIterator[bytes]:
    for start in range(0, len(lines), BULK_CHUNK_LINES):
        chunk = lines[start : start + BULK_CHUNK_LINES]
        answers = await _answer_chunk(chunk, readers, context, platform)
        yield b"".join(
            orjson.dumps({"line": start + number} | answer, option=orjson.OPT_APPEND_NEWLINE)
            for number, answer in enumerate(answers, 1)
        )


async def _answer_chunk(
    lines: Sequence[bytes], readers: Mapping[str, CommandReader], context: RequestContext, platform: Platform
) -> Sequence[dict[str, object]]:
    understood = [_understand(line, readers, context) for line in lines]
    envelopes = [each[0] for each in understood if not isinstance(each, Problem)]
    results = iter(await handle_many(envelopes, platform.log, platform.rules))
    return [_refused(each) if isinstance(each, Problem) else _answer(next(results), *each) for each in understood]


def _answer(result: Receipt | Refusal, envelope: CommandEnvelope, route: CommandRoute) -> dict[str, object]:
    if isinstance(result, Refusal):
        return _refused(problem_of(result))
    return {"status": "accepted"} | _receipt_body(result, envelope, route)


def _refused(problem: Problem) -> dict[str, object]:
    REFUSALS.labels(problem.code).inc()
    return {"status": "refused", "problem": problem.body()}


def _understand(
    line: bytes, readers: Mapping[str, CommandReader], context: RequestContext
) -> tuple[CommandEnvelope, CommandRoute] | Problem:
    if len(line) > MAX_BODY_BYTES:
        return Problem(413, "body-too-large", f"A line has at most {MAX_BODY_BYTES} bytes.")
    try:
        check_json(line)
        read = _READ_LINE(line)
    except MalformedValue as refusal:
        return problem_of(refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = "A line is a JSON object with command, idempotencyKey, ids, ifMatch and body."
        return Problem(400, "malformed-line", detail)
    reader = readers.get(read.command)
    if reader is None:
        return Problem(404, "unknown-command", "There is no command of this name.")
    try:
        return reader.read(read.raw(), context), reader.route
    except Problem as problem:
        return problem
