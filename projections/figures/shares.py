"""The parts of a figure as they are published: percentages that sum to 100, and no cell of a few people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HUNDRED_PERCENT = 100
MIN_CELL = 5
"""The least count that is published of a part. A part that is smaller could point at somebody."""

OTHER_PARTS = "_other"
"""The key of the part that stands for all small ones; no value of a dimension begins with an underscore."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a figure that falls to one value of a dimension, such as a means of authentication."""

    key: str
    value: int


def merge_small_parts(shares: Sequence[Share]) -> tuple[Share, ...]:
    """Put the parts below `MIN_CELL` together as one, which comes last; `shares` has the largest part first.

    If they are still too few together, or one alone, the next smallest part joins them: otherwise the whole less the
    other parts would tell what is not published.
    """
    small = [share for share in shares if share.value < MIN_CELL]
    large = list(shares[: len(shares) - len(small)])
    if not small:
        return tuple(shares)
    while large and (len(small) == 1 or sum(share.value for share in small) < MIN_CELL):
        small.append(large.pop())
    return (*large, Share(OTHER_PARTS, sum(share.value for share in small)))


def whole_percents(parts: Sequence[int]) -> tuple[int, ...]:
    """Return the percentage of each part, rounded so that they sum to 100; all are 0 where there is nothing.

    By the largest remainder (Hare-Niemeyer): each is rounded down, and what lacks goes to the largest remainders, of
    equal ones to the first.
    """
    whole = sum(parts)
    if not whole:
        return (0,) * len(parts)
    percents = [part * HUNDRED_PERCENT // whole for part in parts]
    lacking = HUNDRED_PERCENT - sum(percents)
    by_remainder = sorted(range(len(parts)), key=lambda at: -(parts[at] * HUNDRED_PERCENT % whole))
    for at in by_remainder[:lacking]:
        percents[at] += 1
    return tuple(percents)
