"""The health check of what falls due, and of the clock by which it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from api.health_checks.check import Finding, HealthCheck, failure, warning
from api.health_checks.read_model_checks import counted
from application.clock_status import DeadlineStatus


def _of_deadlines(status: DeadlineStatus) -> Iterator[Finding]:
    clock = status.clock
    if not status.led and not clock.apart:
        yield warning("no process carries out deadlines")
    if clock.apart:
        way = "ahead of" if clock.ahead_s > 0 else "behind"
        apart = f"the clock of this process is {abs(clock.ahead_s):,.0f} s {way} that of the database"
        if status.led:
            yield warning(f"{apart}: it leaves deadlines to other processes")
        else:
            yield failure(f"no process carries out deadlines: {apart}")
    if status.late:
        yield warning(f"{counted(status.late, 'deadline')} late, the first by {status.oldest_s:.0f} s")
    if clock.jumped_s:
        way = "forward" if clock.jumped_s > 0 else "back"
        waits = "; what is due only since then waits" if clock.waits else ""
        yield warning(f"the clock jumped {way} by {abs(clock.jumped_s):.0f} s{waits}")


DEADLINES: HealthCheck[DeadlineStatus] = HealthCheck(
    name="deadlines",
    measures="deadlines that are late, and jumps of the clock",
    warns="no process carries deadlines out, one is late by more than 30 s, the clock jumped by more than a minute "
    "within the last hour, or that of this process is more than 5 s from the database's: it leaves deadlines to others",
    fails="the clock of this process is more than 5 s from the database's, and no other process carries deadlines out",
    action="set the clocks right on every host (NTP); `kroniek deadlines list --late` says what is late, the log why a "
    "command was refused",
    judge=_of_deadlines,
    shows=lambda status: {"deadlines": asdict(status)},
)
