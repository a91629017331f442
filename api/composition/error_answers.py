"""Exceptions that reach the edge of the application, as problems (RFC 9457)."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.composition.decryption import DAMAGE, keys_problem
from api.web.errors import Issue, Problem, answer_problem, query_too_slow
from domain.kernel import Refusal
from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

LOG = structlog.get_logger()

RETRY_AFTER_S = 1
ATTACH_S = 3_600
"""When to ask again for events that an administrator has to bring back first."""


def answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(Refusal, answer_problem)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    for unavailable in (LogUnavailableError, OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(unavailable, _answer_unavailable)
    app.add_exception_handler(LogBusyError, _answer_busy)
    for broken in (KeysUnavailableError, *DAMAGE):
        app.add_exception_handler(broken, _answer_keys)
    app.add_exception_handler(MissingEventsError, _answer_missing_events)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = {
        404: ("no-such-resource", "There is nothing at this address."),
        405: ("method-not-allowed", "This address does not take that method."),
    }.get(error.status_code, ("malformed-request", "The request is not one that is understood here."))
    problem = Problem(error.status_code, code, detail, headers=error.headers)
    return await answer_problem(request, problem)


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    issues = [
        Issue("/" + "/".join(str(part) for part in found["loc"]), str(found["type"]).replace("_", "-"), found["msg"])
        for found in error.errors()
    ]
    return await answer_problem(request, Problem(400, "malformed-request", "The request is malformed.", issues=issues))


async def _answer_unavailable(request: Request, error: Exception) -> Response:
    if (too_slow := query_too_slow(error)) is not None:
        return await answer_problem(request, too_slow)
    LOG.warning("unavailable", error=type(error).__name__)
    detail = "The log cannot be reached just now. Send the same request again."
    return await answer_problem(request, Problem(503, "log-unavailable", detail, retry_after_s=RETRY_AFTER_S))


async def _answer_busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, LogBusyError)
    LOG.warning("log_busy", retry_after_s=error.retry_after_s)
    detail = "More is being written just now than can wait. Nothing was written; send the same request again."
    return await answer_problem(request, Problem(503, "log-busy", detail, retry_after_s=error.retry_after_s))


async def _answer_missing_events(request: Request, error: Exception) -> Response:
    LOG.error("events_put_away", error=str(error))
    detail = "This began so long ago that its events were put away. They have to be brought back before it can go on."
    return await answer_problem(request, Problem(503, "events-put-away", detail, retry_after_s=ATTACH_S))


async def _answer_keys(request: Request, error: Exception) -> Response:
    return await answer_problem(request, keys_problem(error))
