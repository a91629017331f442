"""The composition root: puts log, rules, read models and tokens together, and hangs the doors on them."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from api.administration import administration_routes
from api.composition.decryption import OpeningForAnswers, answer_trouble_with_keys
from api.composition.limits import graph_policy, lookup_limits, request_limits
from api.dashboard import dashboard_router
from api.graph.protocol.endpoint import graphql_routes
from api.rest import access, bus, consent, erasure, identity, invoicing, mailbox, operation, organisations
from api.rest.command_endpoints import command_router
from api.rest.command_reader import CommandReader, command_readers
from api.rest.command_route import CommandRoute, camel_path
from api.rest.health import operation_routes
from api.rest.lookups import lookup_routes
from api.rest.openapi import complete
from api.rest.projections import make_feed, projection_routes
from api.rest.token_endpoint import TokenIssuer, TokenNotGivenError, entrance
from api.rest.usage import usage_routes
from api.rights.doors import check_doors
from api.web.errors import Issue, Problem, answer_problem, took_too_long
from api.web.middleware import RequestMiddleware
from api.web.platform import InvalidProofError, InvalidTokenError, Platform
from api.web.rate_limits import Buckets
from api.web.read_barrier import waiting_for_own_write
from application.gathering import Rules
from application.ports import Caller, Credentials
from application.registry import BY_COMMAND, DECIDERS, READERS
from application.unit_of_work import StateCache
from domain.erasure import KeysDestroyed, KeysShredded
from domain.kernel import Claim, Recorded, Refusal
from infrastructure.codec import Codec
from infrastructure.database import Addresses
from infrastructure.event_log import LogBusyError, LogUnavailableError, MissingEventsError, PostgresLog
from infrastructure.keys import Keys
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.keyring import Keyring
from infrastructure.keys.providers import make_provider
from infrastructure.reactors import Duties, Eraser, Indexer, Keeper, Traces, erasing, indexing, joined, keeper_progress
from infrastructure.read_models import ReadModels
from infrastructure.settings import Settings, blind_index_key
from infrastructure.tokens import (
    ALGORITHMS,
    ClientCredentials,
    Clients,
    GrantRefusedError,
    IssuerUnavailableError,
    JwksKeys,
    LocalIssuer,
    Organisations,
    ProofRefusedError,
    TokenRefusedError,
    TokenRequest,
    Trust,
    Verifier,
)
from projections.registry import PROJECTIONS

LOG = structlog.get_logger()

COMMAND_ROUTES: tuple[CommandRoute, ...] = (
    *organisations.ROUTES,
    *identity.ROUTES,
    *consent.ROUTES,
    *mailbox.ROUTES,
    *bus.ROUTES,
    *invoicing.ROUTES,
    *operation.ROUTES,
    *erasure.ROUTES,
    *access.ROUTES,
)
RULES = Rules(deciders=BY_COMMAND, readers=READERS)
RETRY_AFTER_S = 1
PLATFORM = "platform"
"""The organisation for which the platform itself acts."""

ATTACH_S = 3_600
"""When to ask again for what an administrator has to bring back first."""


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def make_codec() -> Codec:
    return Codec(DECIDERS)


def make_keyring(settings: Settings, addresses: Addresses) -> Keyring:
    """Make what keeps the keys of data subjects; raise DatabaseUnusable where their database has no address."""
    return Keyring(addresses.keys, make_provider(settings))


def make_log(settings: Settings, addresses: Addresses, keys: Keys | None) -> PostgresLog:
    """Make what writes and reads events. Without keys, those with personal data are refused."""
    return PostgresLog(addresses.writer, make_codec(), blind_index_key(settings), keys=keys)


def make_command_readers(settings: Settings) -> Mapping[str, CommandReader]:
    """Make the readers of commands that come in another way than over HTTP; by intent."""
    return command_readers(COMMAND_ROUTES, _keyed_hash(blind_index_key(settings)))


def make_issuer(settings: Settings) -> LocalIssuer:
    return LocalIssuer(settings.data_dir, settings.token_issuer, settings.token_audience, settings.token_role_claim)


def make_trust(settings: Settings) -> Trust:
    algorithms = settings.token_algorithms.split(",")
    return Trust(settings.token_issuer, settings.token_audience, algorithms, settings.token_role_claim)


def create_app(
    settings: Settings, addresses: Addresses, *, now: Clock = utc_now, sample: bool = False, keeper: bool = True
) -> FastAPI:
    """Make the application on a migrated database. With `sample`, the dashboard says that its history is made up.

    With `keeper`, it carries out erasures and the like while it runs, unless another process does so already.
    """
    keys = make_keyring(settings, addresses)
    log = make_log(settings, addresses, keys)
    people = BlindIndex(addresses.keys, keys.named)
    reads = ReadModels(addresses.reader, PROJECTIONS, settings.query_timeout_s)
    issuer = None if settings.jwks_url else make_issuer(settings)
    public_url = settings.public_url or ""
    organisations_named = Organisations(_organisation_by_number(log))
    verifier = Verifier(issuer or JwksKeys(str(settings.jwks_url)), make_trust(settings), now, organisations_named)
    platform = Platform(
        log=log,
        rules=RULES,
        state_cache=StateCache(),
        reads=reads.engine,
        authenticate=_authenticator(verifier),
        requests=Buckets("requests", settings.requests_per_minute),
        keyed_hash=_keyed_hash(blind_index_key(settings)),
        opener=OpeningForAnswers(keys),
        places=reads.places,
        now=now,
        public_url=public_url,
        proof_algorithms=ALGORITHMS,
    )

    feed = make_feed(reads)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        working = make_keeper(addresses, keys, people, platform) if keeper else None
        async with keys, log, people, _at_work(working):
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
    app.add_middleware(RequestMiddleware, limits=request_limits(settings))
    _answer_errors(app)
    commands = command_router(COMMAND_ROUTES, platform)
    app.router.routes.append(commands)
    app.include_router(lookup_routes(platform, people, lookup_limits(settings)))
    app.include_router(usage_routes(platform))
    app.include_router(operation_routes(reads.progress, partial(keeper_progress, reads.engine), lambda: keys.reachable))
    own_write = Depends(waiting_for_own_write(platform, reads.figure_tables))
    app.include_router(dashboard_router(reads, now, sample=sample), dependencies=[own_write])
    app.include_router(projection_routes(platform, reads, feed))
    app.include_router(entrance(None if issuer is None else _token_issuer(issuer, settings, now), public_url))
    app.router.routes.extend(graphql_routes(platform, reads, graph_policy(settings)))
    app.router.routes.extend(administration_routes())
    # Who stops the server says so here, so that streams end before it waits for open requests.
    app.state.end_streams = feed.end
    _describe(app, commands.paths)
    check_doors(app.router.routes, {camel_path(route.path) for route in COMMAND_ROUTES})
    return app


def make_keeper(addresses: Addresses, keys: Keys, people: BlindIndex, platform: Platform) -> Keeper:
    """Make what carries out erasures and policies: its duties are those of the leader, and to forget what is known."""
    codec = make_codec()
    eraser = Eraser(
        store=platform.log,
        rules=platform.rules,
        keys=keys,
        remove=Traces(addresses.writer, codec).remove,
        now=platform.now,
        by=PLATFORM,
    )

    async def forget_states(_recorded: Recorded[Any]) -> None:
        # Commands leave what they said in clear in the states that they were decided on.
        platform.state_cache.states.clear()

    everywhere: Duties = dict.fromkeys((KeysDestroyed, KeysShredded), (forget_states,))
    # The index comes first: nothing is left of its rows when it is recorded that the keys are shredded.
    duties = joined(indexing(Indexer(index=people, keys=keys, codec=codec)), erasing(eraser))
    return Keeper(addresses.writer, codec, duties, everywhere=everywhere)


@asynccontextmanager
async def _at_work(keeper: Keeper | None) -> AsyncIterator[None]:
    if keeper is None:
        yield
        return
    work = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        keeper.stop()
        await work


def _authenticator(verifier: Verifier) -> Callable[[Credentials], Awaitable[Caller]]:
    async def authenticate(shown: Credentials) -> Caller:
        try:
            return await verifier(shown)
        except TokenRefusedError as error:
            raise InvalidTokenError(str(error)) from error
        except ProofRefusedError as error:
            raise InvalidProofError(str(error)) from error
        except IssuerUnavailableError as error:
            LOG.warning("issuer_unavailable")
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            detail = "The token cannot be verified just now. Send the same request again."
            raise Problem(503, "issuer-unavailable", detail, headers=headers) from error

    return authenticate


def _organisation_by_number(log: PostgresLog) -> Callable[[str], Awaitable[str | None]]:
    async def look_up(number: str) -> str | None:
        stream = await log.holder(Claim("enterprise-number", number))
        return None if stream is None else stream.partition("-")[2]

    return look_up


def _keyed_hash(key: bytes) -> Callable[[bytes], bytes]:
    # The log hashes claims with the same key, each under its kind; "request" is no kind of claim.
    return lambda content: hmac.digest(key, b"request\0" + content, "sha256")


def _token_issuer(issuer: LocalIssuer, settings: Settings, now: Clock) -> TokenIssuer:
    grant = ClientCredentials(issuer, Clients(settings.data_dir), now)

    def give(fields: Mapping[str, str], proofs: Sequence[str], address: str) -> Mapping[str, Any]:
        try:
            answer = grant(TokenRequest(fields=fields, proofs=proofs, address=address))
        except GrantRefusedError as error:
            LOG.info("token_not_given", why=error.code)
            raise TokenNotGivenError(error.code, error.description) from error
        LOG.info("token_given", kind=answer["token_type"])
        return answer

    return TokenIssuer(name=issuer.issuer, jwks=issuer.jwks, grant=give, algorithms=ALGORITHMS)


# --- Errors ---------------------------------------------------------------------------------------------------------


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(Refusal, answer_problem)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    for unavailable in (LogUnavailableError, OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(unavailable, _answer_unavailable)
    app.add_exception_handler(LogBusyError, _answer_busy)
    answer_trouble_with_keys(app)
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
    if (too_slow := took_too_long(error)) is not None:
        return await answer_problem(request, too_slow)
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
            made.update(complete(FastAPI.openapi(app), commands))
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
