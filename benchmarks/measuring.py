"""Interleaved rounds, medians and spreads, and the table that shows them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Contender = Callable[[], float]
"""Does the work once; returns how many units it did in a second."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The rates of one contender over the rounds, in units a second."""

    rates: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def __str__(self) -> str:
        return f"{self.median:>10,.0f}  {min(self.rates):>10,.0f}  {max(self.rates):>10,.0f}"


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, Measured]:
    """Let every contender work in every round, so that a busy moment of the machine hits all of them."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            rates[name].append(work())
    return {name: Measured(found) for name, found in rates.items()}


def show(measured: Mapping[str, Measured], ratios: Mapping[str, float], *, as_json: bool) -> None:
    if as_json:
        rates = {name: {"median": found.median, "rates": list(found.rates)} for name, found in measured.items()}
        print(json.dumps({"ratios": ratios, "perSecond": rates}))
        return
    width = max(map(len, [*measured, *ratios]))
    print(f"{'events a second':<{width}}  {'median':>10}  {'lowest':>10}  {'highest':>10}")
    for name, found in measured.items():
        print(f"{name:<{width}}  {found}")
    print(f"\n{'ratio':<{width}}  {'of medians':>10}")
    for name, ratio in ratios.items():
        print(f"{name:<{width}}  {ratio:>10.2f}")
