"""Sends a request to a world as it stands; a proof that is to be the right one is made here, for the request."""

from __future__ import annotations

from urllib.parse import urlsplit

from httpx2 import Response

from tests.api.world import World
from tests.fuzz.findings import Sent
from tests.infrastructure.proving import proof

BASE = "http://testserver"
RIGHT = "the right proof"


class Sender:
    """Sends requests; header fields are named in lower case."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, sent: Sent) -> Response:
        given = dict(sent.headers)
        if given.get("dpop") == RIGHT:
            given["dpop"] = self._proof(sent.method, sent.url, given["authorization"].partition(" ")[2])
        return self._world.anybody.http.request(
            sent.method,
            sent.url,
            content=sent.content,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
            follow_redirects=False,
        )

    def _proof(self, method: str, url: str, token: str) -> str:
        address = BASE + urlsplit(url).path
        return proof(token, now=self._world.clock.now.timestamp(), htm=method, htu=address)
