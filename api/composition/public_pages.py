"""The public pages: their routes, and the thread in which they are made, with connections of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route

from api.composition.guards import MakeLimit
from api.composition.tokens import Clock
from api.dashboard import FiguresSnapshot, PageServing, dashboard_router
from api.web.ahead import as_plain
from api.web.loop_thread import LoopThread
from api.web.platform import Platform
from api.web.read_barrier import waiting_for_own_write
from application.fair_turns import TurnLimits
from infrastructure.database.addresses import Addresses
from infrastructure.read_models.reading import ReadModels
from infrastructure.settings import Settings
from projections.figures.computed import FiguresVersion
from projections.registry import PROJECTIONS

MAKING = TurnLimits(turns=2, share=2, waiting=50, wait_s=10.0)
"""Pages that are made at once: one is computed while the other waits for the database."""


@dataclass(frozen=True, slots=True)
class _Figures:
    """Figures that are computed on the connections of the thread; their version is read by requests."""

    asked: ReadModels
    computing: ReadModels

    def snapshot(self) -> AbstractAsyncContextManager[FiguresSnapshot]:
        return self.computing.snapshot()

    async def figures_version(self) -> FiguresVersion:
        return await self.asked.figures_version()


class PublicPages:
    """The routes of the pages; to be closed in the event loop that they are answered in."""

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        reads: ReadModels,
        platform: Platform,
        now: Clock,
        *,
        limit: MakeLimit,
    ) -> None:
        self._thread = LoopThread("public pages")
        self._computing = ReadModels(
            addresses.reader, PROJECTIONS, settings.query_timeout_s, MAKING, reads.computed_indices
        )
        serving = PageServing(
            elsewhere=self._thread.run,
            wait_for_own_write=waiting_for_own_write(platform, reads.figure_tables),
            limit=limit("pages", settings.pages_per_minute),
            version_age_s=platform.bounds.places_age_s,
        )
        figures = _Figures(reads, self._computing)
        self.router: APIRouter = dashboard_router(figures, now, serving, licence=settings.figures_licence)

    @property
    def ahead(self) -> Sequence[BaseRoute]:
        """The routes of pages with figures, which are answered ahead of the framework."""
        routes = (it for it in self.router.routes if isinstance(it, Route))
        return [as_plain(it) for it in routes if "language" in it.param_convertors]

    async def aclose(self) -> None:
        if self._thread.begun:
            await self._thread.run(self._computing.aclose)
        self._thread.close()
