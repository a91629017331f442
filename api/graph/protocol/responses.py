"""Answers of GraphQL over HTTP and their errors; an error of our own names only its place in the log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from traceback import walk_tb
from typing import NamedTuple

import orjson
import structlog
from graphql import GraphQLError
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult, PreExecutionError

from api.graph.protocol.requests import GRAPHQL, JSON
from api.web.errors import REFUSALS, Problem, problem_of
from api.web.security_headers import RawHeaders
from domain.kernel import Refusal

LOG = structlog.get_logger()

CONTENT_TYPES = {it: f"{it}; charset=utf-8".encode() for it in (JSON, GRAPHQL)}
ALWAYS = ((b"cache-control", b"private, no-store"), (b"vary", b"Accept, Authorization"))

_HINT = re.compile(r"\s*Did you mean .*", re.DOTALL)


class Form(NamedTuple):
    """How a request is answered. With `hints`, errors may suggest similar names: the schema is no secret then."""

    media_type: str
    correlation_id: str
    hints: bool = False


def result_response(result: ExecutionResult, form: Form, extensions: Mapping[str, object], log_id: str) -> Response:
    """Answer a document that was executed, or whose variables did not fit the schema."""
    errors = result.errors or []
    # Nothing was executed if a variable did not fit: such errors stand on no path.
    executed = result.data is not None or any(error.path is not None for error in errors)
    refused = isinstance(result, PreExecutionError) or not executed
    body: dict[str, object] = {} if refused else {"data": result.data}
    if errors:
        body = {"errors": [_error(error, form, refused=refused) for error in errors], **body}
    log = (b"x-log-id", log_id.encode())
    return _response(body | {"extensions": extensions}, form, _status(form, refused=refused), [log])


def planned_response(data: bytes, form: Form, extensions: Mapping[str, object], log_id: str) -> Response:
    """Answer a document with the JSON of its data."""
    body = {"data": orjson.Fragment(data), "extensions": extensions}
    return _response(body, form, 200, [(b"x-log-id", log_id.encode())])


def refused_response(errors: Sequence[GraphQLError], form: Form) -> Response:
    """Answer a document that is not executed."""
    body = {"errors": [_error(error, form, refused=True) for error in errors]}
    return _response(body, form, _status(form, refused=True), [])


def problem_response(problem: Problem, form: Form) -> Response:
    """Answer a request that could not be answered as a whole."""
    REFUSALS.labels(problem.code).inc()
    error = {"message": problem.detail, "extensions": {"code": problem.code, "correlationId": form.correlation_id}}
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    return _response({"errors": [error]}, form, problem.status, headers)


def _status(form: Form, *, refused: bool) -> int:
    return 400 if refused and form.media_type == GRAPHQL else 200


def _response(body: Mapping[str, object], form: Form, status: int, headers: RawHeaders) -> Response:
    response = Response(orjson.dumps(body), status)
    response.raw_headers += [(b"content-type", CONTENT_TYPES[form.media_type]), *ALWAYS, *headers]
    return response


def _error(error: GraphQLError, form: Form, *, refused: bool) -> Mapping[str, object]:
    """Describe a mistake of the caller; of an error of our own, say nothing but its correlation id, and log it."""
    message, code = _message_and_code(error, refused=refused)
    if code == "internal-error":
        _log(error)
    formatted: dict[str, object] = {"message": message if form.hints else _HINT.sub("", message)}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        formatted["path"] = list(error.path)
    return formatted | {"extensions": {"code": code, "correlationId": form.correlation_id}}


def _message_and_code(error: GraphQLError, *, refused: bool) -> tuple[str, str]:
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
    """Log the class and the place of an error, not its message: the message of an exception may hold anything."""
    cause = error.original_error or error
    frames = list(walk_tb(cause.__traceback__))
    place = f"{frames[-1][0].f_globals.get('__name__')}:{frames[-1][1]}" if frames else ""
    path = ".".join(str(step) for step in error.path or [] if isinstance(step, str))
    LOG.error("graphql_failed", error=type(cause).__name__, place=place, path=path)
