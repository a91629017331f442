"""Exceptions that reach the edge of the application, as problems (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.composition.decryption import DAMAGE, keys_problem
from api.web.errors import Problem, busy, problem_of, problem_response, query_too_slow, unavailable
from api.web.validators import issues_of
from application.fair_turns import BusyError
from domain.kernel import Refusal
from infrastructure.event_log.log_lookup import MissingEventsError
from infrastructure.keys.data_keys import KeysUnavailableError
from infrastructure.postgres.failures import LogBusyError, LogUnavailableError

E = TypeVar("E", bound=Exception)

LOG = structlog.get_logger()

ATTACH_S = 3_600
"""When to ask again for events that an administrator has to bring back first."""


def answer_errors(app: FastAPI) -> None:
    """Have the application answer exceptions that reach its edge."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of_error(error)
        assert problem is not None
        return problem_response(problem, request.state.correlation_id)

    for kind in PROBLEMS:
        app.add_exception_handler(kind, answer)


def problem_of_error(error: Exception) -> Problem | None:
    """Return the problem that an exception is answered with, None for one of which nothing is known."""
    return next((PROBLEMS[kind](error) for kind in type(error).__mro__ if kind in PROBLEMS), None)


def _problem_of_http(error: HTTPException) -> Problem:
    code, detail = {
        404: ("no-such-resource", "There is nothing at this address."),
        405: ("method-not-allowed", "This address does not take that method."),
    }.get(error.status_code, ("malformed-request", "The request is not one that is understood here."))
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return Problem(error.status_code, code, detail, headers=headers)


def _problem_of_validation(error: RequestValidationError) -> Problem:
    return Problem(400, "malformed-request", "The request is malformed.", issues=issues_of(error.errors()))


def _unavailable(error: Exception) -> Problem:
    if (too_slow := query_too_slow(error)) is not None:
        return too_slow
    LOG.warning("unavailable", error=type(error).__name__)
    return unavailable()


def _log_busy(error: LogBusyError) -> Problem:
    LOG.warning("log_busy", retry_after_s=error.retry_after_s)
    detail = "More is being written just now than can wait. Nothing was written; send the same request again."
    return Problem(503, "log-busy", detail, retry_after_s=error.retry_after_s)


def _put_away(error: MissingEventsError) -> Problem:
    LOG.error("events_put_away", error=str(error))
    detail = "This began so long ago that its events were put away. They have to be brought back before it can go on."
    return Problem(503, "events-put-away", detail, retry_after_s=ATTACH_S)


def _for(kind: type[E], problem_for: Callable[[E], Problem]) -> Callable[[Exception], Problem]:
    def problem(error: Exception) -> Problem:
        assert isinstance(error, kind)
        return problem_for(error)

    return problem


PROBLEMS: Mapping[type, Callable[[Exception], Problem]] = {
    Problem: _for(Problem, lambda problem: problem),
    Refusal: _for(Refusal, problem_of),
    HTTPException: _for(HTTPException, _problem_of_http),
    RequestValidationError: _for(RequestValidationError, _problem_of_validation),
    **dict.fromkeys((LogUnavailableError, OperationalError, InterfaceError), _unavailable),
    **dict.fromkeys((BusyError, PoolTimeoutError), busy),
    LogBusyError: _for(LogBusyError, _log_busy),
    MissingEventsError: _for(MissingEventsError, _put_away),
    **dict.fromkeys((KeysUnavailableError, *DAMAGE), keys_problem),
}
"""The problem of each class of exceptions and those derived from it."""
