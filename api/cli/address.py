"""`kroniek address`: the address of the embedded database for a person who only reads, with any PostgreSQL client."""

from __future__ import annotations

import argparse

from api.cli.common import database, settings_of
from api.cli.output import CommandError, Exit, Output

READING = ("auditor", "reader")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", choices=READING, help="auditor: all events and read models; reader: read models only")


def run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    with database(settings) as addresses:
        if settings.names_a_database:
            sentence = "On a server of your own its administrator gives out logins; see docs/administrator.md."
            raise CommandError(Exit.WRONG_SETTINGS, sentence)
        address = addresses.auditor if options.role == "auditor" else addresses.reader
    output.result({"address": address}, address)
