"""The composition root: makes log, read models and tokens from the settings, and the application with its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import cache, partial
from importlib.metadata import version

import structlog
from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from api.administration import administration_routes
from api.composition.checking import PlatformChecks
from api.composition.command_reading import keyed_hash
from api.composition.decryption import opener_for_answers
from api.composition.error_answers import answer_errors, problem_of_error
from api.composition.falling_due import PlatformDeadlines
from api.composition.guards import (
    MakeLimit,
    graph_policy,
    limits_of_all_processes,
    lookup_limits,
    request_limits,
    turn_limits,
)
from api.composition.log_and_rules import make_codec, make_keyring, make_log, make_rules, utc_now
from api.composition.public_pages import PublicPages
from api.composition.reacting import at_work, make_engine
from api.composition.tokens import Clock, make_authenticator, make_issuer, make_token_endpoint
from api.dashboard.file_operations import file_operations
from api.graph.protocol.endpoint import graphql_routes
from api.rest.command_endpoints import command_router
from api.rest.command_route import camel_path
from api.rest.command_routes import COMMAND_ROUTES
from api.rest.health import operation_routes
from api.rest.openapi import complete
from api.rest.person_lookups import lookup_routes
from api.rest.pressure import TURN_WAIT, Pressure
from api.rest.projections import make_feed, projection_routes
from api.rest.reactor_doors import reactor_routes
from api.rest.usage import usage_routes
from api.rights.doors import check_doors
from api.web.ahead import COMPRESSION_LEVEL, MIN_COMPRESSED_BYTES, DoorsAhead
from api.web.cached_reading import CachedReading
from api.web.door_bounds import BOUNDS, Bounds
from api.web.head_as_get import HeadAsGet
from api.web.known_places import known_places
from api.web.middleware import RequestMiddleware
from api.web.platform import Platform
from application.reactor_status import WaitingEvent
from application.unit_of_work import StateCache
from infrastructure.database.addresses import Addresses
from infrastructure.event_log.log_statements import APPEND_PROTOCOL
from infrastructure.event_log.postgres_log import PostgresLog
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.data_keys import Keys
from infrastructure.postgres.shared_limits import SharedLimits
from infrastructure.reactors.status import waiting_events
from infrastructure.read_models.reading import ReadModels, again_if_lost
from infrastructure.settings import Settings, blind_index_key
from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.verifier import Verifier
from projections.registry import PROJECTIONS

LOG = structlog.get_logger()


def create_app(
    settings: Settings,
    addresses: Addresses,
    *,
    now: Clock = utc_now,
    machine_clock: Clock = utc_now,
    reacting: bool = True,
    bounds: Bounds = BOUNDS,
) -> FastAPI:
    """Make the application on a migrated database. The clock of the machine is compared with that of the database.

    With `reacting`, it runs the reactors, and carries out the deadlines, that no other process leads.
    """
    keys = make_keyring(settings, addresses)
    log = make_log(settings, addresses, keys)
    people = BlindIndex(addresses.keys, keys.named)
    limits = turn_limits(settings)
    reads = ReadModels(addresses.reader, PROJECTIONS, settings.query_timeout_s, limits, waited=TURN_WAIT.observe)
    issuer = None if settings.jwks_url else make_issuer(settings)
    shared = SharedLimits(addresses.writer, keyed_hash(blind_index_key(settings)))
    limit, authenticate = limits_of_all_processes(shared), make_authenticator(settings, issuer, log, now, shared)
    platform = _platform(settings, log, reads, keys, authenticate=authenticate, now=now, bounds=bounds, limit=limit)
    pages = PublicPages(settings, addresses, reads, platform, now, limit=limit)
    deadlines = PlatformDeadlines(addresses, reads, platform, machine_clock)
    checks = PlatformChecks(settings, addresses, log=log, reads=reads, keys=keys, deadlines=deadlines)
    feed = make_feed(reads, checks.of_reactors, bounds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        engine = make_engine(addresses, make_codec(), keys, people, platform)
        async with keys, log, people, shared, at_work(engine, deadlines.leader) if reacting else nullcontext():
            LOG.info("api_started")
            yield
        await checks.aclose()
        await pages.aclose()
        await reads.aclose()
        LOG.info("api_stopped")

    app = _empty_app(lifespan)
    graphql = graphql_routes(platform, reads, graph_policy(settings, limit))
    app.add_middleware(GZipMiddleware, minimum_size=MIN_COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL)
    answer_errors(app)
    framework = HeadAsGet(_layers_of_framework(app))
    ahead = DoorsAhead(framework, routes=[*graphql, *pages.ahead], problem_of=problem_of_error)
    app.middleware_stack = RequestMiddleware(ahead, limits=request_limits(settings))
    commands = command_router(COMMAND_ROUTES, platform)
    app.router.routes.append(commands)
    app.include_router(lookup_routes(platform, people, lookup_limits(settings, limit)))
    app.include_router(usage_routes(platform))
    app.include_router(_operation(checks, log, reads, deadlines))
    app.include_router(pages.router)
    app.include_router(projection_routes(platform, reads, feed))
    app.include_router(reactor_routes(platform, checks.of_reactors, partial(_waiting, reads)))
    app.include_router(make_token_endpoint(issuer, settings, now, shared))
    app.router.routes.extend([*graphql, *administration_routes()])
    # The server calls this when it stops, so that streams end before it waits for open requests.
    app.state.end_streams = feed.end
    app.openapi = cache(lambda: complete(FastAPI.openapi(app), {**commands.paths, **file_operations()}))  # type: ignore[method-assign]  # FastAPI's own way
    check_doors(app.router.routes, {camel_path(route.path) for route in COMMAND_ROUTES})
    return app


def _layers_of_framework(app: FastAPI) -> ASGIApp:
    """Return the framework's layers without their outermost one, which would answer errors that we mask ourselves."""
    layers = app.build_middleware_stack()
    assert isinstance(layers, ServerErrorMiddleware)
    return layers.app


def _pressure(log: PostgresLog, reads: ReadModels) -> Pressure:
    return Pressure(
        waiting_appends=log.pending_appends(),
        oldest_append_s=log.append_waits_s(),
        held_turns=reads.held_turns,
        waiting_turns=reads.waiting_turns,
        append_protocol=APPEND_PROTOCOL,
    )


def _operation(checks: PlatformChecks, log: PostgresLog, reads: ReadModels, deadlines: PlatformDeadlines) -> APIRouter:
    pressure = partial(_pressure, log, reads)
    return operation_routes(checks.all, reads.progress, checks.of_reactors, pressure, deadlines.status)


def _empty_app(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    return FastAPIOffline(
        title="Kroniek",
        version=version("kroniek"),
        summary="Event-sourced backend for digital government.",
        lifespan=lifespan,
        openapi_url="/openapi.json",
        # The framework does not know the public address, and a Host header cannot be trusted: no redirects.
        redirect_slashes=False,
        # The log and the metrics of the platform say it all, and each request would ask whether somebody listens.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )


async def _waiting(reads: ReadModels, reactor: str, after: int, limit: int) -> Sequence[WaitingEvent]:
    return await again_if_lost(partial(waiting_events, reads.engine, reactor, after, limit))


def _platform(
    settings: Settings,
    log: PostgresLog,
    reads: ReadModels,
    keys: Keys,
    *,
    authenticate: Verifier,
    now: Clock,
    bounds: Bounds,
    limit: MakeLimit,
) -> Platform:
    return Platform(
        log=log,
        rules=make_rules(reads, settings.erasure_cooling_off_days),
        state_cache=StateCache(),
        open_state=reads.state,
        read_statements=reads.read_statements,
        seen_rows=reads.seen_rows,
        authenticate=authenticate,
        requests=limit("requests", settings.requests_per_minute),
        keyed_hash=keyed_hash(blind_index_key(settings)),
        opener=opener_for_answers(keys),
        places=CachedReading(known_places(reads.places), bounds.places_age_s),
        now=now,
        public_url=settings.public_url or "",
        proof_algorithms=ALGORITHMS,
        bounds=bounds,
    )
