"""Every door is found at its path, and nothing is found beside it."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from api.rest.command_routes import COMMAND_ROUTES
from api.web.routing import CommandRouter


def _routes(*paths: str) -> CommandRouter:
    async def endpoint(_request: Request) -> Response:
        return Response()

    routes = CommandRouter()
    for path in paths:
        routes.add(path, endpoint, {})
    return routes


def _found(routes: CommandRouter, path: str, method: str = "POST") -> tuple[Match, str, dict[str, str]]:
    match, found = routes.matches({"type": "http", "path": path, "method": method})
    return (match, found["route"].path, found["path_params"]) if found else (match, "", {})


def test_every_door_is_found_with_its_ids() -> None:
    routes = _routes(*(door.path for door in COMMAND_ROUTES))
    for door in COMMAND_ROUTES:
        ids = {name: f"{name}-1" for name in ("person_id", "provider_id", *_ids(door.path))}
        wanted = {name: ids[name] for name in _ids(door.path)}
        assert _found(routes, door.path.format_map(ids)) == (Match.FULL, door.path, wanted)


@pytest.mark.parametrize(
    "path", ["", "/", "/keys/", "/keys//ends", "/keys/a", "/keys/a/ends/", "/keys/a/ends/b", "/Keys"]
)
def test_beside_a_door_there_is_nothing(path: str) -> None:
    assert _found(_routes("/keys", "/keys/{key_id}/ends"), path) == (Match.NONE, "", {})


def test_a_word_comes_before_an_id() -> None:
    routes = _routes("/keys/{key_id}", "/keys/ends")
    assert _found(routes, "/keys/ends") == (Match.FULL, "/keys/ends", {})
    assert _found(routes, "/keys/a") == (Match.FULL, "/keys/{key_id}", {"key_id": "a"})
    assert _found(routes, "/keys/{key_id}") == (Match.FULL, "/keys/{key_id}", {"key_id": "{key_id}"})


def test_another_method_finds_the_door_but_does_not_open_it() -> None:
    assert _found(_routes("/keys"), "/keys", method="GET") == (Match.PARTIAL, "/keys", {})


def test_a_web_socket_finds_nothing() -> None:
    assert _routes("/keys").matches({"type": "websocket", "path": "/keys"}) == (Match.NONE, {})


def _ids(path: str) -> list[str]:
    return [word[1:-1] for word in path.split("/") if word.startswith("{")]
