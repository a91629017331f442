"""Health checks of the database and of the keys."""

from __future__ import annotations

from collections.abc import Iterator

from api.health_checks.check import Finding, HealthCheck, failure, warning

MAX_HEALTHY_APPEND_S = 3.0


def _of_answer(_: None) -> Iterator[Finding]:
    yield from ()


DATABASE: HealthCheck[None] = HealthCheck(
    name="database",
    measures="whether the database that queries read answers",
    warns="",
    fails="it does not answer",
    action="start it, or see why it hangs; the platform connects again by itself",
    judge=_of_answer,
    ready=True,
)


def _of_writing(waited_s: float) -> Iterator[Finding]:
    if waited_s > MAX_HEALTHY_APPEND_S:
        yield failure(f"an append has waited for {waited_s:.0f} s")


WRITING: HealthCheck[float] = HealthCheck(
    name="writing",
    measures="age of the oldest append that waits",
    warns="",
    fails="an append has waited for more than 3 s",
    action="end the session that holds the log, free the disk, or bring back the standby that commits wait for",
    judge=_of_writing,
)

KEYS_UNREACHABLE = warning("the keys of personal data cannot be reached")


def _of_keys(reachable: bool) -> Iterator[Finding]:
    if not reachable:
        yield KEYS_UNREACHABLE


KEYS: HealthCheck[bool] = HealthCheck(
    name="keys",
    measures="whether the database of the keys answers",
    warns="it has not answered for 2 s: personal texts are neither written nor shown meanwhile",
    fails="",
    action="start the database of the keys",
    judge=_of_keys,
    shows=lambda reachable: {"keys": {"reachable": reachable}},
    unreachable=KEYS_UNREACHABLE,
)


def _of_shredding(is_allowed: bool) -> Iterator[Finding]:
    if not is_allowed:
        yield warning("the keys of erased persons cannot be shredded")


SHREDDING: HealthCheck[bool] = HealthCheck(
    name="shredding",
    measures="whether the role of the keys has the rights with which it shreds them",
    warns="it has not: erasures stay `destroyed`, and their last step waits",
    fails="",
    action="`kroniek keys list` says what to grant",
    judge=_of_shredding,
)
