"""The rights of the doors that take no single command: look-ups, read models, figures, tokens.

A new address needs a row here: method and path, as in its route. A door with roles gets its caller from `admission`.
Commands have their rights in their routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from api.rights.roles import EVERYBODY, OVERSEERS, RightsError, must_fit, must_have_role
from api.web.platform import Platform, caller_of
from api.web.routing import METHOD, CommandRouter
from application.ports import Caller, Role

PERSON_LOOKUP = "POST /persons/lookups"
BULK = "POST /commands"
FIND_USAGE = "GET /findUsage"


@dataclass(frozen=True, slots=True)
class DoorRight:
    """The roles that a door admits, and a sentence on what it shows. None admits everybody, also without a token."""

    roles: frozenset[Role] | None
    shows: str


def _open(shows: str) -> DoorRight:
    return DoorRight(None, shows)


_SCRIPTS = _open("Styles and scripts.")
_FIGURES = _open("Published figures.")

LOCAL_ISSUER: Mapping[str, DoorRight] = {
    "POST /oauth2/token": _open("Tokens for registered programs, which prove who they are with a signed assertion."),
    "GET /.well-known/jwks.json": _open("Public keys."),
    "GET /.well-known/oauth-authorization-server": _open("Where there are tokens, and how."),
}
"""Doors that exist only where the platform issues tokens itself."""

DOORS: Mapping[str, DoorRight] = {
    BULK: DoorRight(EVERYBODY, "Many commands, each with its own rights."),
    PERSON_LOOKUP: DoorRight(
        frozenset({Role.AGENCY, Role.SYSTEM}),
        "The id of a person whose number the caller has, for a purpose that its organisation has.",
    ),
    FIND_USAGE: DoorRight(
        frozenset({Role.AGENCY}), "To the person in a session at the caller: who looked at their data."
    ),
    "GET /projections": DoorRight(OVERSEERS, "How far each read model is."),
    "GET /projections/events": DoorRight(OVERSEERS, "The same as it changes, and how far the reactors are."),
    "GET /projections/{projection}": DoorRight(OVERSEERS, "How far one read model is."),
    "GET /projections/{projection}/parked-events": DoorRight(OVERSEERS, "Events that were parked."),
    "GET /projections/{projection}/builds": DoorRight(OVERSEERS, "Rebuilds, verifications and the like."),
    "GET /reactors": DoorRight(OVERSEERS, "How far each reactor is, and who leads it."),
    "GET /reactors/{reactor}/waiting-events": DoorRight(OVERSEERS, "Events that failed, or follow one."),
    "GET /graphql": DoorRight(
        EVERYBODY, "Queries, as the table of GraphQL says. A browser gets the page to try them on."
    ),
    "POST /graphql": DoorRight(EVERYBODY, "Queries, as the table of GraphQL says."),
    "GET /graphql/{name}": _SCRIPTS,
    "GET /administration": _open("A page without data; what it asks for needs a token."),
    "GET /administration/{name}": _SCRIPTS,
    "GET /livez": _open("That the process answers."),
    "GET /readyz": _open("Whether the process can serve requests."),
    "GET /health": _open("Everything that an operator has to know."),
    "GET /metrics": _open("Measurements for Prometheus; to be kept inside by whoever runs the platform."),
    "GET /": _open("The way to the dashboard."),
    "GET /dashboard": _FIGURES,
    "GET /dashboard/{language}": _FIGURES,
    "GET /dashboard/{language}/figures": _FIGURES,
    "GET /dashboard/{language}/figures/{figure}": _FIGURES,
    "GET /dashboard/{language}/figures/{figure}.csv": _FIGURES,
    "GET /dashboard/{language}/figures/{figure}.json": _FIGURES,
    "GET /dashboard/{language}/figures/{figure}/{dimension}.csv": _FIGURES,
    "GET /dashboard/{language}/figures/{figure}/{dimension}.json": _FIGURES,
    "GET /dashboard/static/dashboard.css": _SCRIPTS,
    "GET /dashboard/{rest:path}": _open("That there is no such page."),
    "GET /openapi.json": _open("The description of the doors."),
    "GET /docs": _open("The same as a page."),
    "GET /docs/oauth2-redirect": _open("A part of that page."),
    "GET /redoc": _open("The same as another page."),
    "GET /static-offline-docs": _SCRIPTS,
    **LOCAL_ISSUER,
}


def admission(platform: Platform, door: str) -> Callable[[Request], Awaitable[Caller]]:
    """Return what admits a caller to a door of the table; it refuses other roles, and callers without a valid token."""
    roles = DOORS[door].roles
    assert roles is not None, f"{door} is open to everybody"

    async def admitted(request: Request) -> Caller:
        caller = await caller_of(request, platform)
        must_have_role(caller, roles)
        request.state.caller = caller
        return caller

    return admitted


def check_doors(routes: Iterable[BaseRoute], commands: Iterable[str]) -> None:
    """Raise RightsError unless the doors of the routes, except those of `commands` (paths), are those of the table."""
    of_commands = {f"POST {path}" for path in commands} - {BULK}
    there = set(_names(routes)) - of_commands
    must_fit("door", there, DOORS.keys() - (LOCAL_ISSUER.keys() - there))


def _names(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Name the doors of some routes; raise RightsError at a route of a kind that is not known."""
    for route in routes:
        match route:
            case CommandRouter():
                yield from (f"{METHOD} {path}" for path in route.paths)
            case Route() | Mount():
                methods = (getattr(route, "methods", None) or {"GET"}) - {"HEAD", "OPTIONS"}
                yield from (f"{method} {route.path}" for method in methods)
            case _ if isinstance(router := getattr(route, "original_router", None), APIRouter):
                # FastAPI keeps a router that was included whole.
                yield from _names(router.routes)
            case _:
                raise RightsError(f"it cannot be told what a {type(route).__name__} lets in")
