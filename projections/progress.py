"""How far read models have come behind the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionProgress:
    """How far a read model has come. `lag_s` is the age of the oldest event that is not in its rows, 0 without any."""

    name: str
    version: int
    position: int
    lag_events: int
    lag_s: float
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The head of the log and how far each read model is."""

    head: int
    projections: Sequence[ProjectionProgress]

    @property
    def position(self) -> int:
        """The last position whose event is in the rows of all read models."""
        return min((projection.position for projection in self.projections), default=0)
