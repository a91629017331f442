"""The health check of reactors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from api.health_checks.check import Finding, HealthCheck, warning
from api.health_checks.read_model_checks import MAX_HEALTHY_LAG_S, counted
from application.reactor_status import ReactorProgress


def _of_reactors(reactors: Sequence[ReactorProgress]) -> Iterator[Finding]:
    for reactor in reactors:
        yield from map(warning, _complaints(reactor))


def _complaints(reactor: ReactorProgress) -> Iterator[str]:
    name = f"the reactor {reactor.name}"
    if not reactor.leader:
        yield f"no process leads {name}"
    if reactor.pause:
        yield f"{name} is paused"
    elif reactor.lag_s > MAX_HEALTHY_LAG_S:
        yield f"{name} is behind by more than {MAX_HEALTHY_LAG_S:.0f} s"
    if reactor.error:
        yield f"{name} stands still: {reactor.error}"
    if reactor.waiting_keys:
        parked = f" of parked keys: {reactor.parked_keys}" if reactor.parked_keys else ""
        yield f"{name} has {counted(reactor.waiting_events, 'waiting event')}{parked}"


def _shown(reactors: Sequence[ReactorProgress]) -> Mapping[str, object]:
    return {"reactors": [_shown_one(reactor) for reactor in reactors]}


def _shown_one(reactor: ReactorProgress) -> Mapping[str, object]:
    """Show a reactor without names of processes and administrators, and without what these wrote."""
    shown = asdict(reactor)
    del shown["pause"], shown["leader"]
    return shown | {"led": bool(reactor.leader), "paused_at": reactor.pause and reactor.pause.at}


REACTORS: HealthCheck[Sequence[ReactorProgress]] = HealthCheck(
    name="reactors",
    measures="whether a process leads each reactor, how far it is behind, and what waits",
    warns="no process leads one, it is paused or behind by more than 30 s, keys or log cannot be reached, or reactions "
    "failed: they are tried again for an hour, and their key is parked then",
    fails="",
    action="start `kroniek serve`; `kroniek reactors waiting` says what waits and why",
    judge=_of_reactors,
    shows=_shown,
)
