"""The Digital Dashboard: a public page of figures, server-rendered, in four languages."""

from api.dashboard.page_cache import PageServing
from api.dashboard.pages import dashboard_router
from api.dashboard.reader import FiguresReader, FiguresSnapshot

__all__ = ["FiguresReader", "FiguresSnapshot", "PageServing", "dashboard_router"]
