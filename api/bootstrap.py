"""The composition root: puts log, rules, read models and tokens together, and hangs the doors on them."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse

from api.administration import administration_routes
from api.dashboard import dashboard_router
from api.dependencies import InvalidTokenError, Platform
from api.errors import Issue, Problem, answer_problem
from api.footing import waiting_for_own_write
from api.graph.endpoint import graphql_routes
from api.middleware import RequestMiddleware
from api.operation import operation_routes
from api.rest import bus, consent, identity, invoicing, mailbox, operation, organisations
from api.rest.doors import Door
from api.rest.lookups import lookup_routes
from api.rest.projections import make_feed, projection_routes
from api.rest.requests import Intake
from api.rest.routes import command_routes
from application.handler import Rules
from application.memory import Recent
from application.ports import Caller
from application.registry import BY_COMMAND, DECIDERS, READERS
from domain.kernel import Refusal
from infrastructure.codec import Codec
from infrastructure.database import Addresses
from infrastructure.event_log import LogBusyError, LogUnavailableError, MissingEventsError, PostgresLog
from infrastructure.read_models import ReadModels
from infrastructure.settings import Settings, blind_index_key
from infrastructure.tokens import IssuerUnavailableError, JwksKeys, LocalIssuer, TokenRefusedError, Verifier
from projections.registry import PROJECTIONS

LOG = structlog.get_logger()

DOORS: tuple[Door, ...] = (
    *organisations.DOORS,
    *identity.DOORS,
    *consent.DOORS,
    *mailbox.DOORS,
    *bus.DOORS,
    *invoicing.DOORS,
    *operation.DOORS,
)
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
RETRY_AFTER_S = 1
ATTACH_S = 3_600
"""When to ask again for what an administrator has to bring back first."""


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def make_codec() -> Codec:
    return Codec(DECIDERS)


def make_log(settings: Settings, addresses: Addresses) -> PostgresLog:
    return PostgresLog(addresses.writer, make_codec(), blind_index_key(settings))


def make_intakes(settings: Settings) -> Mapping[str, Intake]:
    """Make what stands behind each door, for wishes that come in another way; by intent."""
    seal = _seal(blind_index_key(settings))
    return {door.intent: Intake(door, seal) for door in DOORS}


def make_issuer(settings: Settings) -> LocalIssuer:
    return LocalIssuer(settings.data_dir, settings.token_issuer, settings.token_audience)


def create_app(settings: Settings, addresses: Addresses, *, now: Clock = utc_now, sample: bool = False) -> FastAPI:
    """Make the application on a migrated database. With `sample`, the dashboard says that its history is made up."""
    log = make_log(settings, addresses)
    reads = ReadModels(addresses.reader, PROJECTIONS)
    issuer = None if settings.jwks_url else make_issuer(settings)
    verifier = Verifier(issuer or JwksKeys(str(settings.jwks_url)), settings.token_issuer, settings.token_audience, now)
    platform = Platform(
        log=log,
        rules=RULES,
        recent=Recent(),
        reads=reads.engine,
        authenticate=_authenticator(verifier),
        seal=_seal(blind_index_key(settings)),
        places=reads.places,
        now=now,
    )

    feed = make_feed(reads)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with log:
            LOG.info("api_started")
            yield
        await reads.close()
        LOG.info("api_stopped")

    app = FastAPIOffline(
        title="Kroniek",
        version=version("kroniek"),
        summary="Event-sourced backend for digital government.",
        lifespan=lifespan,
        openapi_url="/openapi.json",
    )
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(RequestMiddleware)
    _answer_errors(app)
    commands = command_routes(DOORS, platform)
    app.router.routes.append(commands)
    app.include_router(lookup_routes(platform))
    app.include_router(operation_routes(reads.progress))
    own_write = Depends(waiting_for_own_write(platform, reads.figure_tables))
    app.include_router(dashboard_router(reads, now, sample=sample), dependencies=[own_write])
    app.include_router(projection_routes(platform, reads, feed))
    app.include_router(_entrance(issuer))
    app.router.routes.extend(graphql_routes(platform, reads))
    app.router.routes.extend(administration_routes())
    # Who stops the server says so here, so that streams end before it waits for open requests.
    app.state.end_streams = feed.end
    _describe(app, commands.paths)
    return app


def _authenticator(verifier: Verifier) -> Callable[[str], Any]:
    async def authenticate(token: str) -> Caller:
        try:
            return await verifier(token)
        except TokenRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        except IssuerUnavailableError as error:
            LOG.warning("issuer_unavailable")
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            detail = "The token cannot be verified just now. Send the same request again."
            raise Problem(503, "issuer-unavailable", detail, headers=headers) from error

    return authenticate


def _seal(key: bytes) -> Callable[[bytes], bytes]:
    # The log hashes claims with the same key, each under its kind; "request" is no kind of claim.
    return lambda content: hmac.digest(key, b"request\0" + content, "sha256")


def _entrance(issuer: LocalIssuer | None) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def root() -> Response:
        return RedirectResponse("/dashboard")

    if issuer is not None:

        @router.get("/.well-known/jwks.json")
        async def jwks() -> Response:
            return Response(orjson.dumps(issuer.jwks()), media_type="application/jwk-set+json")

    return router


# --- Errors ---------------------------------------------------------------------------------------------------------


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(Refusal, answer_problem)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    for unavailable in (LogUnavailableError, OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(unavailable, _answer_unavailable)
    app.add_exception_handler(LogBusyError, _answer_busy)
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
    LOG.warning("unavailable", error=type(error).__name__)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    detail = "The log cannot be reached just now. Send the same request again."
    return await answer_problem(request, Problem(503, "log-unavailable", detail, headers=headers))


async def _answer_busy(request: Request, error: Exception) -> Response:
    assert isinstance(error, LogBusyError)
    LOG.warning("log_busy", retry_after_s=error.retry_after_s)
    headers = {"Retry-After": str(error.retry_after_s)}
    detail = "More is being written just now than can wait. Nothing was written; send the same request again."
    return await answer_problem(request, Problem(503, "log-busy", detail, headers=headers))


async def _answer_missing_events(request: Request, error: Exception) -> Response:
    LOG.error("events_put_away", error=str(error))
    headers = {"Retry-After": str(ATTACH_S)}
    detail = "This began so long ago that its events were put away. They have to be brought back before it can go on."
    return await answer_problem(request, Problem(503, "events-put-away", detail, headers=headers))


def _describe(app: FastAPI, commands: Mapping[str, Any]) -> None:
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(FastAPI.openapi(app))
            made["paths"] = {**commands, **made["paths"]}
            scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (RFC 9068)"}
            made.setdefault("components", {}).setdefault("securitySchemes", {})["bearer"] = scheme
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
