"""A health check: one declaration of its name, its measurement, when it warns and fails, and what an operator does.

The table in docs/operation.md is held against these declarations by a test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Never, TypeVar

M_contra = TypeVar("M_contra", contravariant=True)


class HealthStatus(StrEnum):
    """Source: draft-inadarei-api-health-check. `warn`: an operator has to act; `fail`: a promise is not met now."""

    WELL = "pass"
    WARN = "warn"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """Return 0 for `pass`, 1 for `warn`, 2 for `fail`."""
        return list(HealthStatus).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an operator has to know: a sentence that everybody may read, without personal data and names."""

    status: HealthStatus
    output: str


def warning(output: str) -> Finding:
    return Finding(status=HealthStatus.WARN, output=output)


def failure(output: str) -> Finding:
    return Finding(status=HealthStatus.FAIL, output=output)


UNREACHABLE = failure("the database does not answer")


def shows_nothing(_: object) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck(Generic[M_contra]):
    """A health check.

    `measures`, `warns`, `fails` and `action` are texts for operators; an empty one means never. `judge` turns a
    measurement into findings, none where all is well. `shows` are further members of the answer of `/health`.
    `unreachable` is what is found where the database of the measurement does not answer. With `ready`, a platform that
    fails it gets no requests (`/readyz`).
    """

    name: str
    measures: str
    warns: str
    fails: str
    action: str
    judge: Callable[[M_contra], Iterable[Finding]]
    shows: Callable[[M_contra], Mapping[str, object]] = shows_nothing
    unreachable: Finding = UNREACHABLE
    ready: bool = False

    def measured_by(self, measure: Callable[[], Awaitable[M_contra]]) -> MeasuredCheck:
        """Return the check with its measurement. Only the composition root knows what measures."""

        async def found() -> Measurement:
            value = await measure()
            return Measurement(findings=list(self.judge(value)), shown=self.shows(value))

        return MeasuredCheck(check=self, measure=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The findings of one measurement, and what it adds to the answer of `/health`."""

    findings: list[Finding]
    shown: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCheck:
    """A health check with what measures it; it raises the errors of its database."""

    check: HealthCheck[Never]
    measure: Callable[[], Awaitable[Measurement]]
