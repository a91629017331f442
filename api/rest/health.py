"""Health and metrics, for operators. Anyone may ask, so neither holds a text that a person wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.health_checks.check import HealthStatus
from api.health_checks.running import MAX_MEASURE_S, CheckResult, HealthChecks, worst
from api.rest.openapi import answer_of
from api.rest.pressure import Pressure, measure_pressure
from application.clock_status import DeadlineStatus
from application.reactor_status import ReactorProgress
from projections.progress import Progress, ProjectionState

_LABELS = ["projection"]
HEAD = Gauge("kroniek_log_position", "The last position of the log.")
PROGRESS: Mapping[str, Gauge] = {
    "position": Gauge("kroniek_projection_position", "The last position whose event is in the rows.", _LABELS),
    "lag_events": Gauge("kroniek_projection_lag_events", "Events of the log that are not in the rows.", _LABELS),
    "lag_s": Gauge("kroniek_projection_lag_seconds", "Age of the oldest event that is not in the rows.", _LABELS),
    "events_per_s": Gauge("kroniek_projection_events_per_second", "Its rate; 0 while nothing is applied.", _LABELS),
    "parked_events": Gauge("kroniek_projection_parked_events", "Events whose effects are not in the rows.", _LABELS),
}
"""The gauges of a read model, by the field of its progress that each shows."""

STATE = Gauge("kroniek_projection_state", "1 for the state that it is in.", [*_LABELS, "state"])
BUILD = Gauge("kroniek_projection_build_percent", "How much of a build is done.", _LABELS)
OF_REACTOR: Mapping[str, Gauge] = {
    "position": Gauge("kroniek_reactor_position", "The last position that it is done with.", ["reactor"]),
    "lag_events": Gauge("kroniek_reactor_lag_events", "Events of the log behind its position.", ["reactor"]),
    "lag_s": Gauge("kroniek_reactor_lag_seconds", "Age of the first event behind its position.", ["reactor"]),
    "events_per_s": Gauge("kroniek_reactor_events_per_second", "Its rate; 0 while nothing happens.", ["reactor"]),
    "waiting_events": Gauge("kroniek_reactor_waiting_events", "Events that failed, or follow one.", ["reactor"]),
    "waiting_keys": Gauge("kroniek_reactor_waiting_keys", "Keys of which events wait.", ["reactor"]),
    "parked_keys": Gauge("kroniek_reactor_parked_keys", "Keys that are not tried again by themselves.", ["reactor"]),
    "oldest_s": Gauge("kroniek_reactor_oldest_waiting_seconds", "How long the first of them has waited.", ["reactor"]),
}
"""The gauges of a reactor, by the field of its progress that each shows."""
REACTOR_LED = Gauge("kroniek_reactor_led", "1 while a process leads it.", ["reactor"])
REACTOR_PAUSED = Gauge("kroniek_reactor_paused", "1 while it is paused.", ["reactor"])

LATE = Gauge("kroniek_deadlines_late", "Deadlines that are pending for long after they fell due.")
OLDEST_LATE = Gauge("kroniek_deadlines_oldest_late_seconds", "For how long the first of them is due.")

Observe = Callable[[], Awaitable[Progress]]
"""Reads how far the platform is; raises SQLAlchemyError when the database does not answer."""

ObserveReactors = Callable[[], Awaitable[Sequence[ReactorProgress]]]
"""Reads how far each reactor is; raises SQLAlchemyError when the database does not answer."""

ObserveDeadlines = Callable[[], Awaitable[DeadlineStatus]]
"""Reads which deadlines are late, and the clock; raises SQLAlchemyError when the database does not answer."""

HEALTH = "application/health+json"
_HEALTH_TEXT = {"type": "object"}

HEALTH_STATUS = Gauge("kroniek_health_status", "The result of a health check: 0 pass, 1 warn, 2 fail.", ["check"])


def operation_routes(
    checks: HealthChecks,
    observe: Observe,
    observe_reactors: ObserveReactors,
    pressure: Callable[[], Pressure],
    observe_deadlines: ObserveDeadlines,
) -> APIRouter:
    """Make the routes: whether the process lives, whether it can serve, all that an operator has to know, metrics."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/livez",
        summary="Say that the process answers.",
        response_class=Response,
        responses={200: answer_of("It answers.", HEALTH, _HEALTH_TEXT)},
    )
    async def live() -> Response:
        return _answer({"status": HealthStatus.WELL})

    @router.get(
        "/readyz",
        summary="Say whether the process can serve requests.",
        response_class=Response,
        responses={
            200: answer_of("It can.", HEALTH, _HEALTH_TEXT),
            503: answer_of("It cannot.", HEALTH, _HEALTH_TEXT),
        },
    )
    async def ready() -> Response:
        return _answer(_said(await checks.run(ready=True)))

    @router.get(
        "/health",
        summary="Say everything that an operator has to know.",
        response_class=Response,
        responses={
            200: answer_of("It keeps its promises.", HEALTH, _HEALTH_TEXT),
            503: answer_of("It does not keep one of them now.", HEALTH, _HEALTH_TEXT),
        },
    )
    async def health() -> Response:
        return _answer(_said(await checks.run()))

    @router.get(
        "/metrics",
        summary="Measurements for Prometheus.",
        response_class=Response,
        responses={200: answer_of("Measurements.", "text/plain", {"type": "string"})},
    )
    async def metrics() -> Response:
        results, observed = await asyncio.gather(checks.run(), _observed(observe, observe_reactors, observe_deadlines))
        for result in results:
            HEALTH_STATUS.labels(result.check.name).set(result.status.rank)
        measure_pressure(pressure())
        if observed is not None:
            _measure(*observed)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _observed(
    observe: Observe, observe_reactors: ObserveReactors, observe_deadlines: ObserveDeadlines
) -> tuple[Progress, Sequence[ReactorProgress], DeadlineStatus] | None:
    try:
        async with asyncio.timeout(MAX_MEASURE_S):
            return await observe(), await observe_reactors(), await observe_deadlines()
    except (SQLAlchemyError, TimeoutError):
        return None


# --- Health ---------------------------------------------------------------------------------------------------------


def _said(results: Sequence[CheckResult]) -> Mapping[str, object]:
    """Return the answer of `/health`: the worst status, all sentences, and the result of each check."""
    # Where the database does not answer, several checks say the same.
    sentences = dict.fromkeys(finding.output for result in results for finding in result.findings)
    return {
        "status": worst(result.status for result in results),
        **({"output": "; ".join(sentences)} if sentences else {}),
        **{name: value for result in results for name, value in result.shown.items()},
        "checks": {result.check.name: [_said_of(result)] for result in results},
    }


def _said_of(result: CheckResult) -> Mapping[str, object]:
    said: Mapping[str, object] = {"status": result.status, "time": result.at}
    if not result.findings:
        return said
    return {**said, "output": "; ".join(it.output for it in result.findings), "action": result.check.action}


def _answer(said: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(said), 503 if said["status"] is HealthStatus.FAIL else 200, media_type=HEALTH)


# --- Metrics --------------------------------------------------------------------------------------------------------


def _measure(progress: Progress, reactors: Sequence[ReactorProgress], deadlines: DeadlineStatus) -> None:
    LATE.set(deadlines.late)
    OLDEST_LATE.set(deadlines.oldest_s)
    HEAD.set(progress.head)
    for gauge in (*OF_REACTOR.values(), REACTOR_LED, REACTOR_PAUSED):
        gauge.clear()
    for reactor in reactors:
        for field, gauge in OF_REACTOR.items():
            gauge.labels(reactor.name).set(getattr(reactor, field))
        REACTOR_LED.labels(reactor.name).set(bool(reactor.leader))
        REACTOR_PAUSED.labels(reactor.name).set(reactor.pause is not None)
    # A build that has ended must not stay in the metrics.
    for gauge in (*PROGRESS.values(), STATE, BUILD):
        gauge.clear()
    for projection in progress.projections:
        name = projection.name
        for field, gauge in PROGRESS.items():
            gauge.labels(name).set(getattr(projection, field))
        for state in ProjectionState:
            STATE.labels(name, state.value).set(int(state is projection.state))
        if projection.build is not None and not projection.build.state.ended:
            BUILD.labels(name).set(projection.build.percent)
