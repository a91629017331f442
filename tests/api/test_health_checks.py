"""Health checks: they run at the same time and within a bound, and the documentation is that of the declarations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from api.health_checks.all_checks import CHECKS
from api.health_checks.check import Finding, HealthCheck, MeasuredCheck, failure, warning
from api.health_checks.running import CheckResult, HealthChecks

OPERATION = Path(__file__).parents[2] / "docs" / "operation.md"
WITHIN_S = 0.2
HANGS_S = 60.0


def judged(seconds: float) -> Iterator[Finding]:
    if seconds > 2:
        yield failure("it is broken")
    elif seconds > 1:
        yield warning("it is late")


def check_of(name: str, *, ready: bool = False) -> HealthCheck[float]:
    return HealthCheck(
        name=name, measures="age", warns="over 1 s", fails="over 2 s", action="", judge=judged, ready=ready
    )


def answering(name: str, seconds: float, *, ready: bool = False) -> MeasuredCheck:
    async def measure() -> float:
        return seconds

    return check_of(name, ready=ready).measured_by(measure)


def failing(name: str, error: Exception) -> MeasuredCheck:
    async def measure() -> float:
        raise error

    return check_of(name).measured_by(measure)


def hanging(name: str, begun: list[str]) -> MeasuredCheck:
    async def measure() -> float:
        begun.append(name)
        await asyncio.sleep(HANGS_S)
        return 0

    return check_of(name).measured_by(measure)


def told(results: Sequence[CheckResult]) -> dict[str, tuple[str, str]]:
    return {it.check.name: (it.status.value, "; ".join(found.output for found in it.findings)) for it in results}


@pytest.mark.anyio
async def test_each_check_passes_warns_or_fails_by_itself() -> None:
    checks = HealthChecks(
        [
            answering("well", 0),
            answering("late", 1.5),
            answering("broken", 3),
            failing("gone", psycopg.OperationalError("no route to 10.0.0.1")),
            failing("wrong", LookupError("85.05.17-001-39")),
        ]
    )
    assert told(await checks.run()) == {
        "well": ("pass", ""),
        "late": ("warn", "it is late"),
        "broken": ("fail", "it is broken"),
        "gone": ("fail", "the database does not answer"),
        "wrong": ("fail", "wrong cannot be measured"),
    }


@pytest.mark.anyio
async def test_checks_that_hang_fail_within_the_bound_and_at_the_same_time() -> None:
    begun = list[str]()
    checks = HealthChecks([hanging("one", begun), answering("well", 0), hanging("two", begun)], WITHIN_S)
    began = time.monotonic()
    late = f"was not measured within {WITHIN_S} s"
    expected = {"one": ("fail", f"one {late}"), "well": ("pass", ""), "two": ("fail", f"two {late}")}
    assert told(await checks.run()) == expected
    assert time.monotonic() - began < 2 * WITHIN_S
    assert told(await checks.run()) == expected
    assert sorted(begun) == ["one", "two"], "a measurement that hangs is not begun again"
    await checks.aclose()


@pytest.mark.anyio
async def test_only_some_checks_decide_whether_a_process_can_serve() -> None:
    checks = HealthChecks([answering("database", 0, ready=True), answering("other", 3)])
    assert told(await checks.run(ready=True)) == {"database": ("pass", "")}


def test_the_documentation_of_the_checks_is_their_declaration() -> None:
    documented = OPERATION.read_text("utf-8")
    rows = [
        f"| `{it.name}` | {it.measures} | {it.warns or 'never'} | {it.fails or 'never'} | {it.action} |"
        for it in CHECKS
    ]
    assert [row for row in rows if row not in documented] == []
