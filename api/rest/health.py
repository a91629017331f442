"""Health and metrics, for operators. Anyone may ask, so neither holds a text that a person wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.rest.openapi import answer_of
from application.reactor_status import ReactorProgress
from projections.progress import Progress, ProjectionProgress, ProjectionState

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
WAITING_DUTIES = Gauge("kroniek_keeper_waiting_duties", "Duties that failed, or follow one that did.")
OLDEST_DUTY = Gauge("kroniek_keeper_oldest_waiting_seconds", "How long the first of them has waited.")

Observe = Callable[[], Awaitable[Progress]]
"""Reads how far the platform is; raises SQLAlchemyError when the database does not answer."""

ObserveReactor = Callable[[], Awaitable[ReactorProgress]]
"""Reads how far the reactor is; raises SQLAlchemyError when the database does not answer."""

HEALTH = "application/health+json"
_FAILURE: Mapping[str, object] = {"status": "fail", "output": "the database does not answer"}
_OF_BUILD = ("build_id", "purpose", "state", "running", "percent", "position", "started_at", "ended_at", "equal")
"""The fields of a build that are shown to everybody."""

MAX_HEALTHY_LAG_S = 30.0
MAX_HEALTHY_APPEND_S = 3.0


def operation_routes(
    observe: Observe,
    observe_reactor: ObserveReactor,
    keys_answer: Callable[[], bool],
    append_waits_s: Callable[[], float],
) -> APIRouter:
    """Make the routes. `keys_answer` says whether the keys of personal data can be reached.

    `append_waits_s` says for how many seconds the appends under way have waited.
    """
    router = APIRouter(tags=["operation"])

    async def observed() -> tuple[Progress, ReactorProgress] | None:
        try:
            return await observe(), await observe_reactor()
        except SQLAlchemyError:
            return None

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
        progress, waited_s = await observed(), append_waits_s()
        if progress is None:
            shown = _FAILURE
        elif waited_s > MAX_HEALTHY_APPEND_S:
            shown = {
                "status": "fail",
                "output": f"an append has waited for {waited_s:.0f} s",
                "position": progress[0].head,
            }
        else:
            shown = _health(*progress, keys_answer=keys_answer())
        return Response(orjson.dumps(shown), 503 if shown["status"] == "fail" else 200, media_type=HEALTH)

    @router.get(
        "/metrics",
        summary="Measurements for Prometheus.",
        response_class=Response,
        responses={200: answer_of("Measurements.", "text/plain", {"type": "string"})},
    )
    async def metrics() -> Response:
        if (progress := await observed()) is not None:
            _measure(*progress)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


# --- Health ---------------------------------------------------------------------------------------------------------


def _health(progress: Progress, reactor: ReactorProgress, *, keys_answer: bool) -> Mapping[str, object]:
    """Return the answer of `/health`: warn while an operator has to act, else pass."""
    complaints = [*_complaints(progress), *_complaints_about_reactor(reactor)]
    if not keys_answer:
        complaints.append("the keys of personal data cannot be reached")
    return {
        "status": "warn" if complaints else "pass",
        **({"output": "; ".join(complaints)} if complaints else {}),
        "position": progress.head,
        "projections": [_shown(projection) for projection in progress.projections],
        "keeper": asdict(reactor),
        "keys": {"reachable": keys_answer},
    }


def _complaints(progress: Progress) -> Iterator[str]:
    if all(one.state is ProjectionState.BUILDING and one.build is None for one in progress.projections):
        yield "no worker has made the read models yet"
        return
    for projection in progress.projections:
        yield from _complaints_about(projection)


def _complaints_about(projection: ProjectionProgress) -> Iterator[str]:
    name = projection.name
    sentences = {
        ProjectionState.STOPPED: f"{name} has stopped: {projection.error}",
        ProjectionState.PAUSED: f"{name} is paused",
        ProjectionState.BUILDING: f"{name} is being made for the first time",
        ProjectionState.UNLED: f"no worker looks after {name}",
    }
    if projection.state in sentences:
        yield sentences[projection.state]
    if projection.lag_s > MAX_HEALTHY_LAG_S:
        yield f"{name} is behind by more than {MAX_HEALTHY_LAG_S:.0f} s"
    if projection.parked_events:
        events, streams = projection.parked_events, projection.parked_streams
        yield f"{name} has {_counted(events, 'parked event')} of {_counted(streams, 'stream')}"


def _complaints_about_reactor(reactor: ReactorProgress) -> Iterator[str]:
    if not reactor.led:
        yield "no process keeps: erasures are not carried out"
    if reactor.error:
        yield f"the keeper stands still: {reactor.error}"
    if reactor.duties:
        yield f"the keeper has {_counted(reactor.duties, 'waiting duty', 'waiting duties')}"


def _counted(number: int, what: str, several: str = "") -> str:
    return f"{number} {what if number == 1 else several or f'{what}s'}"


def _shown(projection: ProjectionProgress) -> Mapping[str, object]:
    """Show a read model without texts and names of administrators."""
    shown = asdict(projection)
    del shown["pause"]  # it names who paused it, and why
    build = projection.build
    return shown | {
        "percent": projection.percent,
        "left_s": projection.left_s,
        "paused_at": projection.pause and projection.pause.at,
        "build": build and {name: getattr(build, name) for name in _OF_BUILD},
    }


# --- Metrics --------------------------------------------------------------------------------------------------------


def _measure(progress: Progress, reactor: ReactorProgress) -> None:
    HEAD.set(progress.head)
    WAITING_DUTIES.set(reactor.duties)
    OLDEST_DUTY.set(reactor.oldest_s)
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
