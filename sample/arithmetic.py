"""Exact shares: whole numbers that add up, and percentages that round to what is printed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

Number = int | Fraction


def half_up(value: Fraction) -> int:
    """Round to a whole number, halves up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def percent_of(whole: int, percentage: int) -> int:
    """Return so many percent of a whole number, halves up."""
    return half_up(Fraction(whole * percentage, 100))


def apportion(total: int, weights: Sequence[Number]) -> list[int]:
    """Share a whole number out by weights, largest remainders first: the parts add up to it exactly."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [Fraction(total * weight) / whole for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def rising(total: int, months: Sequence[int], rise: int) -> dict[int, int]:
    """Share a whole number out over months; each weighs more than the one before, by hundredths of the first."""
    weights = [100 + rise * place for place in range(len(months))]
    return dict(zip(months, apportion(total, weights), strict=True))


def fewest(percentage: int, whole: int) -> int:
    """Return the fewest of `whole` that round to a percentage, or their whole number nearest to it."""
    return max(0, -((1 - 2 * percentage) * whole // 200))


def most(percentage: int, whole: int) -> int:
    """Return the most of `whole` that still round to a percentage."""
    return min(whole, ((2 * percentage + 1) * whole - 1) // 200)


def between(points: Sequence[tuple[int, int]], place: int) -> int:
    """Return the value at a place on straight lines through points, rounded; before the first it is 0."""
    if place < points[0][0]:
        return 0
    for (left, low), (right, high) in pairwise(points):
        if left <= place <= right:
            return half_up(low + Fraction((high - low) * (place - left), right - left))
    return points[-1][1]
