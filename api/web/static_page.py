"""Pages with scripts of our own: HTML, style and scripts from this host only."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

HEADERS = {
    # The page runs scripts of this host only, and connects to this host only.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}


class ScriptPage:
    """The page in the folder `page` of a package: index.html, and the files that it names."""

    def __init__(self, package: str, *names: str) -> None:
        self._folder = files(package) / "page"
        self._names = names

    async def index(self, _request: Request) -> Response:
        return Response((self._folder / "index.html").read_bytes(), media_type="text/html", headers=HEADERS)

    async def file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._names:
            return Response("Not found.", status_code=404, media_type="text/plain")
        media_type = MEDIA_TYPES[name.rpartition(".")[2]]
        return Response((self._folder / name).read_bytes(), media_type=media_type, headers=HEADERS)
