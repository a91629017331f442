"""`kroniek token`: issue a token for local use."""

from __future__ import annotations

import argparse
from datetime import timedelta

from api.cli.common import must_be_nameable, settings_of
from api.cli.output import CommandError, Exit, Output
from api.composition.log_and_rules import utc_now
from api.composition.tokens import make_issuer
from application.ports import Caller, Role

DEFAULT_HOURS = 12
MAX_HOURS = 24 * 31


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", required=True, choices=[role.value for role in Role])
    parser.add_argument("--organisation", required=True, metavar="ID", help="the organisation that the caller acts for")
    parser.add_argument("--subject", default="local-user", metavar="PSEUDONYM", help="who the caller is")
    parser.add_argument("--scope", action="append", default=[], metavar="NAME", help="granted beyond the role")
    parser.add_argument("--hours", type=int, default=DEFAULT_HOURS, help=f"how long it is valid, at most {MAX_HOURS}")


def run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    if settings.jwks_url is not None:
        raise CommandError(Exit.WRONG_SETTINGS, "Tokens come from the issuer behind KRONIEK_JWKS_URL.")
    if not 0 < options.hours <= MAX_HOURS:
        raise CommandError(Exit.WRONG_USAGE, f"A token is valid for 1 to {MAX_HOURS} hours.")
    must_be_nameable(options.subject, options.role, options.organisation, scope=" ".join(options.scope))
    caller = Caller(
        subject=options.subject,
        role=Role(options.role),
        organisation_id=options.organisation,
        scopes=frozenset(options.scope),
    )
    token = make_issuer(settings).issue(caller, utc_now(), timedelta(hours=options.hours))
    output.result({"token": token, "expiresInS": options.hours * 3600}, token)
