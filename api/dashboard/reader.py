"""The port of the dashboard: one consistent snapshot of the figures, given by the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from domain.kernel import Jurisdiction
from projections.figures.computed import FiguresVersion
from projections.figures.coverage import History
from projections.figures.figure_values import Figure, Point
from projections.figures.index import IndexSeries
from projections.figures.open_rate_table import OpenRateTable
from projections.figures.period import Period
from projections.figures.shares import Share
from projections.open_rates import OpenRateFilter


class FiguresSnapshot(Protocol):
    """The figures as the read models stand at one position of the log."""

    @property
    def position(self) -> int:
        """The place in the log up to which all read models are applied."""

    @property
    def sample(self) -> bool:
        """Whether the log holds a sample: a history that is made up."""

    @property
    def version(self) -> FiguresVersion:
        """What tells the rows from those of another state."""

    async def history(self, jurisdiction: Jurisdiction) -> History:
        """Return the months that the figures of a jurisdiction cover."""

    async def figures(self, jurisdiction: Jurisdiction, period: Period, now: datetime) -> Sequence[Figure]:
        """Compute the headline figures of a period."""

    async def series(
        self, figure_id: str, jurisdiction: Jurisdiction, periods: Sequence[Period], now: datetime
    ) -> Sequence[Point]:
        """Compute one headline figure for each of the periods."""

    async def shares(
        self, figure_id: str, dimension: str, jurisdiction: Jurisdiction, period: Period
    ) -> Sequence[Share]:
        """Cut one headline figure by a dimension, largest part first; small parts together as one at the end."""

    async def open_rates(
        self, jurisdiction: Jurisdiction, years: Sequence[Period], now: datetime, applied: OpenRateFilter
    ) -> OpenRateTable:
        """Compute the open rates of some years side by side."""

    async def indices(self, jurisdiction: Jurisdiction, now: datetime) -> Sequence[IndexSeries]:
        """Compute the index of each target group."""


class FiguresReader(Protocol):
    def snapshot(self) -> AbstractAsyncContextManager[FiguresSnapshot]:
        """Open a snapshot; all figures read from it belong to the same position."""

    async def figures_version(self) -> FiguresVersion:
        """Return the version of a snapshot that would be opened now, at little cost."""
