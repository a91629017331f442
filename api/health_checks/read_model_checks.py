"""The health check of read models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from api.health_checks.check import Finding, HealthCheck, failure, warning
from projections.progress import Progress, ProjectionProgress, ProjectionState

MAX_HEALTHY_LAG_S = 30.0
_OF_BUILD = ("build_id", "purpose", "state", "running", "percent", "position", "started_at", "ended_at", "equal")
"""The fields of a build that are shown to everybody."""


# --- Read models ----------------------------------------------------------------------------------------------------


def _of_read_models(progress: Progress) -> Iterator[Finding]:
    if all(one.state is ProjectionState.BUILDING and one.build is None for one in progress.projections):
        yield warning("no worker has made the read models yet")
        return
    for projection in progress.projections:
        found = failure if projection.ahead_of_log else warning
        yield from map(found, _complaints(projection))


def _complaints(projection: ProjectionProgress) -> Iterator[str]:
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
        yield f"{name} has {counted(events, 'parked event')} of {counted(streams, 'stream')}"


def counted(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else f'{what}s'}"


def _shown(progress: Progress) -> Mapping[str, object]:
    return {"position": progress.head, "projections": [_shown_one(it) for it in progress.projections]}


def _shown_one(projection: ProjectionProgress) -> Mapping[str, object]:
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


READ_MODELS: HealthCheck[Progress] = HealthCheck(
    name="read-models",
    measures="state, lag and parked events of each read model",
    warns="one has stopped, is paused, is being made for the first time, has no worker, is behind by more than 30 s or "
    "has parked events",
    fails="one was made of another log, or is ahead of a log that was put back: it stands still",
    action="rebuild what is ahead of the log; start a worker; or "
    "see [administrator.md](administrator.md): retry or skip parked events, resume, rebuild",
    judge=_of_read_models,
    shows=_shown,
)
