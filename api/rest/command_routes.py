"""The routes of all commands, context by context: each has a module of its name beside this one."""

from __future__ import annotations

from importlib import import_module

from api.rest.command_route import CommandRoute
from domain.contexts import CONTEXTS, name_of

COMMAND_ROUTES: tuple[CommandRoute, ...] = tuple(
    route for context in CONTEXTS for route in import_module(f"api.rest.{name_of(context)}").ROUTES
)
