"""What those who run the platform look at: health and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from projections.progress import Progress

HEAD = Gauge("kroniek_log_position", "The last position of the log.")
POSITION = Gauge("kroniek_projection_position", "The last position whose event is in the rows.", ["projection"])
LAG_EVENTS = Gauge("kroniek_projection_lag_events", "Events of the log that are not in the rows yet.", ["projection"])
LAG_SECONDS = Gauge("kroniek_projection_lag_seconds", "Age of the oldest event not in the rows yet.", ["projection"])


Observe = Callable[[], Awaitable[Progress]]
"""Reads how far the platform is; raises SQLAlchemyError when the database does not answer."""

MAX_HEALTHY_LAG_S = 30.0


def operation_routes(observe: Observe) -> APIRouter:
    router = APIRouter(tags=["operation"])

    @router.get("/health", summary="Say whether the log answers and how far the read models are.")
    async def health() -> Response:
        progress = await _observed(observe)
        status = 503 if progress is None else 200
        return Response(orjson.dumps(_health(progress)), status_code=status, media_type="application/health+json")

    @router.get("/metrics", summary="Measurements for Prometheus.")
    async def metrics() -> Response:
        if (progress := await _observed(observe)) is not None:
            _measure(progress)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _observed(observe: Observe) -> Progress | None:
    try:
        return await observe()
    except SQLAlchemyError:
        return None


def _health(progress: Progress | None) -> dict[str, Any]:
    """Return the answer of `/health`: fail without the log, warn while a read model lags too far behind, else pass."""
    if progress is None:
        return {"status": "fail", "output": "the database does not answer"}
    complaints = [
        f"{projection.name} is behind by more than {MAX_HEALTHY_LAG_S:.0f} s"
        for projection in progress.projections
        if projection.lag_s > MAX_HEALTHY_LAG_S
    ] or ([] if progress.projections else ["no worker has made the read models yet"])
    return {
        "status": "warn" if complaints else "pass",
        **({"output": "; ".join(complaints)} if complaints else {}),
        "position": progress.head,
        "projections": [asdict(projection) for projection in progress.projections],
    }


def _measure(progress: Progress) -> None:
    HEAD.set(progress.head)
    for projection in progress.projections:
        POSITION.labels(projection.name).set(projection.position)
        LAG_EVENTS.labels(projection.name).set(projection.lag_events)
        LAG_SECONDS.labels(projection.name).set(projection.lag_s)
