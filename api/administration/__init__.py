"""The page on which administrators see and steer read models and reactors."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from api.web.static_page import ScriptPage

PAGE = ScriptPage(__name__, "page.css", "page.js", "feed.js", "table.js", "reactors.js", "elements.js", "acts.js")


def administration_routes() -> list[BaseRoute]:
    """Return the routes of /administration. The page holds no data: it reads them with a token."""
    return [
        Route("/administration", PAGE.index, methods=["GET"]),
        Route("/administration/{name}", PAGE.file, methods=["GET"]),
    ]
