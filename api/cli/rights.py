"""`kroniek rights`: the tables of rights that the platform itself uses."""

from __future__ import annotations

import argparse

from api.cli.output import Output
from api.graph.protocol.schema import RIGHTS
from api.rest.command_routes import COMMAND_ROUTES
from api.rights.page import rights_page, rights_shown


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(_options: argparse.Namespace, output: Output) -> None:
    graph = RIGHTS.rows()
    output.result(rights_shown(COMMAND_ROUTES, graph), rights_page(COMMAND_ROUTES, graph))
