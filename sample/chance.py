"""Draws of invented data: the same every time for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

PERCENT = 100


class Chance(Random):
    """A source of draws. Each part of the history has one of its own, seeded by a text."""

    def one_of(self, items: Sequence[T], skew: float = 1) -> T:
        """Return one of some items; with a skew above 1, the first ones more often."""
        return items[int(self.random() ** skew * len(items))]

    def happens(self, percentage: int) -> bool:
        """Say yes in so many of a hundred cases."""
        return self.random() * PERCENT < percentage
