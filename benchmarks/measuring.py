"""Interleaved rounds, medians and spreads, the bars they have to reach, and the table or JSON that shows them."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

T = TypeVar("T")

Contender = Callable[[], float]
"""Does the work once; returns its figure in the unit that its name tells: units a second, or microseconds."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one contender over the rounds."""

    figures: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    def __str__(self) -> str:
        return f"{self.median:>10,.0f}  {min(self.figures):>10,.0f}  {max(self.figures):>10,.0f}"


@dataclass(frozen=True, slots=True)
class Bar:
    """What a ratio has to reach, or with `at_most` must not pass."""

    value: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.value:g}"

    def met(self, ratio: float) -> bool:
        return ratio <= self.value if self.at_most else ratio >= self.value


@dataclass(frozen=True, slots=True)
class Report:
    """What a benchmark found: figures by contender, ratios of medians by key, their bars, and on which settings."""

    measured: Mapping[str, Measured]
    ratios: Mapping[str, float]
    bars: Mapping[str, Bar] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def with_more(self, measured: Mapping[str, Measured], ratios: Mapping[str, float]) -> Report:
        return replace(self, measured={**self.measured, **measured}, ratios={**self.ratios, **ratios})


def interleaved(contenders: Mapping[str, Contender], rounds: int, budget_s: float | None = None) -> dict[str, Measured]:
    """Let every contender work in every round, so that a busy moment of the machine hits all of them.

    With a budget, no round begins that would end after it, going by the longest so far; the first always takes place.
    """
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    started, longest_s = time.monotonic(), 0.0
    for _ in range(rounds):
        begun = time.monotonic()
        if budget_s is not None and longest_s and begun - started + longest_s > budget_s:
            break
        for name, work in contenders.items():
            figures[name].append(work())
        longest_s = max(longest_s, time.monotonic() - begun)
    return {name: Measured(found) for name, found in figures.items()}


def told(name: str, work: Callable[[], T]) -> T:
    """Do some work; say on standard error what it was, and how long it took."""
    began = time.monotonic()
    found = work()
    print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    return found


def show(report: Report, *, as_json: bool) -> None:
    """Print the report on standard output: a table, or one JSON object."""
    if as_json:
        figures = {name: {"median": m.median, "rounds": list(m.figures)} for name, m in report.measured.items()}
        print(json.dumps({"ratios": report.ratios, "measured": figures, "settings": report.settings}))
        return
    width = max(map(len, [*report.measured, *report.ratios]))
    print(", ".join(f"{name}={value}" for name, value in report.settings.items()))
    print(f"\n{'measured':<{width}}  {'median':>10}  {'lowest':>10}  {'highest':>10}")
    for name, found in report.measured.items():
        print(f"{name:<{width}}  {found}")
    print(f"\n{'ratio':<{width}}  {'of medians':>10}  {'bar':>10}")
    for name, ratio in report.ratios.items():
        print(f"{name:<{width}}  {ratio:>10.2f}  {_against(report.bars.get(name), ratio)}")


def _against(bar: Bar | None, ratio: float) -> str:
    return "" if bar is None else f"{bar!s:>10}{'' if bar.met(ratio) else '  missed'}"
