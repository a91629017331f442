"""Role x door, for the doors that take no single command: every row of the table, with every role and with none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from api.composition.bootstrap import create_app
from api.rights.doors import DOORS, LOCAL_ISSUER, check_doors
from api.rights.roles import RightsError
from api.web.routing import CommandRouter
from application.ports import Role
from infrastructure.database.addresses import Addresses
from infrastructure.settings import Settings
from tests.api.world import OnAPort, on_a_port

SHOWN = {"language": "en", "projection": "keys", "figure": "active_consents", "dimension": "month"}
WITH_ROLES = [door for door, right in DOORS.items() if right.roles is not None]
OPEN = [door for door, right in DOORS.items() if right.roles is None]


@pytest.fixture(scope="module")
def served(
    module_read_models_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnAPort]:
    with on_a_port(tmp_path_factory.mktemp("data"), module_read_models_url, module_keys_url) as served:
        yield served


def asked(served: OnAPort, door: str, role: Role | None) -> tuple[int, str]:
    """Return the status, and the code if it is a problem; the body of what goes on for ever is not waited for."""
    method, _, path = door.partition(" ")
    address = re.sub(r"{(\w+)(:path)?}", lambda name: SHOWN.get(name[1], "none"), path)
    caller = served.anybody if role is None else served.caller(role)
    with caller.http.stream(method, address, headers=caller.headers(), follow_redirects=False) as answer:
        if answer.status_code not in {401, 403}:
            return answer.status_code, ""
        answer.read()
        said = answer.json()
        code = said["type"].rpartition(":")[2] if "type" in said else said["errors"][0]["extensions"]["code"]
        return answer.status_code, code


@pytest.mark.parametrize("door", WITH_ROLES)
def test_the_roles_of_its_row_are_let_in_and_others_are_not(door: str, served: OnAPort) -> None:
    assert asked(served, door, None) == (401, "unauthenticated")
    roles = DOORS[door].roles or frozenset()
    for role in Role:
        status, code = asked(served, door, role)
        assert (status, code) == (403, "role-not-allowed") if role not in roles else status not in {401, 403, 500}


@pytest.mark.parametrize("door", OPEN)
def test_a_door_for_anybody_asks_for_no_token(door: str, served: OnAPort) -> None:
    status, _ = asked(served, door, None)
    assert status not in {401, 403, 405, 500}


# --- The table ------------------------------------------------------------------------------------------------------


def routes_of(folder: Path, **settings: Any) -> list[BaseRoute]:
    """Return the routes of the platform, with those of its commands, made without a database."""
    nowhere = Addresses.at("postgresql://nobody@127.0.0.1/none", "postgresql://nobody@127.0.0.1/none_of_keys")
    return list(create_app(Settings(data_dir=folder, **settings), nowhere).router.routes)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[BaseRoute]:
    return routes_of(tmp_path_factory.mktemp("routes"))


def commands_of(routes: list[BaseRoute]) -> set[str]:
    return {path for route in routes if isinstance(route, CommandRouter) for path in route.paths}


async def nothing(_: Request) -> Response:
    return Response()


@pytest.mark.parametrize("included", [True, False])
def test_a_door_without_a_row_keeps_the_platform_from_starting(included: bool, routes: list[BaseRoute]) -> None:
    more, router = FastAPI(openapi_url=None), APIRouter()
    (router if included else more.router).add_api_route("/persons", nothing, methods=["DELETE"])
    more.include_router(router)
    commands = commands_of(routes)
    check_doors(routes, commands)
    with pytest.raises(RightsError, match="door without a row in the table of rights: DELETE /persons"):
        check_doors([*routes, *more.routes], commands)


def test_what_takes_commands_and_is_no_door_of_theirs_keeps_the_platform_from_starting(
    routes: list[BaseRoute],
) -> None:
    with pytest.raises(RightsError, match=r"door without a row in the table of rights: POST /invoices$"):
        check_doors(routes, commands_of(routes) - {"/invoices"})


def test_a_route_of_an_unknown_kind_keeps_the_platform_from_starting(routes: list[BaseRoute]) -> None:
    with pytest.raises(RightsError, match="cannot be told what a BaseRoute lets in"):
        check_doors([*routes, BaseRoute()], commands_of(routes))


def test_a_row_without_a_door_keeps_the_platform_from_starting(routes: list[BaseRoute]) -> None:
    without = [route for route in routes if getattr(route, "path", "") != "/redoc"]
    with pytest.raises(RightsError, match=r"that are of no door: GET /redoc$"):
        check_doors(without, commands_of(routes))


def test_where_another_issues_tokens_the_doors_of_the_local_issuer_are_not_missed(tmp_path: Path) -> None:
    routes = routes_of(tmp_path, jwks_url="https://issuer.example/jwks.json", token_issuer="https://issuer.example")
    within = [it for route in routes for it in getattr(route, "original_router", APIRouter()).routes]
    paths = {getattr(route, "path", "") for route in within}
    assert "/health" in paths
    assert not paths & {door.partition(" ")[2] for door in LOCAL_ISSUER}
