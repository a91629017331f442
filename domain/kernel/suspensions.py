"""The last instant of a suspension."""

from __future__ import annotations

from datetime import datetime

from domain.kernel.refusals import InvalidValue, RuleBroken


def must_end_later(until: datetime | None, at: datetime) -> None:
    """Refuse a suspension that would be over at once; None has no end of its own."""
    if until is not None and until <= at:
        raise InvalidValue("suspension-over", "The end of a suspension must be in the future.")


def must_be_over(until: datetime | None, at: datetime) -> None:
    """Refuse to end a suspension before its time, or one that has none."""
    if until is None or at < until:
        raise RuleBroken("suspension-not-over", "The suspension is not over yet.")
