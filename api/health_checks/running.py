"""Runs all health checks at the same time, each within a bound: a database that hangs fails a check, not `/health`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.health_checks.check import Finding, HealthCheck, HealthStatus, MeasuredCheck, Measurement, failure

LOG = structlog.get_logger()

MAX_MEASURE_S = 5.0
"""How long a measurement takes at most before its check fails."""

UNANSWERED = (SQLAlchemyError, psycopg.OperationalError, psycopg.InterfaceError)
"""The errors of a database that does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check at a time (UTC)."""

    check: HealthCheck[Never]
    findings: Sequence[Finding]
    shown: Mapping[str, object]
    at: datetime

    @property
    def status(self) -> HealthStatus:
        return worst(finding.status for finding in self.findings)


def worst(statuses: Iterable[HealthStatus]) -> HealthStatus:
    return max(statuses, key=lambda status: status.rank, default=HealthStatus.WELL)


class HealthChecks:
    """The checks of one process. It belongs to one event loop; close it when done."""

    def __init__(self, checks: Sequence[MeasuredCheck], within_s: float = MAX_MEASURE_S) -> None:
        self._checks = checks
        self._within_s = within_s
        self._measuring: dict[str, asyncio.Task[Measurement]] = {}

    async def run(self, *, ready: bool = False) -> Sequence[CheckResult]:
        """Run all checks, or with `ready` those of `/readyz`; return their results in the order of the checks."""
        wanted = [measured for measured in self._checks if measured.check.ready or not ready]
        return await asyncio.gather(*map(self._run, wanted))

    async def aclose(self) -> None:
        """Give up the measurements under way."""
        for task in self._measuring.values():
            task.cancel()
        await asyncio.wait(self._measuring.values(), timeout=self._within_s) if self._measuring else None

    async def _run(self, measured: MeasuredCheck) -> CheckResult:
        check, loop = measured.check, asyncio.get_running_loop()
        until = loop.time() + self._within_s
        earlier = self._measuring.get(check.name)
        if earlier is not None:
            # It says how things were; but where it hangs, no second one is begun.
            await asyncio.wait({earlier}, timeout=self._within_s)
        task = self._task(measured)
        await asyncio.wait({task}, timeout=max(until - loop.time(), 0))
        if not task.done():
            found = Measurement(findings=[failure(_late(check.name, self._within_s))], shown={})
        else:
            found = _measurement(check, task)
        return CheckResult(check=check, findings=found.findings, shown=found.shown, at=datetime.now(UTC))

    def _task(self, measured: MeasuredCheck) -> asyncio.Task[Measurement]:
        """Return the measurement under way, else a new one."""
        name = measured.check.name
        task = self._measuring.get(name)
        if task is None or task.done():
            task = self._measuring[name] = asyncio.ensure_future(measured.measure())
            # If all who waited for it have gone, nobody else takes note of its error.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task


def _late(name: str, within_s: float) -> str:
    return f"{name} was not measured within {within_s:g} s"


def _measurement(check: HealthCheck[Never], task: asyncio.Task[Measurement]) -> Measurement:
    try:
        return task.result()
    except UNANSWERED as error:
        LOG.warning("health_check_unanswered", check=check.name, error=type(error).__name__)
        return Measurement(findings=[check.unreachable], shown={})
    except Exception:
        LOG.exception("health_check_broken", check=check.name)
        return Measurement(findings=[failure(f"{check.name} cannot be measured")], shown={})
    except asyncio.CancelledError:
        return Measurement(findings=[failure(f"{check.name} was given up")], shown={})
