"""`kroniek client`: the programs that may ask the local issuer for tokens."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from api.cli.common import must_be_nameable, settings_of
from api.cli.output import CommandError, Exit, Output, add_actions, ending_as
from application.ports import Caller, Role
from domain.kernel import MalformedValue
from domain.kernel.json_text import check_json
from infrastructure.tokens.clients import ClientError, Clients


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = {"add": ("register a client, so that it can ask for tokens with its own key", _add)}
    add = add_actions(parser, actions)["add"]
    add.add_argument("name", metavar="NAME", help="letters, digits, hyphens and underscores; the client_id")
    add.add_argument("--organisation", required=True, metavar="ID", help="the organisation that the client acts for")
    add.add_argument("--role", required=True, choices=[role.value for role in Role])
    add.add_argument("--supplier", default="", metavar="ID", help="the organisation that runs the client on its behalf")
    key = add.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", type=Path, metavar="FILE.jwk", help="the public key of the client, as a JWK")
    key.add_argument("--generate", action="store_true", help="make a key, and keep its private half in the data folder")


def _add(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    if settings.jwks_url is not None:
        raise CommandError(Exit.WRONG_SETTINGS, "Clients are registered with the issuer behind KRONIEK_JWKS_URL.")
    caller = Caller(
        subject=options.name,
        role=Role(options.role),
        organisation_id=options.organisation,
        supplier_id=options.supplier,
    )
    must_be_nameable(options.name, options.role, options.organisation, supplier=options.supplier)
    clients = Clients(settings.data_dir)
    with ending_as(Exit.WRONG_USAGE, ClientError):
        jwk, private = clients.generate(options.name) if options.generate else (_key_in(options.key), None)
        clients.add(caller, jwk)
    shown = {"client": options.name} | ({} if private is None else {"privateKey": str(private)})
    output.result(shown, str(private) if private else f"{options.name} is registered.")


def _key_in(path: Path) -> Mapping[str, object]:
    with (
        ending_as(Exit.NOT_FOUND, OSError, lambda error: f"{path} cannot be read: {error.strerror}."),
        ending_as(Exit.WRONG_USAGE, ValueError, lambda _error: f"{path} cannot be read as a JWK."),
        ending_as(Exit.WRONG_USAGE, MalformedValue, lambda error: f"{path}: {error}"),
    ):
        content = path.read_bytes()
        check_json(content)
        jwk = json.loads(content)
    if not isinstance(jwk, dict):
        raise CommandError(Exit.WRONG_USAGE, f"{path} is not a JWK.")
    return jwk
