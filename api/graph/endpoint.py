"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): POST and GET on /graphql, and its page.

An answer says in its extensions which read models it used and how far they were. A request that names its own write in
`X-Position` waits for it, bounded, in the read models that it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from api.dependencies import Platform, caller_of
from api.errors import Problem, problem_of
from api.footing import Footing, wanted_position
from api.graph.asking import Asking, Figures
from api.graph.schema import SCHEMA
from api.script_page import ScriptPage
from application.ports import Caller
from domain.kernel import Refusal

LOG = structlog.get_logger()

JSON, GRAPHQL, HTML = "application/json", "application/graphql-response+json", "text/html"
MOST_BODY_BYTES = 256 * 1024
PAGE = ScriptPage("api.graph", "page.css", "page.js")


def graphql_routes(platform: Platform, figures: Figures) -> list[BaseRoute]:
    """Return the routes of /graphql: the endpoint, and the page that a browser finds there with its two files."""
    endpoint = _Endpoint(platform, figures)
    return [
        Route("/graphql", endpoint.get, methods=["GET"]),
        Route("/graphql", endpoint.post, methods=["POST"]),
        Route("/graphql/{name}", PAGE.file, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a well-formed request says."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class _Endpoint:
    def __init__(self, platform: Platform, figures: Figures) -> None:
        self._platform = platform
        self._figures = figures
        # Every read is one statement: a transaction around it would only add two round trips.
        self._engine = platform.reads.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, request: Request) -> Response:
        if _negotiated(request, (JSON, GRAPHQL, HTML)) == HTML:
            return await PAGE.index(request)
        return await self._answer(request)

    async def post(self, request: Request) -> Response:
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        correlation_id = _correlation_id(request)
        media_type = _negotiated(request, (JSON, GRAPHQL))
        if media_type is None:
            problem = Problem(406, "not-acceptable", f"The answer can be {JSON} or {GRAPHQL}.")
            return _problem_response(problem, JSON, correlation_id)
        try:
            caller = await caller_of(request, self._platform)
            wish = _from_url(request) if request.method == "GET" else await _from_body(request)
            log_id = await self._platform.log.log_id()
            asking = await self._asking(caller, wanted_position(request, log_id))
            result = await _execute(wish, asking)
            if asking.footing.refusal is not None:
                raise asking.footing.refusal
        except Problem as problem:
            return _problem_response(problem, media_type, correlation_id)
        return _result_response(result, media_type, asking.footing.said(), correlation_id, log_id)

    async def _asking(self, caller: Caller, wanted: int) -> Asking:
        places = self._platform.places
        return Asking(
            caller=caller,
            now=self._platform.now(),
            footing=Footing(places, await places(), wanted),
            engine=self._engine,
            figures=self._figures,
        )


async def _execute(wish: _Wish, asking: Asking) -> ExecutionResult:
    try:
        return await SCHEMA.execute(
            wish.query,
            variable_values=wish.variables,
            context_value=asking,
            operation_name=wish.operation_name,
            allowed_operation_types=(OperationType.QUERY,),
        )
    except CannotGetOperationTypeError as error:
        raise Problem(400, "operation-not-found", "The document has no operation with this name.") from error
    except InvalidOperationTypeError as error:
        raise Problem(400, "operation-not-allowed", "Only queries are answered here; commands go over REST.") from error


# --- Requests -------------------------------------------------------------------------------------------------------


def _negotiated(request: Request, offered: tuple[str, ...]) -> str | None:
    """Choose what the caller likes best of what is offered (RFC 9110, 12.5.1); the first one if they do not say."""
    accept = request.headers.get("accept", "").strip()
    if not accept:
        return offered[0]
    best, best_weight = None, 0.0
    for candidate in offered:
        weight = _weight(candidate, accept)
        if weight > best_weight:
            best, best_weight = candidate, weight
    return best


def _weight(candidate: str, accept: str) -> float:
    """Return the weight that the most specific matching range gives to a media type."""
    ranges = {candidate: 2, f"{candidate.partition('/')[0]}/*": 1, "*/*": 0}
    found = (-1, 0.0)
    for part in accept.lower().split(","):
        media_range, *parameters = (it.strip() for it in part.split(";"))
        if media_range in ranges:
            found = max(found, (ranges[media_range], _quality(parameters)))
    return found[1]


def _quality(parameters: list[str]) -> float:
    given = next((it.partition("=")[2] for it in parameters if it.startswith("q=")), "1")
    try:
        return min(max(float(given), 0.0), 1.0)
    except ValueError:
        return 0.0


def _from_url(request: Request) -> _Wish:
    """Read a query from the address: variables and extensions are JSON."""
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _json(given[name].encode(), f"`{name}` is not JSON.") if given[name] else None
    return _wish(given)


async def _from_body(request: Request) -> _Wish:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.replace('"', "").strip().lower()
    if media_type.strip().lower() != JSON or charset not in {"", "charset=utf-8"}:
        raise Problem(415, "unsupported-media-type", f"Send {JSON} in UTF-8.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise Problem(413, "body-too-large", f"A request has at most {MOST_BODY_BYTES // 1024} KiB.")
    return _wish(_json(bytes(body), "The body is not JSON."))


def _json(text: bytes, otherwise: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "malformed-json", otherwise) from error


def _wish(given: object) -> _Wish:
    if not isinstance(given, dict):
        raise Problem(400, "malformed-request", "The body is one JSON object.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Problem(400, "query-missing", "`query` is the text of a GraphQL document.")
    if not isinstance(variables, dict | None):
        raise Problem(400, "malformed-request", "`variables` is a JSON object.")
    if not isinstance(name, str | None):
        raise Problem(400, "malformed-request", "`operationName` is a text.")
    if not isinstance(given.get("extensions"), dict | None):
        raise Problem(400, "malformed-request", "`extensions` is a JSON object.")
    return _Wish(query, variables, name or None)


def _correlation_id(request: Request) -> str:
    return getattr(request.state, "correlation_id", None) or str(uuid4())


# --- Answers --------------------------------------------------------------------------------------------------------


def _result_response(
    result: ExecutionResult, media_type: str, extensions: Mapping[str, Any], correlation_id: str, log_id: str
) -> Response:
    errors = result.errors or []
    # Nothing was executed if parsing or validation failed, or a variable did not fit: such errors stand on no path.
    refused = isinstance(result, PreExecutionError) or (result.data is None and all(it.path is None for it in errors))
    body: dict[str, Any] = {} if refused else {"data": result.data}
    if errors:
        body = {"errors": [_error(it, correlation_id, refused=refused) for it in errors], **body}
    status = 400 if refused and media_type == GRAPHQL else 200
    return _response(body | {"extensions": extensions}, media_type, status, {"X-Log-Id": log_id})


def _response(body: Mapping[str, Any], media_type: str, status: int, headers: Mapping[str, str]) -> Response:
    return Response(
        orjson.dumps(body),
        status_code=status,
        headers={
            "Content-Type": f"{media_type}; charset=utf-8",
            "Cache-Control": "private, no-store",
            "Vary": "Accept, Authorization",
            **headers,
        },
    )


def _problem_response(problem: Problem, media_type: str, correlation_id: str) -> Response:
    error = {"message": problem.detail, "extensions": {"code": problem.code, "correlationId": correlation_id}}
    return _response({"errors": [error]}, media_type, problem.status, problem.headers)


def _error(error: GraphQLError, correlation_id: str, *, refused: bool) -> dict[str, Any]:
    """Say what the caller did wrong; of what we did wrong say nothing but where to find it in the log."""
    message, code = _said(error, refused=refused)
    if code == "internal-error":
        _log(error)
    formatted: dict[str, Any] = {"message": message}
    if error.locations:
        formatted["locations"] = [{"line": it.line, "column": it.column} for it in error.locations]
    if error.path:
        formatted["path"] = list(error.path)
    return formatted | {"extensions": {"code": code, "correlationId": correlation_id}}


def _said(error: GraphQLError, *, refused: bool) -> tuple[str, str]:
    cause = error.original_error
    if isinstance(cause, Refusal):
        cause = problem_of(cause)
    match cause:
        case Problem():
            return cause.detail, cause.code
        case RecursionError():
            return "The document is nested too deeply.", "query-too-deep"
        case None | GraphQLError() | ValueError() | TypeError() | ArithmeticError() if refused:
            # The document is wrong, or a scalar could not be read from what was given for it.
            return error.message, _code_of_refused(error)
        case GraphQLError() if cause.nodes:
            # An argument that did not fit, found out while its field was resolved: it names its place in the document.
            return cause.message, "invalid-argument"
        case _:
            return "Internal error", "internal-error"


def _code_of_refused(error: GraphQLError) -> str:
    code = (error.extensions or {}).get("code")
    if isinstance(code, str):
        return code
    return "graphql-invalid" if error.nodes else "graphql-syntax"


def _log(error: GraphQLError) -> None:
    """Note what failed and where, not what it said: the text of an exception may hold anything."""
    cause = error.original_error or error
    trace, place = cause.__traceback__, ""
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        trace = trace.tb_next
    path = ".".join(str(it) for it in error.path or [] if isinstance(it, str))
    LOG.error("graphql_failed", error=type(cause).__name__, place=place, path=path)
