"""The routes of commands: a path is found with a few look-ups, however many routes there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Operation: TypeAlias = Mapping[str, object]
"""An operation of the OpenAPI document."""

METHOD = "POST"


@dataclass(frozen=True, slots=True)
class RoutedPath:
    """The endpoint of a path; `path` is the pattern, with the names of its ids in braces."""

    path: str
    ids: tuple[str, ...]
    endpoint: Endpoint


@dataclass(slots=True)
class _Node:
    """A node in the tree of paths: the nodes of the next words, and that of any other word, which is an id."""

    words: dict[str, _Node] = field(default_factory=dict)
    any_id: _Node | None = None
    target: RoutedPath | None = None


class CommandRouter(BaseRoute):
    """All commands as one route: a path is followed word by word, instead of being matched with each pattern."""

    def __init__(self) -> None:
        self._root = _Node()
        self.paths: dict[str, Mapping[str, Operation]] = {}
        """The routes as in the OpenAPI document: path, method, operation."""

    def add(self, path: str, endpoint: Endpoint, operation: Operation) -> None:
        place, ids = self._root, []
        for word in _words(path):
            if word.startswith("{"):
                ids.append(word[1:-1])
                place.any_id = place.any_id or _Node()
                place = place.any_id
            else:
                place = place.words.setdefault(word, _Node())
        assert place.target is None, f"two doors are at {path}"
        place.target = RoutedPath(path, tuple(ids), endpoint)
        self.paths[path] = {METHOD.lower(): operation}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        target, ids = self._find(scope["path"])
        if target is None:
            return Match.NONE, {}
        found = {
            "route": target,
            "endpoint": target.endpoint,
            "path_params": dict(zip(target.ids, ids, strict=True)),
        }
        return Match.FULL if scope["method"] == METHOD else Match.PARTIAL, found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != METHOD:
            raise HTTPException(405, headers={"Allow": METHOD})
        response = await scope["endpoint"](Request(scope, receive))
        await response(scope, receive, send)

    def _find(self, path: str) -> tuple[RoutedPath | None, list[str]]:
        place = self._root
        ids: list[str] = []
        for word in _words(path):
            following = place.words.get(word)
            if following is None:
                if place.any_id is None or not word:
                    return None, ids
                ids.append(word)
                following = place.any_id
            place = following
        return place.target, ids


def _words(path: str) -> list[str]:
    return path.split("/")[1:]
