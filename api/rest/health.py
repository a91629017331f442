"""Health and metrics, for operators. Anyone may ask, so neither holds a text that a person wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.rest.openapi import answer_of
from application.reactor_status import ReactorProgress
from projections.progress import Build, Progress, ProjectionProgress, ProjectionState

BY_PROJECTION = ["projection"]
HEAD = Gauge("kroniek_log_position", "The last position of the log.")
POSITION = Gauge("kroniek_projection_position", "The last position whose event is in the rows.", BY_PROJECTION)
LAG_EVENTS = Gauge("kroniek_projection_lag_events", "Events of the log that are not in the rows yet.", BY_PROJECTION)
LAG_SECONDS = Gauge("kroniek_projection_lag_seconds", "Age of the oldest event not in the rows yet.", BY_PROJECTION)
RATE = Gauge("kroniek_projection_events_per_second", "How fast it goes on; 0 while it does not.", BY_PROJECTION)
PARKED = Gauge("kroniek_projection_parked_events", "Events whose effects are not in the rows.", BY_PROJECTION)
STATE = Gauge("kroniek_projection_state", "1 for the state that it is in.", [*BY_PROJECTION, "state"])
BUILD = Gauge("kroniek_projection_build_percent", "How far rows are that are being made anew.", BY_PROJECTION)
WAITING_DUTIES = Gauge("kroniek_keeper_waiting_duties", "Duties that failed, or follow one that did.")
OLDEST_DUTY = Gauge("kroniek_keeper_oldest_waiting_seconds", "How long the first of them has waited.")
OF_PROJECTIONS = (POSITION, LAG_EVENTS, LAG_SECONDS, RATE, PARKED, STATE, BUILD)

Observe = Callable[[], Awaitable[Progress]]
"""Reads how far the platform is; raises SQLAlchemyError when the database does not answer."""

ObserveKeeper = Callable[[], Awaitable[ReactorProgress]]
"""The same of the keeper."""

HEALTH = "application/health+json"
MAX_HEALTHY_LAG_S = 30.0
T = TypeVar("T")


def operation_routes(observe: Observe, observe_keeper: ObserveKeeper, keys_answer: Callable[[], bool]) -> APIRouter:
    """Make the routes. `keys_answer` says whether the keys of personal data can be reached."""
    router = APIRouter(tags=["operation"])

    @router.get(
        "/health",
        summary="Say whether the log answers and how far the read models are.",
        response_class=Response,
        responses={
            200: answer_of("It answers.", HEALTH, {"type": "object"}),
            503: answer_of("It does not.", HEALTH, {"type": "object"}),
        },
    )
    async def health() -> Response:
        progress, keeper = await _observed(observe), await _observed(observe_keeper)
        status = 503 if progress is None else 200
        return Response(
            orjson.dumps(_health(progress, keeper, keys_answer=keys_answer())),
            status_code=status,
            media_type=HEALTH,
        )

    @router.get(
        "/metrics",
        summary="Measurements for Prometheus.",
        response_class=Response,
        responses={200: answer_of("Measurements.", "text/plain", {"type": "string"})},
    )
    async def metrics() -> Response:
        if (progress := await _observed(observe)) is not None:
            _measure(progress)
        if (keeper := await _observed(observe_keeper)) is not None:
            _measure_keeper(keeper)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _observed(observe: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await observe()
    except SQLAlchemyError:
        return None


# --- Health ---------------------------------------------------------------------------------------------------------


def _health(progress: Progress | None, keeper: ReactorProgress | None, *, keys_answer: bool) -> dict[str, Any]:
    """Return the answer of `/health`: fail without the log, warn while a read model needs somebody, else pass."""
    if progress is None or keeper is None:
        return {"status": "fail", "output": "the database does not answer"}
    complaints = [*_complaints(progress), *_complaints_about_keeper(keeper)]
    if not keys_answer:
        complaints.append("the keys of personal data cannot be reached")
    return {
        "status": "warn" if complaints else "pass",
        **({"output": "; ".join(complaints)} if complaints else {}),
        "position": progress.head,
        "projections": [_shown(projection) for projection in progress.projections],
        "keeper": asdict(keeper),
        "keys": {"reachable": keys_answer},
    }


def _complaints(progress: Progress) -> Sequence[str]:
    if all(one.state is ProjectionState.BUILDING and one.build is None for one in progress.projections):
        return ["no worker has made the read models yet"]
    return [sentence for projection in progress.projections for sentence in _complaints_about(projection)]


def _complaints_about(projection: ProjectionProgress) -> Sequence[str]:
    name = projection.name
    sentences = {
        ProjectionState.STOPPED: f"{name} has stopped: {projection.error}",
        ProjectionState.PAUSED: f"{name} is paused",
        ProjectionState.BUILDING: f"{name} is being made for the first time",
        ProjectionState.UNLED: f"no worker looks after {name}",
    }
    said = [sentences[projection.state]] if projection.state in sentences else []
    if projection.lag_s > MAX_HEALTHY_LAG_S:
        said.append(f"{name} is behind by more than {MAX_HEALTHY_LAG_S:.0f} s")
    if projection.parked_events:
        events, streams = projection.parked_events, projection.parked_streams
        said.append(f"{name} has {_counted(events, 'parked event')} of {_counted(streams, 'stream')}")
    return said


def _complaints_about_keeper(keeper: ReactorProgress) -> Sequence[str]:
    said = [] if keeper.led else ["no process keeps: erasures are not carried out"]
    if keeper.error:
        said.append(f"the keeper stands still: {keeper.error}")
    if keeper.duties:
        said.append(f"the keeper has {_counted(keeper.duties, 'waiting duty', 'waiting duties')}")
    return said


def _counted(number: int, what: str, several: str = "") -> str:
    return f"{number} {what if number == 1 else several or f'{what}s'}"


def _shown(projection: ProjectionProgress) -> dict[str, Any]:
    """Show a read model without texts and names of administrators."""
    return {
        "name": projection.name,
        "version": projection.version,
        "state": projection.state,
        "position": projection.position,
        "percent": projection.percent,
        "lag_events": projection.lag_events,
        "lag_s": projection.lag_s,
        "events_per_s": projection.events_per_s,
        "left_s": projection.left_s,
        "applied_at": projection.applied_at,
        "parked_events": projection.parked_events,
        "parked_streams": projection.parked_streams,
        "error": projection.error,
        "failed_at": projection.failed_at,
        "paused_at": projection.pause and projection.pause.at,
        "build": projection.build and _build_shown(projection.build),
        "other_versions": [
            {"version": other.version, "position": other.position, "applied_at": other.applied_at}
            for other in projection.other_versions
        ],
        "previous_position": projection.previous_position,
    }


def _build_shown(build: Build) -> dict[str, Any]:
    return {
        "build_id": build.build_id,
        "purpose": build.purpose,
        "state": build.state,
        "running": build.running,
        "percent": build.percent,
        "position": build.position,
        "started_at": build.started_at,
        "ended_at": build.ended_at,
        "equal": build.equal,
    }


# --- Metrics --------------------------------------------------------------------------------------------------------


def _measure(progress: Progress) -> None:
    HEAD.set(progress.head)
    # A build that has ended must not stay in the metrics.
    for gauge in OF_PROJECTIONS:
        gauge.clear()
    for projection in progress.projections:
        name = projection.name
        POSITION.labels(name).set(projection.position)
        LAG_EVENTS.labels(name).set(projection.lag_events)
        LAG_SECONDS.labels(name).set(projection.lag_s)
        RATE.labels(name).set(projection.events_per_s)
        PARKED.labels(name).set(projection.parked_events)
        for state in ProjectionState:
            STATE.labels(name, state.value).set(int(state is projection.state))
        if projection.build is not None and not projection.build.state.ended:
            BUILD.labels(name).set(projection.build.percent)


def _measure_keeper(keeper: ReactorProgress) -> None:
    WAITING_DUTIES.set(keeper.duties)
    OLDEST_DUTY.set(keeper.oldest_s)
